package main

import (
	"sync"
	"time"

	"parley/signaling/auth"
)

const (
	// maxHolders bounds the memory of a server that hands out credentials
	// without end: about 20 MB.
	maxHolders = 100_000
	// longestRelay is when a relay ends, whoever refreshes it: after the life of
	// a credential and this nobody asks whose the login was.
	longestRelay = 24 * time.Hour
)

// holders remembers to whom TURN credentials went, so that a relay has a name
// also while its owner has no socket. A relay itself knows the id of the login
// alone. Its methods may be called from any goroutine.
type holders struct {
	keep time.Duration

	mu sync.Mutex
	by map[string]holder // by login id
}

type holder struct {
	user, name string
	until      time.Time
}

func newHolders(credentialTTL time.Duration) *holders {
	return &holders{keep: credentialTTL + longestRelay, by: map[string]holder{}}
}

// note is called whenever a login gets credentials.
func (h *holders) note(login, user, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, known := h.by[login]; !known && len(h.by) >= maxHolders {
		h.makeRoom()
	}
	h.by[login] = holder{user, name, time.Now().Add(h.keep)}
}

// makeRoom drops who is past his time, and then anybody until there is room for
// many: the table is walked once for thousands of logins, not for each.
func (h *holders) makeRoom() {
	now := time.Now()
	for login, p := range h.by {
		if now.After(p.until) {
			delete(h.by, login)
		}
	}
	for login := range h.by {
		if len(h.by) <= maxHolders-maxHolders/16 {
			return
		}
		delete(h.by, login)
	}
}

func (h *holders) find(login string) (user, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.by[login]
	return p.user, p.name
}

// forget is called when logins have ended, and says whether there was one.
func (h *holders) forget(e auth.Ended) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := len(h.by)
	if e.Login != "" {
		delete(h.by, e.Login)
		return len(h.by) < before
	}
	for login, p := range h.by {
		if p.user == e.User {
			delete(h.by, login)
		}
	}
	return len(h.by) < before
}
