package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a test makes outside its own folder has the process id of its maker in
// its name: the laboratory's namespaces, and folders of other users. A run that
// was killed cleans nothing up, so the next one does.

// labID begins the names of this run's namespaces.
func labID() string { return fmt.Sprintf("pd%d-", os.Getpid()) }

// makerOf is the process that a name tells of, 0 when it tells of none.
func makerOf(name string) int {
	m := regexp.MustCompile(`^(?:pd|parley-unit-)(\d+)-`).FindStringSubmatch(name)
	if m == nil {
		return 0
	}
	pid, _ := strconv.Atoi(m[1])
	return pid
}

func lives(pid int) bool {
	p, err := os.FindProcess(pid)
	return err == nil && !errors.Is(p.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// removeLeftovers takes away what makers left that do not live any more.
func removeLeftovers() {
	for _, dir := range []string{"/run/netns", "/etc/netns", os.TempDir()} {
		list, _ := os.ReadDir(dir)
		for _, e := range list {
			pid := makerOf(e.Name())
			switch path := filepath.Join(dir, e.Name()); {
			case pid == 0 || lives(pid):
			case dir == "/run/netns":
				removeNamespace(e.Name())
			default:
				os.RemoveAll(path)
			}
		}
	}
}

// removeNamespace ends what still runs inside.
func removeNamespace(ns string) {
	for range 10 { // what a process starts while it dies is met in the next round
		out, _ := exec.Command("ip", "netns", "pids", ns).Output()
		pids := strings.Fields(string(out))
		if len(pids) == 0 {
			break
		}
		for _, p := range pids {
			pid, _ := strconv.Atoi(p)
			if p, err := os.FindProcess(pid); err == nil && pid > 1 {
				_ = p.Kill()
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	exec.Command("ip", "netns", "del", ns).Run()
}

func TestLeftoversOfAKilledRunAreRemoved(t *testing.T) {
	l := newLab(t)
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	maker := gone.Process.Pid
	ns := fmt.Sprintf("pd%d-1s", maker)
	dirs := []string{"/etc/netns/" + ns, filepath.Join(os.TempDir(), fmt.Sprintf("parley-unit-%d-x", maker))}
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	l.must("ip", "netns", "add", ns)
	inside := exec.Command("ip", "netns", "exec", ns, "sleep", "1000")
	if err := inside.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "something runs inside", func() bool {
		out, _ := exec.Command("ip", "netns", "pids", ns).Output()
		return len(out) > 0
	})
	removeLeftovers()
	if err := inside.Wait(); err == nil {
		t.Error("what ran inside went on to its end")
	}
	for _, path := range append(dirs, "/run/netns/"+ns) {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	if _, err := os.Stat("/run/netns/" + l.server); err != nil {
		t.Errorf("a namespace in use was taken: %v", err)
	}
}
