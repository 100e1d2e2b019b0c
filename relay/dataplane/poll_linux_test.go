//go:build linux && !portable

package dataplane

import "testing"

// TestFairShare: a relay socket that is flooded is read once a round, so that
// the others wait no longer the longer the flood lasts.
func TestFairShare(t *testing.T) {
	p := newPlane(t, everyone)
	k, err := newPoller(p, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.readers.pollers = []*poller{k} // which nobody runs but this test
	a := open(t, p, newSink(), 50001)
	flood, to := loopback(t), a.socketAddress(t)
	for round := range 5 {
		for range 4 * maxRead {
			if _, err := flood.WriteToUDPAddrPort([]byte("x"), to); err != nil {
				t.Fatal(err)
			}
		}
		before := p.Drops()["no_permission"]
		n, errno := epollNow(k.fd, &k.events)
		if errno != 0 {
			t.Fatal(errno)
		}
		k.read(k.events[:n])
		if got := p.Drops()["no_permission"] - before; got != maxRead {
			t.Fatalf("%d datagrams of one socket were taken in round %d, want %d", got, round, maxRead)
		}
	}
}
