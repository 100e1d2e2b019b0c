package relay

import (
	"net"
	"net/netip"
	"testing"
)

// TestNoGarbage: in the steady state a packet of a call leaves nothing to
// collect, over UDP, in both directions and in both forms, and neither does a
// Binding request. Both goroutines of the path are in the count.
func TestNoGarbage(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0", "[::]:0"} {
		t.Run(listen, func(t *testing.T) {
			s := start(t, allowOwn)
			conn, err := net.ListenPacket("udp", listen)
			if err != nil {
				t.Skip(err)
			}
			port := addrPortOf(conn.LocalAddr()).Port()
			ended := make(chan error)
			go func() { ended <- s.ServeUDP(conn.(*net.UDPConn)) }()
			noGarbage(t, &testServer{Server: s.Server, t: t, addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)})
			_ = s.Server.Close()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

func noGarbage(t *testing.T, s *testServer) {
	p := s.probe("udp", s.user("ann"))
	peer := plainPeer(t)
	at, relay := addrPortOf(peer.LocalAddr()), p.allocate()
	in := make([]byte, 2000)
	must := func(_ int, err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	there := func(b []byte) func() {
		return func() {
			must(p.conn.Write(b))
			n, _, err := peer.ReadFromUDPAddrPort(in)
			must(n, err)
		}
	}
	back := func() {
		must(peer.WriteToUDPAddrPort(in[:101], relay))
		must(p.conn.Read(in))
	}
	none := func(what string, f func()) {
		t.Helper()
		f()
		if n := testing.AllocsPerRun(bindingBurst/2, f); n != 0 {
			t.Errorf("%s: %v allocations", what, n)
		}
	}
	send := newMessage(methodSend, classIndication, transactionID()).addAddress(attrXORPeerAddress, at).add(attrData, make([]byte, 101)).b
	binding := newRequest(methodBinding).b
	none("Binding", func() {
		must(p.conn.Write(binding))
		must(p.conn.Read(in))
	})
	p.want(0, methodCreatePermission, peerAttr(at))
	none("Send indication", there(send))
	none("Data indication", back)
	p.want(0, methodChannelBind, bindAttrs(0x4000, at))
	channel := append([]byte{0x40, 0, 0, 101}, make([]byte, 101)...)
	none("ChannelData up", there(channel))
	none("ChannelData down", back)
	marker := there(channel) // comes behind the others in the same socket
	malformed, response := send[:len(send)-4], newMessage(methodBinding, classSuccess, transactionID()).b
	none("malformed and a stranger's response", func() {
		must(p.conn.Write(malformed))
		must(p.conn.Write(response))
		marker()
	})
}
