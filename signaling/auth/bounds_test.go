package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// The tables that strangers fill stay bounded, and what they forget first is
// what matters least. Over HTTP this would take ten thousand hashes.
func TestThrottleIsBounded(t *testing.T) {
	now := time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	th := newThrottle()
	fail := func(key string) error {
		err := th.begin(t.Context(), clock, []string{key})
		if err == nil {
			th.end(now, []string{key}, attemptFailed)
		}
		return err
	}
	a := netip.MustParseAddr("10.0.0.0")
	for range maxThrottled {
		if err := fail(addrKey(a)); err != nil {
			t.Fatal(err)
		}
		a, now = a.Next(), now.Add(time.Millisecond)
	}
	for range freeFailures {
		if err := fail("account ann"); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(th.entries); n > maxThrottled {
		t.Errorf("%d entries", n)
	}
	if fail("account ann") == nil {
		t.Error("the newest entry was forgotten")
	}
	now = now.Add(forgetAfter + time.Second)
	for range freeFailures {
		if err := fail("account ann"); err != nil {
			t.Errorf("failures are never forgotten: %v", err)
		}
	}
}

func TestNamesAreBounded(t *testing.T) {
	now := time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC)
	table := newNameTable(time.Minute)
	for i := range maxNames {
		if err := table.reserve(now, fmt.Sprint(i), fmt.Sprint("g_", i), ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.reserve(now, "one more", "g_x", ""); err == nil {
		t.Error("the table has no bound")
	}
	if err := table.reserve(now, "7", "g_7", ""); err != nil {
		t.Errorf("a holder was refused: %v", err)
	}
	now = now.Add(time.Minute)
	if err := table.reserve(now, "one more", "g_x", ""); err != nil || len(table.names) > 2 {
		t.Errorf("%v, %d names", err, len(table.names))
	}
}
