//go:build linux && !portable

package dataplane

import (
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// every is how many datagrams of a spring come between two of the other's.
const every = 5000

// spring is a socket that is never empty: whoever takes a datagram of it calls
// next, which sends another one there.
type spring struct {
	sink  // to be a client's link
	from  *net.UDPConn
	to    netip.AddrPort
	taken atomic.Int64
	other *net.UDPConn // is sent a datagram every now and then
}

func (s *spring) Queue(_, _ []byte) bool { s.next(); return false }

func (s *spring) next() {
	if n := s.taken.Add(1); n%every == 0 {
		_, _ = s.from.WriteToUDPAddrPort([]byte("x"), addressOf(s.other))
	}
	_, _ = s.from.WriteToUDPAddrPort([]byte("\x00\x01"), s.to)
}

// reader is a kind of reader; round is what it takes of one socket at once.
type reader struct {
	name  string
	round int64
	start func(*testing.T, *Plane, *spring)
}

func readerKinds() []reader {
	return []reader{
		{"clients", slots, func(t *testing.T, p *Plane, s *spring) {
			u, err := p.Listen(loopback(t))
			if err != nil {
				t.Fatal(err)
			}
			s.to = addressOf(u.sockets[0].conn)
			var wg sync.WaitGroup
			wg.Go(func() {
				u.Serve(func() Handler { return func(Client, []byte) { s.next() } }, func(err error) { t.Error(err) })
			})
			t.Cleanup(func() { _ = u.Close(); wg.Wait() })
		}},
		{"peers", maxRead, func(t *testing.T, p *Plane, s *spring) {
			r := open(t, p, s, 50001)
			r.Permit(addressOf(s.from).Addr())
			s.to = r.socketAddress(t)
		}},
	}
}

// eachSpring runs a test while a reader finds ever more, on one processor.
func eachSpring(t *testing.T, test func(t *testing.T, s *spring, round int64)) {
	for _, c := range readerKinds() {
		t.Run(c.name, func(t *testing.T) {
			before := runtime.GOMAXPROCS(1)
			t.Cleanup(func() { runtime.GOMAXPROCS(before) })
			s := &spring{from: loopback(t), other: loopback(t)}
			c.start(t, newPlane(t, everyone), s)
			for range 4 * c.round {
				s.next()
			}
			test(t, s, c.round)
		})
	}
}

// TestOthersGoOn: while a reader finds ever more packets, whoever waits for the
// network on the same processor does not wait for more than the round that it
// came in; but for the scheduler's own exceptions.
func TestOthersGoOn(t *testing.T) {
	eachSpring(t, func(t *testing.T, s *spring, round int64) {
		if err := s.other.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		const tries = 40
		var late []int64
		for i := int64(1); i <= tries; i++ {
			if _, _, err := s.other.ReadFromUDPAddrPort(make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			if waited := s.taken.Load() - every*i; waited > round {
				late = append(late, waited)
			}
		}
		if len(late) > tries/4 {
			t.Errorf("%d of %d datagrams waited while the reader took more than %d others: %v", len(late), tries, round, late)
		}
	})
}

// TestNobodyStarves: one who computes on the same processor, without waiting for
// anything, leaves the reader its share.
func TestNobodyStarves(t *testing.T) {
	eachSpring(t, func(t *testing.T, s *spring, round int64) {
		before := s.taken.Load()
		for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
		}
		// With a round for each 10 ms it would be 50.
		if rounds := (s.taken.Load() - before) / round; rounds < 150 {
			t.Errorf("%d rounds in half a second", rounds)
		}
	})
}
