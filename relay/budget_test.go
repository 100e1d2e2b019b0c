package relay

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
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

// TestBudgetOutlivesACrash: what the file holds while the server runs is what a
// crash leaves to the next one.
func TestBudgetOutlivesACrash(t *testing.T) {
	file := filepath.Join(t.TempDir(), "traffic")
	run := func(file string) *testServer {
		return startAmong(t, func(o *Options) { o.AllowOwn, o.MonthlyBudget, o.BudgetFile = true, 1000, file })
	}
	s := run(file)
	p := s.probe("udp", s.user("ann"))
	p.allocate()
	p.want(0, methodChannelBind, bindAttrs(0x4000, addrPortOf(plainPeer(t).LocalAddr())))
	p.channelData(0x4000, make([]byte, 1100))
	left := filepath.Join(t.TempDir(), "traffic")
	eventually(t, "the count is saved", func() bool {
		raw, err := os.ReadFile(file)
		return err == nil && os.WriteFile(left, raw, 0o600) == nil
	})
	s = run(left)
	s.probe("udp", s.user("ben")).want(508, methodAllocate, udpTransport)
}

func TestBudgetIsSavedWithinSeconds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "traffic")
	synctest.Test(t, func(t *testing.T) {
		b, err := openBudget(Options{Now: time.Now, BudgetFile: file})
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			time.Sleep(housekeepingPause)
			b.tick(7, time.Now(), slog.New(slog.DiscardHandler))
		}
		if b, err = openBudget(Options{Now: time.Now, BudgetFile: file}); err != nil || b.used(0) != 7 {
			t.Errorf("a crash leaves %d of 7 bytes, %v", b.used(0), err)
		}
	})
}

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
