package relay

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/pion/turn/v4"
)

func allowOwn(o *Options) { o.AllowOwn = true }

func engines(t *testing.T, f func(t *testing.T, engine string)) {
	for _, e := range []string{engineUser, enginePion} {
		t.Run(e, func(t *testing.T) { f(t, e) })
	}
}

// TestPionClient lets an independent-enough client walk through everything.
func TestPionClient(t *testing.T) {
	s := start(t, allowOwn)
	peer := echoPeer(t)
	u := s.user("ann")
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			var conn net.PacketConn
			if network == "tcp" {
				c, err := net.Dial("tcp", s.addr.String())
				if err != nil {
					t.Fatal(err)
				}
				conn = turn.NewSTUNConn(c)
			} else {
				c, err := net.ListenPacket("udp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				conn = c
			}
			defer func() { _ = conn.Close() }()
			client, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: s.addr.String(), STUNServerAddr: s.addr.String(),
				Conn: conn, Username: u.name, Password: u.password, Realm: u.realm})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if err := client.Listen(); err != nil {
				t.Fatal(err)
			}
			if network == "udp" {
				mapped, err := client.SendBindingRequest()
				if err != nil || mapped.String() != conn.LocalAddr().String() {
					t.Fatalf("binding: %v %v, want %v", mapped, err, conn.LocalAddr())
				}
			}
			relayConn, err := client.Allocate()
			if err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 100)
			for i := range 20 {
				msg := fmt.Sprintf("hello %d", i)
				if _, err := relayConn.WriteTo([]byte(msg), net.UDPAddrFromAddrPort(peer)); err != nil {
					t.Fatal(err)
				}
				n, from, err := relayConn.ReadFrom(buf)
				if err != nil || string(buf[:n]) != msg || from.String() != peer.String() {
					t.Fatalf("echo %q from %v: %v", buf[:n], from, err)
				}
			}
			if err := relayConn.Close(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the allocation ends", func() bool { return len(s.Allocations()) == 0 })
		})
	}
}

// TestExternalMapping: the announced address is none of this machine (1:1 NAT),
// and relays still reach each other.
func TestExternalMapping(t *testing.T) {
	external := netip.MustParseAddr("192.0.2.77")
	s := start(t, func(o *Options) { o.External = []netip.Addr{external} })
	a, b := s.probe("udp", s.user("ann")), s.probe("udp", s.user("ben"))
	ra, rb := a.allocate(), b.allocate()
	if ra.Addr() != external {
		t.Fatalf("relayed address %v", ra)
	}
	a.want(0, methodChannelBind, bindAttrs(0x4000, rb))
	b.want(0, methodChannelBind, bindAttrs(0x4000, ra))
	a.channelData(0x4000, []byte("inside"))
	b.wantChannel(0x4000, "inside")
}

// TestOwnPortsStayClosed: with the defaults no socket of the machine but live
// relays can be reached through a relay.
func TestOwnPortsStayClosed(t *testing.T) {
	s := start(t, nil)
	own := plainPeer(t)
	ownAddr := own.LocalAddr().(*net.UDPAddr).AddrPort()
	a, b := s.probe("udp", s.user("ann")), s.probe("udp", s.user("ben"))
	a.allocate()
	rb := b.allocate()
	a.want(403, methodCreatePermission, peerAttr(ownAddr))
	a.want(403, methodChannelBind, bindAttrs(0x4000, ownAddr))
	a.want(403, methodCreatePermission, peerAttr(s.addr))
	a.want(0, methodCreatePermission, peerAttr(rb))
	for _, to := range []netip.AddrPort{ownAddr, s.addr} {
		a.sendIndication(to, []byte("knock"))
	}
	_ = own.SetReadDeadline(deadlineIn(silence))
	if n, _, err := own.ReadFrom(make([]byte, 100)); err == nil {
		t.Fatalf("%d bytes reached a port of the machine", n)
	}
	if s.Snapshot().Dropped["denied"] < 2 {
		t.Fatalf("drops: %v", s.Snapshot().Dropped)
	}
}

// TestClientsOnThisMachine: two tabs on the server's own machine are clients
// like any other, from loopback and from every interface address.
func TestClientsOnThisMachine(t *testing.T) {
	s := start(t, nil)
	udp, err := net.ListenUDP("udp4", nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.ServeUDP(udp) }()
	own, err := interfaceAddresses()
	if err != nil {
		t.Fatal(err)
	}
	for a := range own {
		if !a.Is4() {
			continue
		}
		ts := &testServer{Server: s.Server, t: t, addr: netip.AddrPortFrom(a, addrPortOf(udp.LocalAddr()).Port())}
		p, q := ts.probe("udp", ts.user("ann")), ts.probe("udp", ts.user("ben"))
		here, there := p.allocate(), q.allocate()
		q.want(0, methodCreatePermission, peerAttr(here))
		p.want(0, methodChannelBind, bindAttrs(0x4000, there))
		p.channelData(0x4000, []byte("from "+a.String()))
		q.wantData(here, "from "+a.String())
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestLowPorts: a permission is for an address, but data to one of its ports
// below 1024 is dropped; those services are not peers of a call.
func TestLowPorts(t *testing.T) {
	engines(t, func(t *testing.T, engine string) {
		s := start(t, func(o *Options) { o.Engine = engine })
		p := s.probe("udp", s.user("ann"))
		p.allocate()
		at := func(port uint16) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr("8.8.8.8"), port) }
		p.want(0, methodCreatePermission, peerAttr(at(53)))
		for i, port := range []uint16{53, 123, 1023} {
			p.want(403, methodChannelBind, bindAttrs(0x4000, at(port)))
			p.sendIndication(at(port), []byte("query"))
			p.want(0, methodRefresh, nil)
			eventually(t, "the drop is counted", func() bool { return s.Snapshot().Dropped["denied"] == uint64(i+1) })
		}
		if n := s.Snapshot().PacketsUp; n != 0 {
			t.Errorf("%d packets relayed", n)
		}
	})
}
