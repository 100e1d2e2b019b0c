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

func TestBudgetOverRestartsAndMonths(t *testing.T) {
	c := &clock{now: time.Date(2027, 1, 31, 23, 0, 0, 0, time.UTC)}
	file := filepath.Join(t.TempDir(), "traffic")
	run := func(bytes int) *testServer {
		s := start(t, func(o *Options) {
			o.Now, o.AllowOwn, o.MonthlyBudget, o.BudgetFile = c.Now, true, 1000, file
		})
		if bytes > 0 {
			p := s.probe("udp", s.user("ann"))
			p.allocate()
			peer := plainPeer(t)
			p.want(0, methodChannelBind, bindAttrs(0x4000, addrPortOf(peer.LocalAddr())))
			p.channelData(0x4000, make([]byte, bytes))
			eventually(t, "the bytes are counted", func() bool { return s.Snapshot().BytesUp == uint64(bytes) })
		}
		return s
	}
	s := run(700)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", st, err)
	}
	s = run(400)
	if used := s.Snapshot().BudgetUsed; used != 1100 {
		t.Errorf("used %d", used)
	}
	eventually(t, "the budget is found used up", s.budget.exceeded)
	p := s.probe("udp", s.user("ben"))
	p.want(508, methodAllocate, udpTransport)

	c.advance(2 * time.Hour) // another month
	eventually(t, "the month begins at zero", func() bool { return !s.budget.exceeded() })
	p.nonce, p.user = nil, s.user("ben")
	p.allocate()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s = run(0); s.Snapshot().BudgetUsed != 0 {
		t.Errorf("used %d in the new month", s.Snapshot().BudgetUsed)
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := testOptions()
	o.BudgetFile = file
	if _, err := New(o); err == nil {
		t.Error("a broken count is taken")
	}
}

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

func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no secret":      func(o *Options) { o.Secrets = nil },
		"empty secret":   func(o *Options) { o.Secrets = []string{"a", ""} },
		"long realm":     func(o *Options) { o.Realm = "a realm that is much too long" },
		"no address":     func(o *Options) { o.External = nil },
		"ports reversed": func(o *Options) { o.PortMin, o.PortMax = 30000, 20000 },
		"low ports":      func(o *Options) { o.PortMin, o.PortMax = 80, 20000 },
		"engine":         func(o *Options) { o.Engine = "steam" },
	} {
		o := testOptions()
		change(&o)
		if s, err := New(o); err == nil {
			_ = s.Close()
			t.Errorf("%s: taken", name)
		}
	}
}
