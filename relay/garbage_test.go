package relay

import (
	"net"
	"net/netip"
	"testing"

	"parley/relay/dataplane"
)

// TestNoGarbage: in the steady state a packet of a call leaves nothing to
// collect, over UDP, in both directions and in both forms.
func TestNoGarbage(t *testing.T) {
	s := start(t, allowOwn)
	for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::]:0"} {
		t.Run(listen, func(t *testing.T) {
			conn, err := net.ListenPacket("udp", listen)
			if err != nil {
				t.Skip(err)
			}
			u, err := dataplane.NewUDP(conn.(*net.UDPConn))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = u.Close() }()
			to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), addrPortOf(conn.LocalAddr()).Port())
			serveByHand(t, s, u, to)
		})
	}
}

// serveByHand reads a listener by itself, one packet at a time.
func serveByHand(t *testing.T, s *testServer, link *dataplane.UDP, server netip.AddrPort) {
	client, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	peer := plainPeer(t)
	rd := &reader{control: func(dataplane.Client, *message) {}}
	buf := make([]byte, dataplane.Headroom+maxFrame+dataplane.Tailroom)
	var from dataplane.Client
	feed := func(b []byte) {
		if _, err := client.Write(b); err != nil {
			t.Fatal(err)
		}
		n, c, err := link.Read(buf[dataplane.Headroom : dataplane.Headroom+maxFrame])
		if err != nil {
			t.Fatal(err)
		}
		from = c
		s.receive(rd, c, dataplane.Packet{Buf: buf, Off: dataplane.Headroom, End: dataplane.Headroom + n})
	}
	feed([]byte{0x40, 0, 0, 0}) // learns the address
	relay, err := s.plane.Open(dataplane.RelayConfig{Client: from, Bind: netip.MustParseAddrPort("127.0.0.1:0"),
		Address: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), 19999)})
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	at := addrPortOf(peer.LocalAddr())
	relay.Permit(at.Addr())
	in := make([]byte, 2000)
	var relayAddr netip.AddrPort
	there := func(b []byte) func() {
		return func() {
			feed(b)
			if _, relayAddr, err = peer.ReadFromUDPAddrPort(in); err != nil {
				t.Fatal(err)
			}
		}
	}
	back := func() {
		if _, err := peer.WriteToUDPAddrPort(in[:100], relayAddr); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(in); err != nil {
			t.Fatal(err)
		}
	}
	send := newMessage(methodSend, classIndication, transactionID()).addAddress(attrXORPeerAddress, at).add(attrData, make([]byte, 100)).b
	response := newMessage(methodBinding, classSuccess, transactionID()).b
	none := func(what string, f func()) {
		t.Helper()
		f()
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
	none("Send indication", there(send))
	none("Data indication", back)
	relay.Bind(0x4000, at)
	none("ChannelData up", there(append([]byte{0x40, 0, 0, 100}, make([]byte, 100)...)))
	none("ChannelData down", back)
	none("malformed", func() { feed(send[:len(send)-4]) })
	none("a stranger's response", func() { feed(response) })
}
