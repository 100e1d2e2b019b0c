//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
)

// scratch makes a folder for what a run keeps, with its process id in the name,
// and removes those of runs that were killed before they could do so.
func scratch(kind string) (string, error) {
	removeLeftovers()
	return os.MkdirTemp("", fmt.Sprintf("parley-%s-%d-", kind, os.Getpid()))
}

func removeLeftovers() {
	name := regexp.MustCompile(`^parley-(?:soak|bench|relay)-(\d+)-\d+$`)
	list, _ := os.ReadDir(os.TempDir())
	for _, e := range list {
		m := name.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		if pid, err := strconv.Atoi(m[1]); err == nil && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			dir := filepath.Join(os.TempDir(), e.Name())
			_ = syscall.Unmount(filepath.Join(dir, soakData), syscall.MNT_DETACH)
			_ = os.RemoveAll(dir)
		}
	}
}

// withUs has a process end with this one, also when that is killed.
func withUs() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
