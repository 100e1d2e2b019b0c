package auth

import (
	"context"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// hashWait is how long a login waits for its turn: longer, and the person has
// given up.
const hashWait = 10 * time.Second

// hasher compares passwords, at most one a core at a time: logins never take
// the processor from calls.
type hasher struct {
	slots chan struct{}
	count atomic.Uint64
}

func newHasher() *hasher { return &hasher{slots: make(chan struct{}, runtime.GOMAXPROCS(0))} }

// match says whether password is the one of hash. What is longer than bcrypt
// reads costs the same and is never right. The error is server_full, when ctx or
// the wait is over.
func (h *hasher) match(ctx context.Context, hash []byte, password string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return false, serverFull("Too many people sign in at once. Try again in a moment.")
	}
	defer func() { <-h.slots }()
	h.count.Add(1)
	equal := bcrypt.CompareHashAndPassword(hash, []byte(password[:min(len(password), maxPassword)])) == nil
	return equal && len(password) <= maxPassword, nil
}

// checkPassword compares under the throttle. account is what failures are
// counted for beside the address, or "" when there is no account; known is false
// when the hash is a dummy.
func (s *Service) checkPassword(r *http.Request, account string, hash []byte, known bool, password string) error {
	keys := []string{addrKey(s.ClientAddr(r))}
	if account != "" {
		keys = append(keys, "account "+account)
	}
	if err := s.throt.begin(r.Context(), s.opts.Now, keys); err != nil {
		return err
	}
	equal, err := s.hasher.match(r.Context(), hash, password)
	switch {
	case err != nil:
		s.throt.end(s.opts.Now(), keys, attemptUndecided)
		return err
	case !equal || !known:
		s.throt.end(s.opts.Now(), keys, attemptFailed)
		return wrongCredentials()
	}
	s.throt.end(s.opts.Now(), keys, attemptPassed)
	return nil
}
