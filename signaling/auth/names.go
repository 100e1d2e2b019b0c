package auth

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxNames bounds the table of names in use: 20 MB at most.
const maxNames = 50_000

// nameTable reserves names by their comparison form, protocol.md 3: while a
// holder has a session, and for a while after sign-in or the last session. A
// guest needs a name that nobody else holds. An account holds its name beside
// anybody, and is never refused.
type nameTable struct {
	hold time.Duration

	mu      sync.Mutex
	names   map[string]*held
	sweepAt int // size at which expired names are looked for
}

// held says who has a name: users with sessions, and the last one who had it.
type held struct {
	sessions map[string]int // by user id
	last     string         // user id
	until    time.Time      // how long the name is kept for last
}

func newNameTable(hold time.Duration) *nameTable {
	return &nameTable{hold: hold, names: map[string]*held{}, sweepAt: 1024}
}

// reserve keeps a name for user, who has just signed in. former, when it is not
// "", is a user whose name this may take over: the same browser's login before.
func (t *nameTable) reserve(now time.Time, form, user, former string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.names[form]; h != nil && former != "" && former != user {
		delete(h.sessions, former)
		if h.last == former {
			h.last = user
		}
	}
	h, err := t.claimLocked(now, form, user)
	if err == nil {
		h.last, h.until = user, now.Add(t.hold)
	}
	return err
}

// take counts one more session of user under the name.
func (t *nameTable) take(now time.Time, form, user string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	h, err := t.claimLocked(now, form, user)
	if err == nil {
		h.sessions[user]++
	}
	return err
}

// release undoes one take; the name stays reserved for the hold.
func (t *nameTable) release(now time.Time, form, user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.names[form]
	if h == nil || h.sessions[user] == 0 {
		return
	}
	if h.sessions[user]--; h.sessions[user] == 0 {
		delete(h.sessions, user)
		h.last, h.until = user, now.Add(t.hold)
	}
}

// drop frees what user holds under the name: he has signed out.
func (t *nameTable) drop(form, user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.names[form]
	if h == nil {
		return
	}
	delete(h.sessions, user)
	if h.last == user {
		h.until = time.Time{}
	}
	if len(h.sessions) == 0 && h.until.IsZero() {
		delete(t.names, form)
	}
}

func (t *nameTable) claimLocked(now time.Time, form, user string) (*held, error) {
	h := t.names[form]
	if h == nil {
		if err := t.roomLocked(now); err != nil {
			return nil, err
		}
		h = &held{sessions: map[string]int{}}
		t.names[form] = h
	}
	if strings.HasPrefix(user, accountPrefix) || !h.taken(now, user) {
		return h, nil
	}
	return nil, nameTaken()
}

// free says with name_taken that somebody else has the name now.
func (t *nameTable) free(now time.Time, form, user string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.names[form]; h != nil && h.taken(now, user) {
		return nameTaken()
	}
	return nil
}

// taken says whether somebody other than user has the name.
func (h *held) taken(now time.Time, user string) bool {
	for holder := range h.sessions {
		if holder != user {
			return true
		}
	}
	return h.last != user && now.Before(h.until)
}

// roomLocked makes room for one more name.
func (t *nameTable) roomLocked(now time.Time) error {
	if len(t.names) >= t.sweepAt {
		for form, h := range t.names {
			if len(h.sessions) == 0 && !now.Before(h.until) {
				delete(t.names, form)
			}
		}
		t.sweepAt = min(2*len(t.names)+1024, maxNames)
	}
	if len(t.names) >= maxNames {
		return serverFull("Too many names are in use. Try again in a moment.")
	}
	return nil
}

// mostNamesakes bounds the tries of claimName.
const mostNamesakes = 100

// claimName claims the name of l. Where it is taken and was only proposed, l gets
// the first free one of "Bob 2", "Bob 3" and so on: many may use one invite.
func (s *Service) claimName(l Login, claim func(form string) error) (Login, error) {
	first := l.Name
	for n := 2; ; n++ {
		form, err := s.freeForm(l.Name, l.User.User)
		if err == nil {
			err = claim(form)
		}
		var r *Refusal
		if err == nil || !l.proposed || n > mostNamesakes || !errors.As(err, &r) || r.Reason != nameTaken().Reason {
			return l, err
		}
		l.Name = namesake(first, n)
	}
}

// namesake is the n-th of a name, within the longest name.
func namesake(name string, n int) string {
	suffix := " " + strconv.Itoa(n)
	runes := []rune(name)
	return strings.TrimSpace(string(runes[:min(len(runes), maxName-len(suffix))])) + suffix
}

// HoldName reserves the name of a login for one more session. It fails with
// name_taken when another guest, or an account of the users file, has it. Only
// ID, User.User and Name of l are read.
func (s *Service) HoldName(l Login) error {
	form, err := s.freeForm(l.Name, l.User.User)
	if err != nil {
		return err
	}
	return s.names.take(s.opts.Now(), form, l.User.User)
}

// ReleaseName undoes one HoldName when the session has ended; the name stays
// reserved for NameHold.
func (s *Service) ReleaseName(l Login) {
	if _, form, err := cleanName(l.Name); err == nil {
		s.names.release(s.opts.Now(), form, l.User.User)
	}
}

// Rename moves one session of l to another name and gives the login as it is
// then. The sealed login keeps its first name. Errors: bad_name, name_taken.
func (s *Service) Rename(l Login, name string) (Login, error) {
	name, _, err := cleanName(name)
	if err != nil {
		return l, err
	}
	next := l
	next.Name = name
	if err := s.HoldName(next); err != nil {
		return l, err
	}
	s.ReleaseName(l)
	return next, nil
}

// freeForm gives the comparison form of a name unless it belongs to another
// user's account.
func (s *Service) freeForm(name, user string) (string, error) {
	_, form, err := cleanName(name)
	if err != nil {
		return "", err
	}
	a, ok := s.proofs.Load().accounts[form]
	if ok && a.user != user && strings.HasPrefix(user, guestPrefix) {
		r := nameTaken()
		r.Message = "This name belongs to an account. Choose another one, or sign in with its password."
		return "", r
	}
	return form, nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
