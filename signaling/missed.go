package signaling

import (
	"slices"
	"sync"
	"time"
)

// Missed calls are kept for accounts, in memory.
const (
	missedKept  = 20
	missedSpan  = 24 * time.Hour
	missedUsers = 10000 // accounts with missed calls at once
)

// missedCall is an entry of welcome.missed.
type missedCall struct {
	From missedFrom `json:"from"`
	At   int64      `json:"at"` // Unix seconds
}

type missedFrom struct {
	User string `json:"user"`
	Name string `json:"name"`
}

// missedBook keeps the missed calls of accounts.
type missedBook struct {
	mu     sync.Mutex
	byUser map[string][]missedCall
}

// add notes that a call from who did not reach an account.
func (b *missedBook) add(user string, who Identity, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.byUser) >= missedUsers {
		b.fadeLocked(now)
	}
	if len(b.byUser) >= missedUsers && b.byUser[user] == nil {
		return
	}
	calls := append(b.byUser[user], missedCall{missedFrom{who.User, who.Name}, now.Unix()})
	b.byUser[user] = calls[max(0, len(calls)-missedKept):]
}

// of returns what a user has missed, oldest first.
func (b *missedBook) of(user string, now time.Time) []missedCall {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]missedCall{}, fresh(b.byUser[user], now)...)
}

func (b *missedBook) fadeLocked(now time.Time) {
	for user, calls := range b.byUser {
		if len(fresh(calls, now)) == 0 {
			delete(b.byUser, user)
		}
	}
}

// fresh leaves out what is too old; calls are in order.
func fresh(calls []missedCall, now time.Time) []missedCall {
	oldest := now.Add(-missedSpan).Unix()
	at := slices.IndexFunc(calls, func(c missedCall) bool { return c.At >= oldest })
	if at < 0 {
		return nil
	}
	return calls[at:]
}
