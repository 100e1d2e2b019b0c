//go:build unix

package relay

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestSlowDisk: a save that hangs holds up no Allocate. Opening a pipe that
// nobody reads hangs as a full disk queue does.
func TestSlowDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "traffic")
	if err := syscall.Mkfifo(file+".new", 0o600); err != nil {
		t.Skip(err)
	}
	b, err := openBudget(Options{Now: time.Now, BudgetFile: file, MonthlyBudget: 1})
	if err != nil {
		t.Fatal(err)
	}
	saved, asked := make(chan error, 1), make(chan bool, 1)
	go func() { saved <- b.save(5, time.Now()) }()
	eventually(t, "the save has begun", func() bool { return !b.saving.TryLock() || unlocked(&b.saving) })
	go func() { asked <- b.exceeded() }()
	select {
	case <-asked:
	case <-time.After(patience):
		t.Error("a request waits for the disk")
	}
	pipe, err := os.Open(file + ".new")
	if err != nil {
		t.Fatal(err)
	}
	<-saved // it fails, for a pipe cannot be synchronized
	_ = pipe.Close()
	if err := os.Remove(file + ".new"); err != nil {
		t.Fatal(err)
	}
	if err := b.save(5, time.Now()); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(file); err != nil || !strings.Contains(string(raw), `"bytes":5`) {
		t.Errorf("%s %v: a save that failed is not made up for", raw, err)
	}
}

func unlocked(m *sync.Mutex) bool { m.Unlock(); return false }
