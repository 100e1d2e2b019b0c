package auth

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"time"
)

const (
	// freeFailures is how often an account or an address may fail before it
	// has to wait.
	freeFailures = 5
	// firstWait doubles with each failure up to maxWait: a person who mistypes
	// waits little, a program gets about a hundred guesses a day.
	firstWait = 15 * time.Second
	maxWait   = 15 * time.Minute
	// forgetAfter is longer than maxWait, so that waiting does not reset it.
	forgetAfter = 2 * maxWait
	// maxThrottled bounds the table: 1 MB.
	maxThrottled = 10_000
	// maxKey keeps what a stranger typed from filling the table.
	maxKey = 160
)

// outcome is how an attempt ended.
type outcome int

const (
	attemptPassed    outcome = iota
	attemptFailed            // counts
	attemptUndecided         // the password was not looked at
)

// throttle counts failed passwords for each account and each address. Attempts
// that are under way count as failures until they end, so that a hundred at once
// are not a hundred guesses.
type throttle struct {
	mu      sync.Mutex
	entries map[string]*attempts
	settled chan struct{} // closed and replaced at each end
}

type attempts struct {
	failures, pending int
	last              time.Time // of the last failure
}

func newThrottle() *throttle {
	return &throttle{entries: map[string]*attempts{}, settled: make(chan struct{})}
}

// addrKey counts IPv6 by /64, which is what one customer gets.
func addrKey(a netip.Addr) string {
	if a.Is6() {
		p, _ := a.Prefix(64)
		a = p.Addr()
	}
	return "address " + a.String()
}

// begin admits an attempt for all keys, or refuses it with rate_limited. It
// waits for attempts under way when they would use up what is free.
func (t *throttle) begin(ctx context.Context, now func() time.Time, keys []string) error {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	for {
		settled, err := t.tryBegin(now(), keys)
		if settled == nil {
			return err
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return serverFull("Too many people sign in at once. Try again in a moment.")
		}
	}
}

// tryBegin gives a channel to wait on when the attempts under way decide.
func (t *throttle) tryBegin(now time.Time, keys []string) (settled <-chan struct{}, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var wait time.Duration
	crowded := false
	for _, k := range keys {
		if e := t.entries[clip(k)]; e != nil {
			e.forget(now)
			wait = max(wait, e.wait(now))
			crowded = crowded || e.pending > 0 && e.pending >= e.room()
		}
	}
	if wait > 0 {
		return nil, rateLimited(wait)
	}
	if crowded {
		return t.settled, nil
	}
	for _, k := range keys {
		t.entryLocked(now, clip(k)).pending++
	}
	return nil, nil
}

// end tells how an attempt that begin admitted went. The right password clears
// its account, but not its address: who knows one password may guess others.
func (t *throttle) end(now time.Time, keys []string, how outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range keys {
		e := t.entries[clip(k)]
		if e == nil {
			continue
		}
		e.pending--
		switch {
		case how == attemptFailed:
			e.failures, e.last = e.failures+1, now
		case how == attemptPassed && strings.HasPrefix(k, "account "):
			e.failures = 0
		}
		if e.failures == 0 && e.pending <= 0 {
			delete(t.entries, clip(k))
		}
	}
	close(t.settled)
	t.settled = make(chan struct{})
}

func (t *throttle) entryLocked(now time.Time, key string) *attempts {
	if e := t.entries[key]; e != nil {
		return e
	}
	if len(t.entries) >= maxThrottled {
		t.evictLocked()
	}
	e := &attempts{last: now}
	t.entries[key] = e
	return e
}

// evictLocked forgets whoever failed longest ago. It runs at most once for a
// password comparison, which costs far more.
func (t *throttle) evictLocked() {
	var oldest string
	for k, e := range t.entries {
		if e.pending == 0 && (oldest == "" || e.last.Before(t.entries[oldest].last)) {
			oldest = k
		}
	}
	delete(t.entries, oldest)
}

func (e *attempts) forget(now time.Time) {
	if now.Sub(e.last) > forgetAfter {
		e.failures = 0
	}
}

// wait is how long the next attempt has to wait.
func (e *attempts) wait(now time.Time) time.Duration {
	if e.failures < freeFailures {
		return 0
	}
	span := maxWait
	if n := e.failures - freeFailures; n < 6 {
		span = min(maxWait, firstWait<<n)
	}
	return max(0, e.last.Add(span).Sub(now))
}

// room is how many attempts may be under way: after the free failures one.
func (e *attempts) room() int { return max(1, freeFailures-e.failures) }

func clip(key string) string { return key[:min(len(key), maxKey)] }
