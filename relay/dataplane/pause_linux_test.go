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
	if n := s.taken.Add(1); n%5000 == 0 {
		_, _ = s.from.WriteToUDPAddrPort([]byte{byte(n / 5000)}, addressOf(s.other))
	}
	_, _ = s.from.WriteToUDPAddrPort([]byte("\x00\x01"), s.to)
}

// TestOthersGoOn: while a reader finds ever more packets, whoever waits for the
// network on the same processor does not wait for more than the round that it
// came in.
func TestOthersGoOn(t *testing.T) {
	runtime.GOMAXPROCS(1)
	t.Cleanup(runtime.SetDefaultGOMAXPROCS)
	for name, start := range map[string]func(*testing.T, *Plane, *spring){
		"clients": func(t *testing.T, p *Plane, s *spring) {
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
		},
		"peers": func(t *testing.T, p *Plane, s *spring) {
			r := open(t, p, s, 50001)
			r.Permit(addressOf(s.from).Addr())
			s.to = r.socketAddress(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &spring{from: loopback(t), other: loopback(t)}
			start(t, newPlane(t, everyone), s)
			for range 4 * slots {
				s.next()
			}
			if err := s.other.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			for i := int64(1); i <= 20; i++ {
				if _, _, err := s.other.ReadFromUDPAddrPort(make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
				if waited := s.taken.Load() - 5000*i; waited > slots*3/2 {
					t.Fatalf("a datagram waited while the reader took %d others", waited)
				}
			}
		})
	}
}
