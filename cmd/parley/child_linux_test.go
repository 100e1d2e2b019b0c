package main

import (
	"os/exec"
	"syscall"
)

// bound has c die with this process, also when that is killed and cleans
// nothing up. (A thread that starts a process lives as long as this one does.)
func bound(c *exec.Cmd) *exec.Cmd {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}
