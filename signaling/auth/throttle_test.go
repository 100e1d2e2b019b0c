package auth_test

import (
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"parley/signaling/auth"
)

func usersSite(t *testing.T) *site {
	return newSite(t, auth.Options{Mode: "users", Credentials: auth.Credentials{Users: accounts()}})
}

const wrongAnn = `{"name":"ann","password":"wrong"}`

// Of an account nobody guesses more than five times, wherever he comes from.
func TestThrottlePerAccount(t *testing.T) {
	s := usersSite(t)
	for i := range 5 {
		if resp, _ := s.login(wrongAnn, "Addr", fmt.Sprintf("192.0.2.%d:1", i)); resp.StatusCode != 401 {
			t.Fatalf("guess %d: %d", i, resp.StatusCode)
		}
	}
	hashes := s.Snapshot().Hashes
	right := `{"name":"ＡＮＮ","password":"correct horse"}`
	resp, a := s.login(right, "Addr", "192.0.2.77:1")
	after, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	if resp.StatusCode != 429 || a.Error.Code != "rate_limited" || a.Error.RetryMS <= 0 || int64(after)*1000 < a.Error.RetryMS {
		t.Fatalf("the sixth: %d %+v, Retry-After %q", resp.StatusCode, a.Error, resp.Header.Get("Retry-After"))
	}
	if s.Snapshot().Hashes != hashes {
		t.Error("a refused guess was hashed")
	}
	s.clock.Advance(time.Duration(a.Error.RetryMS) * time.Millisecond)
	s.mustLogin(right, "Addr", "192.0.2.77:1")
	// The right password clears the account.
	if resp, _ := s.login(wrongAnn, "Addr", "192.0.2.78:1"); resp.StatusCode != 401 {
		t.Errorf("after the right one: %d", resp.StatusCode)
	}
}

// An address has five guesses over all names; IPv6 counts by /64.
func TestThrottlePerAddress(t *testing.T) {
	s := usersSite(t)
	for i := range 5 {
		s.login(fmt.Sprintf(`{"name":"nobody%d","password":"x"}`, i), "Addr", fmt.Sprintf("[2001:db8:0:1::%d]:1", i))
	}
	resp, first := s.login(`{"name":"root","password":"battery staple"}`, "Addr", "[2001:db8:0:1:ffff::1]:9")
	if resp.StatusCode != 429 {
		t.Fatalf("the same /64: %d", resp.StatusCode)
	}
	s.mustLogin(`{"name":"root","password":"battery staple"}`, "Addr", "[2001:db8:0:2::1]:9")

	// Who goes on waits longer each time, up to 15 minutes.
	last := time.Duration(first.Error.RetryMS) * time.Millisecond
	for range 7 {
		s.clock.Advance(last)
		s.login(`{"name":"x","password":"x"}`, "Addr", "[2001:db8:0:1::1]:1")
		_, a := s.login(`{"name":"y","password":"x"}`, "Addr", "[2001:db8:0:1::1]:1")
		wait := time.Duration(a.Error.RetryMS) * time.Millisecond
		if wait < last || wait > 15*time.Minute {
			t.Fatalf("after %v waits %v", last, wait)
		}
		last = wait
	}
	if last != 15*time.Minute {
		t.Errorf("the longest wait is %v", last)
	}
}

// Guesses made at once are no more than guesses made in turn.
func TestThrottleAtOnce(t *testing.T) {
	s := usersSite(t)
	var mu sync.Mutex
	got := map[int]int{}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			w := newRecorder()
			s.web.ServeHTTP(w, request("POST", "/login", wrongAnn))
			mu.Lock()
			got[w.Code]++
			mu.Unlock()
		})
	}
	wg.Wait()
	// On a machine that is too slow to compare in time, 503 refuses as well.
	if got[401] > 5 || got[401] == 0 || got[401]+got[429]+got[503] != 20 {
		t.Errorf("20 guesses at once: %v", got)
	}
}

// People behind one address who know their password do not hinder each other.
func TestManyAtOnceBehindOneAddress(t *testing.T) {
	s := newSite(t, auth.Options{Mode: "password", Credentials: auth.Credentials{Password: sharedHash}})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			w := newRecorder()
			s.web.ServeHTTP(w, request("POST", "/login", fmt.Sprintf(`{"name":"pupil %d","password":"shared secret"}`, i)))
			if w.Code != 200 && w.Code != 503 { // 503: a machine too slow to compare in time
				t.Errorf("pupil %d: %d %s", i, w.Code, w.Body)
			}
		})
	}
	wg.Wait()
}
