//go:build !linux

package main

import "syscall"

// ownGroup starts a process in a group of its own.
func ownGroup(syscall.Signal) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
