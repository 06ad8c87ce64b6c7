//go:build !linux

package pg

import (
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// endWithParent does nothing here: the next start stops a leftover.
func endWithParent(*syscall.SysProcAttr) {}

// commandLine returns the arguments of a process, or nil when it is gone. One
// that holds a space comes in parts.
func commandLine(pid int) []string {
	out, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return nil
	}
	return strings.Fields(string(out))
}
