package main

import "syscall"

// ownGroup starts a process in a group of its own, to which the kernel sends
// atDeath when its starter dies.
func ownGroup(atDeath syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: atDeath}
}
