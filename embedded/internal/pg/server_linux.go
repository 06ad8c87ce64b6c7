package pg

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// endWithParent makes the kernel send a fast shutdown when the thread that
// starts the child ends.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGINT }

// commandLine returns the arguments of a process, or nil when it is gone.
func commandLine(pid int) []string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil {
		return nil
	}
	var args []string
	for arg := range bytes.SplitSeq(bytes.TrimRight(b, "\x00"), []byte{0}) {
		args = append(args, string(arg))
	}
	return args
}
