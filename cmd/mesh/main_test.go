package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"
)

// TestMain makes the test binary the mesh command when it is called by that
// name: by scripts, and by commands that start themselves.
func TestMain(m *testing.M) {
	testscript.Main(leakChecked{m}, map[string]func(){
		"mesh": func() { os.Exit(mainCode()) },
	})
}

// leakChecked fails a run that leaves goroutines behind.
type leakChecked struct{ m *testing.M }

func (l leakChecked) Run() int {
	code := l.m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}
