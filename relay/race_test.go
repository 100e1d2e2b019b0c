package relay

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// storm has clients allocate, bind and let go on all transports until stop is
// closed. Any answer will do, and none.
func storm(s *testServer, stop <-chan struct{}, logins ...string) *sync.WaitGroup {
	peer := echoPeer(s.t)
	var clients sync.WaitGroup
	for i, login := range logins {
		p := s.probe([]string{"udp", "tcp"}[i%2], s.user(login))
		p.learnNonce()
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for _, b := range [][]byte{
					p.signed(methodAllocate, udpTransport), p.signed(methodChannelBind, bindAttrs(0x4000, peer)),
					{0x40, 0, 0, 4, 'd', 'a', 't', 'a'}, p.signed(methodRefresh, lifetimeAttr(0)),
				} {
					if _, err := p.conn.Write(b); err != nil {
						return // the server has closed the connection
					}
				}
				for p.read(time.Millisecond) != nil {
				}
			}
		})
	}
	return &clients
}

// TestLogoutMeetsAllocate: once EndLogin has returned there is no allocation of
// the login, and none appears.
func TestLogoutMeetsAllocate(t *testing.T) {
	var mu sync.Mutex
	ended := make(map[string]bool)
	s := start(t, func(o *Options) {
		o.AllowOwn = true
		o.Ended = func(id string) bool { mu.Lock(); defer mu.Unlock(); return ended[id] }
	})
	stop := make(chan struct{})
	var logins []string
	for i := range 8 {
		logins = append(logins, fmt.Sprint("login", i))
	}
	clients := storm(s, stop, logins...)
	for _, id := range logins {
		mu.Lock()
		ended[id] = true
		mu.Unlock()
		s.EndLogin(id)
		for range 50 {
			if slices.ContainsFunc(s.Allocations(), func(a Allocation) bool { return a.Login == id }) {
				t.Fatalf("%s relays after its logout", id)
			}
		}
	}
	close(stop)
	clients.Wait()
}

// TestCloseUnderLoad closes a server, with a drain, a reload and logouts at the
// same time, while clients go on asking. The race detector and the count of
// goroutines (in start) are the judges.
func TestCloseUnderLoad(t *testing.T) {
	engines(t, func(t *testing.T, engine string) {
		s := start(t, func(o *Options) { o.AllowOwn, o.Engine = true, engine })
		stop := make(chan struct{})
		clients := storm(s, stop, "ann", "ann", "ben", "ben", "cid", "cid")
		eventually(t, "calls are made", func() bool { return s.Snapshot().AllocationResults["udp"]["ok"] > 2 })
		var admin sync.WaitGroup
		admin.Go(func() {
			for range 20 {
				_ = s.Reload(nil, s.o.Reloadable)
				s.Snapshot()
			}
		})
		admin.Go(func() {
			for range 20 {
				s.EndLogin("ann")
				for _, a := range s.Allocations() {
					s.End(a.ID)
				}
			}
		})
		admin.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			_ = s.Drain(ctx) // it ends when the allocations do or the server
		})
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		admin.Wait()
		if n := len(s.Allocations()); n > 0 {
			t.Errorf("%d allocations after Close", n)
		}
		close(stop)
		clients.Wait()
	})
}
