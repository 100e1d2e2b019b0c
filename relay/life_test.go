package relay

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestExpiredCredential: expiry is judged at Allocate only, or a call would die
// with its credential.
func TestExpiredCredential(t *testing.T) {
	c := newClock()
	s := start(t, func(o *Options) { o.Now, o.AllowOwn = c.Now, true })
	peer := echoPeer(t)
	p := s.probe("udp", s.user("ann"))
	p.allocate()
	p.want(0, methodRefresh, lifetimeAttr(3600))

	c.advance(59 * time.Minute)
	p.nonce = nil
	p.want(0, methodRefresh, lifetimeAttr(3600))
	c.advance(2 * time.Minute)
	p.nonce = nil
	p.want(0, methodRefresh, lifetimeAttr(3600))
	p.want(0, methodCreatePermission, peerAttr(peer))
	p.want(0, methodChannelBind, bindAttrs(0x4000, peer))
	p.channelData(0x4000, []byte("alive"))
	p.wantChannel(0x4000, "alive")

	p2 := s.probe("udp", p.user)
	p2.want(401, methodAllocate, udpTransport)
}

// TestLastDay: however often it is refreshed, an allocation ends after a day.
func TestLastDay(t *testing.T) {
	c := newClock()
	s := start(t, func(o *Options) { o.Now = c.Now })
	p := s.probe("udp", s.user("ann"))
	p.allocate()
	for range 24 {
		p.nonce = nil
		p.want(0, methodRefresh, lifetimeAttr(3600))
		c.advance(time.Hour - time.Minute)
	}
	p.nonce = nil
	p.wantLifetime(p.want(0, methodRefresh, lifetimeAttr(3600)), 24*60)
	c.advance(24 * time.Minute)
	eventually(t, "the end after a day", func() bool { return len(s.Allocations()) == 0 })
	p.nonce = nil
	p.want(437, methodRefresh, nil)
}

func TestLifetimeEnds(t *testing.T) {
	c := newClock()
	s := start(t, func(o *Options) { o.Now, o.AllowOwn = c.Now, true })
	peer := plainPeer(t)
	p := s.probe("udp", s.user("ann"))
	relay := p.allocate()
	p.want(0, methodCreatePermission, peerAttr(addrPortOf(peer.LocalAddr())))
	c.advance(599 * time.Second)
	if n := len(s.Allocations()); n != 1 {
		t.Fatalf("%d allocations before the end", n)
	}
	c.advance(2 * time.Second)
	eventually(t, "the end of the lifetime", func() bool { return len(s.Allocations()) == 0 })
	_, _ = peer.WriteToUDPAddrPort([]byte("late"), relay)
	p.wantSilence("after the end")
	if h := s.Snapshot().Durations; h.Count != 1 || h.Sum < 600 || h.Counts[1] != 0 || h.Counts[3] != 1 {
		t.Errorf("durations %+v", h)
	}
}

func TestStaleNonce(t *testing.T) {
	c := newClock()
	s := start(t, func(o *Options) { o.Now = c.Now })
	p := s.probe("udp", s.user("ann"))
	p.allocate()
	c.advance(nonceLife - time.Second)
	p.want(0, methodRefresh, nil)
	c.advance(2 * time.Second)
	m := p.want(438, methodRefresh, nil)
	p.nonce, _ = m.get(attrNonce)
	p.want(0, methodRefresh, nil)
}

// TestEndLogin: a logout ends what lives at once, and the credential with it.
func TestEndLogin(t *testing.T) {
	var ended atomic.Bool
	s := start(t, func(o *Options) { o.Ended = func(id string) bool { return id == "ann" && ended.Load() } })
	ann, ben := s.user("ann"), s.user("ben")
	probes := []*prober{s.probe("udp", ann), s.probe("tcp", ann), s.probe("udp", ann)}
	for _, p := range probes {
		p.allocate()
	}
	other := s.probe("udp", ben)
	other.allocate()

	ended.Store(true)
	s.EndLogin("ann")
	if list := s.Allocations(); len(list) != 1 || list[0].Login != "ben" {
		t.Fatalf("left: %+v", list)
	}
	for _, p := range probes {
		p.want(401, methodRefresh, nil)
		p.want(401, methodAllocate, udpTransport)
	}
	other.want(0, methodRefresh, nil)
}

func TestEndOne(t *testing.T) {
	s := start(t, nil)
	p := s.probe("udp", s.user("ann"))
	relay := p.allocate()
	list := s.Allocations()
	if len(list) != 1 || list[0].Relay != relay || list[0].Login != "ann" || list[0].Transport != "udp" ||
		list[0].Client.String() != p.conn.LocalAddr().String() {
		t.Fatalf("%+v", list)
	}
	if s.End("nobody") || !s.End(list[0].ID) || s.End(list[0].ID) {
		t.Fatal("End does not tell what it ended")
	}
	p.want(437, methodRefresh, nil)
}

