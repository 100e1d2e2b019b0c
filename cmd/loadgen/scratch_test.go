//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// The folder of a run that was killed goes with the next run, its disk included;
// that of a run that lives stays.
func TestScratchOfAKilledRunIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(os.TempDir(), fmt.Sprintf("parley-soak-%d-123", gone.Process.Pid))
	if err := os.MkdirAll(filepath.Join(left, soakData), 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		if err := syscall.Mount("tmpfs", filepath.Join(left, soakData), "tmpfs", 0, "size=64k"); err != nil {
			t.Fatal(err)
		}
	}
	mine, err := scratch("soak")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of a killed run is left: %v", err)
	}
	if _, err := scratch("bench"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("a folder in use was taken: %v", err)
	}
}
