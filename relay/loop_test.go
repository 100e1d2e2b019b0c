package relay

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestServersDoNotTalk: two servers that are pointed at each other by forged
// sources fall silent at once, whatever it was that began it.
func TestServersDoNotTalk(t *testing.T) {
	engines(t, func(t *testing.T, engine string) {
		change := func(o *Options) { o.AllowOwn, o.Engine = true, engine }
		a, atA := startAt(t, change)
		b, atB := startAt(t, change)
		kinds := [][]byte{
			newRequest(methodBinding).b, newRequest(methodAllocate).b, newRequest(methodRefresh).b, newRequest(0x0ef).b,
			newMessage(methodBinding, classRequest, transactionID()).addUint32(0x7f00, 0).finish(true),
			newMessage(methodBinding, classSuccess, transactionID()).addAddress(attrXORMappedAddress, netip.MustParseAddrPort("192.0.2.1:5")).b,
			newMessage(methodBinding, classError, transactionID()).addError(420).b,
			newMessage(methodAllocate, classError, transactionID()).addError(401).b,
			newMessage(methodBinding, classIndication, transactionID()).b,
			newMessage(methodSend, classIndication, transactionID()).addUint32(0x7f00, 0).b,
			newMessage(0x007, classIndication, transactionID()).add(attrData, []byte("x")).b,
			{0x40, 0, 0, 4, 1, 2, 3, 4}, {0x80}, {0}, []byte("garbage that is no message at all"),
		}
		sent := uint64(0)
		for range 10 {
			for _, k := range kinds {
				// Each server's own socket sends: no source could be more like it.
				for from, to := range map[*net.UDPConn]*net.UDPConn{atA: atB, atB: atA} {
					if _, err := from.WriteToUDPAddrPort(k, addrPortOf(to.LocalAddr())); err != nil {
						t.Fatal(err)
					}
					sent++
				}
			}
		}
		eventually(t, "all of it has been judged", func() bool { return a.judged()+b.judged() >= sent })
		time.Sleep(100 * time.Millisecond)
		before := a.judged() + b.judged()
		if before > 2*sent {
			t.Errorf("%d datagrams judged after %d were sent: answers were answered", before, sent)
		}
		time.Sleep(time.Second)
		if after := a.judged() + b.judged(); after != before {
			t.Errorf("the servers go on: %d datagrams in a second", after-before)
		}
	})
}

// startAt is startAmong with a UDP socket that the test may send from.
func startAt(t *testing.T, change func(*Options)) (*testServer, *net.UDPConn) {
	t.Helper()
	s := startAmong(t, change)
	udp := plainPeer(t)
	done := make(chan error, 1)
	go func() { done <- s.ServeUDP(udp) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, udp
}

// judged counts the datagrams from clients that the server has looked at.
func (s *testServer) judged() uint64 {
	st := s.Snapshot()
	n := st.StunRequests
	for _, m := range []map[string]uint64{st.AuthFailures, st.Dropped} {
		for _, k := range m {
			n += k
		}
	}
	return n
}