func TestStreamTakesItsAllocation(t *testing.T) {
	s := start(t, nil)
	p := s.probe("tcp", s.user("ann"))
	p.allocate()
	if n := s.Snapshot().Allocations["tcp"]; n != 1 {
		t.Fatalf("%d over TCP", n)
	}
	_ = p.conn.Close()
	eventually(t, "the allocation of a closed connection ends", func() bool { return len(s.Allocations()) == 0 })
}

func TestDrain(t *testing.T) {
	s := start(t, nil)
	p := s.probe("udp", s.user("ann"))
	p.allocate()
	done := make(chan error, 1)
	go func() { done <- s.Drain(context.Background()) }()
	eventually(t, "draining", func() bool { return s.Snapshot().Draining })
	s.probe("udp", s.user("ben")).want(508, methodAllocate, udpTransport)
	p.want(0, methodRefresh, nil)
	select {
	case err := <-done:
		t.Fatalf("drained with a live allocation: %v", err)
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := s.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("second Drain: %v", err)
	}
	p.want(0, methodRefresh, lifetimeAttr(0))
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("not drained")
	}
}

func TestReload(t *testing.T) {
	conn := plainPeer(t)
	go echo(conn)
	peer := addrPortOf(conn.LocalAddr())
	s := start(t, allowOwn)
	p := s.probe("udp", s.user("ann"))
	relay := p.allocate()
	p.want(0, methodChannelBind, bindAttrs(0x4000, peer))
	p.channelData(0x4000, []byte("before"))
	p.wantChannel(0x4000, "before")

	limits := testOptions().Reloadable
	if err := s.Reload(nil, limits); err != nil { // own addresses are closed again
		t.Fatal(err)
	}
	p.channelData(0x4000, []byte("after"))
	_, _ = conn.WriteToUDPAddrPort([]byte("from outside"), relay)
	p.wantSilence("an old permission against the new policy")

	old := s.user("ann")
	if err := s.Reload([]string{"south", testSecret}, limits); err != nil {
		t.Fatal(err)
	}
	p.want(0, methodRefresh, nil)
	s.probe("udp", old).allocate()
	s.probe("udp", s.user("ann")).allocate()
	if u := s.user("ann"); u.password != password("south", u.name) {
		t.Error("the first secret does not sign")
	}
	if err := s.Reload([]string{"south"}, limits); err != nil {
		t.Fatal(err)
	}
	s.probe("udp", old).want(401, methodAllocate, udpTransport)
	p.want(0, methodRefresh, nil) // whose call has begun stays in it
	p.user.password = "wrong"
	p.want(401, methodRefresh, nil)
	if err := s.Reload([]string{""}, limits); err == nil {
		t.Error("an empty secret is taken")
	}
}

func TestQuotas(t *testing.T) {
	s := start(t, func(o *Options) { o.MaxPerLogin, o.MaxAllocations, o.MaxPerAddress = 3, 5, 4 })
	var probes []*prober
	add := func(login string, want int) {
		t.Helper()
		p := s.probe("udp", s.user(login))
		p.want(want, methodAllocate, udpTransport)
		if want == 0 {
			probes = append(probes, p)
		}
	}
	for range 3 {
		add("ann", 0)
	}
	add("ann", 486)
	add("ben", 0)
	add("ben", 486) // the address has its four
	probes[0].want(0, methodRefresh, lifetimeAttr(0))
	add("ann", 0)

	// A refused request leaves nothing behind, and a retransmission is no second one.
	p := probes[0]
	p.want(400, methodAllocate, nil)
	limits := s.o.Reloadable
	limits.MaxPerAddress = 100
	if err := s.Reload(nil, limits); err != nil {
		t.Fatal(err)
	}
	raw := p.signed(methodAllocate, udpTransport)
	for range 3 {
		if m := p.ask(raw, patience); code(m) != 486 { // ann has three
			t.Fatalf("code %d", code(m))
		}
	}
	add("cid", 0)
	add("cid", 508) // five in all
	got := s.Snapshot().AllocationResults["udp"]
	if got["ok"] != 6 || got["486"] != 5 || got["508"] != 1 {
		t.Errorf("results %v", got)
	}
}

// TestQuotaOfReservations: a reserved port counts once, as does the allocation
// that claims it.
func TestQuotaOfReservations(t *testing.T) {
	s := start(t, func(o *Options) { o.MaxPerLogin = 2 })
	pair := func(w *builder) { udpTransport(w); w.add(attrEvenPort, []byte{0x80}) }
	first := s.probe("udp", s.user("ann"))
	token, _ := first.want(0, methodAllocate, pair).get(attrReservationToken)
	s.probe("udp", s.user("ann")).want(486, methodAllocate, udpTransport)
	s.probe("udp", s.user("ann")).want(0, methodAllocate, func(w *builder) { udpTransport(w); w.add(attrReservationToken, token) })
	first.want(0, methodRefresh, lifetimeAttr(0))
	s.probe("udp", s.user("ann")).want(486, methodAllocate, pair)
	s.probe("udp", s.user("ann")).want(0, methodAllocate, udpTransport)
}

