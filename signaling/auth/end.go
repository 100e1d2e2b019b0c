package auth

import (
	"net/http"
	"strings"
	"time"
)

// Ended says whether the login with this id was ended before its time, by itself
// or with all of its user's. TURN credentials carry the same id.
func (s *Service) Ended(loginID string) bool {
	return s.ended.has(loginID, s.opts.Now())
}

// EndLogin ends one login: it counts nowhere any more, and OnEnd hears of it.
// Ending it again does no harm. An error means that a restart would forget it.
func (s *Service) EndLogin(id string) error {
	if !IsLoginID(id) {
		return &Refusal{Status: http.StatusNotFound, Reason: "not_found", Message: "There is no login with this id."}
	}
	return s.end(Ended{Login: id}, time.Time{})
}

// EndUser ends every login of a user that was issued before now, of an account
// (u_…) or of a guest (g_…).
func (s *Service) EndUser(user string) error {
	if id, ok := guestLogin(user); ok {
		return s.end(Ended{Login: id, User: user}, time.Time{})
	}
	if !validAccountID(user) {
		return &Refusal{Status: http.StatusNotFound, Reason: "not_found", Message: "There is no user with this id."}
	}
	return s.end(Ended{User: user}, time.Time{})
}

// end records e for as long as a login of now, or one that the same JWT gives
// until again, may last.
func (s *Service) end(e Ended, again time.Time) error {
	now := s.opts.Now()
	last := now
	if again.After(now) {
		last = again
	}
	// A credential handed out in the login's last second outlives it.
	until := last.Add(s.opts.SessionTTL + s.opts.CredentialTTL)
	var err error
	if e.Login != "" {
		err = s.ended.endLogin(e.Login, until, now)
	} else {
		err = s.ended.endUser(e.User, until, now)
	}
	if s.opts.OnEnd != nil {
		s.opts.OnEnd(e)
	}
	return err
}

// validAccountID keeps what accountID cannot have made out of the list.
func validAccountID(user string) bool {
	rest, ok := strings.CutPrefix(user, accountPrefix)
	if !ok || rest == "" || len(rest) > maxSubject {
		return false
	}
	for _, c := range []byte(rest) {
		if !plainByte(c) && c != '~' {
			return false
		}
	}
	return true
}