// TestEveryPort: the range is full when it is full, not before.
func TestEveryPort(t *testing.T) {
	s := start(t, func(o *Options) { o.PortMin, o.PortMax, o.MaxPerLogin = 31000, 31099, 1000 })
	var probes []*prober
	ports := make(map[uint16]bool)
	for range 100 {
		p := s.probe("udp", s.user("ann"))
		ports[p.allocate().Port()] = true
		probes = append(probes, p)
	}
	if len(ports) != 100 {
		t.Fatalf("%d ports", len(ports))
	}
	p := s.probe("udp", s.user("ann"))
	p.want(508, methodAllocate, udpTransport)
	probes[50].want(0, methodRefresh, lifetimeAttr(0))
	p.allocate()
}

// TestForeignPort: a port of the range that another program has is skipped.
func TestForeignPort(t *testing.T) {
	foreign := plainPeer(t)
	port := addrPortOf(foreign.LocalAddr()).Port()
	if port == 65535 || port < 1024 {
		t.Skip("an unlucky port")
	}
	s := start(t, func(o *Options) { o.PortMin, o.PortMax = port, port })
	p := s.probe("udp", s.user("ann"))
	p.want(508, methodAllocate, udpTransport)
	_ = foreign.Close()
	if got := p.allocate().Port(); got != port {
		t.Fatalf("port %d", got)
	}
}

func TestPermissionCap(t *testing.T) {
	s := start(t, func(o *Options) { o.MaxPermissions = 5 })
	p := s.probe("udp", s.user("ann"))
	p.allocate()
	peer := func(n int) netip.AddrPort { return netip.MustParseAddrPort(fmt.Sprintf("8.8.8.%d:5000", n)) }
	for n := range 5 {
		p.want(0, methodCreatePermission, peerAttr(peer(n)))
	}
	p.want(508, methodCreatePermission, peerAttr(peer(5)))
	p.want(508, methodChannelBind, bindAttrs(0x4000, peer(5)))
	p.want(0, methodCreatePermission, peerAttr(peer(4)))
	p.want(0, methodCreatePermission, with(peerAttr(peer(0)), peerAttr(peer(0)), peerAttr(peer(1))))
	for n := range 5 {
		p.want(0, methodChannelBind, bindAttrs(0x4000+uint16(n), peer(n)))
	}
	p.want(508, methodChannelBind, bindAttrs(0x4100, netip.AddrPortFrom(peer(0).Addr(), 5001)))
	p.want(0, methodChannelBind, bindAttrs(0x4000, peer(0)))
}

// TestChurn runs allocations through their lives at once on many sockets; the
// race detector is the judge.
func TestChurn(t *testing.T) {
	engines(t, func(t *testing.T, engine string) {
		s := start(t, func(o *Options) { o.AllowOwn, o.Engine, o.MaxPerLogin = true, engine, 1000 })
		peer := echoPeer(t)
		stop := make(chan struct{})
		var ender, clients sync.WaitGroup
		ender.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
				}
				if list := s.Allocations(); len(list) > 4 {
					s.End(list[0].ID)
				}
				s.Snapshot()
			}
		})
		probes := make([]*prober, 12)
		for i := range probes {
			probes[i] = s.probe([]string{"udp", "tcp"}[i%2], s.user(fmt.Sprint("user", i)))
		}
		for i, p := range probes {
			clients.Go(func() {
				p.learnNonce()
				for n := range 15 {
					// Any answer will do: the allocation may be gone already.
					p.write(p.signed(methodAllocate, udpTransport))
					p.write(p.signed(methodCreatePermission, peerAttr(peer)))
					p.write(p.signed(methodChannelBind, bindAttrs(0x4000+uint16(i), peer)))
					for range 5 {
						p.channelData(0x4000+uint16(i), []byte("x"))
						p.sendIndication(peer, []byte("y"))
					}
					p.write(p.signed(methodRefresh, lifetimeAttr(uint32(n%2))))
					for p.read(2*time.Millisecond) != nil {
					}
				}
			})
		}
		clients.Wait()
		close(stop)
		ender.Wait()
		eventually(t, "nothing is left over", func() bool {
			for _, a := range s.Allocations() { // requests may still have been waiting
				s.End(a.ID)
			}
			s.ctl.Lock()
			defer s.ctl.Unlock()
			return len(s.allocs)+len(s.byID)+len(s.logins)+len(s.perAddress)+len(s.reservations) == 0 && len(s.ports.free) == 10000
		})
	})
}
