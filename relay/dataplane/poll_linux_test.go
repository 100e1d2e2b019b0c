//go:build linux && !portable

package dataplane

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// idlePoller is the only one of p; nobody runs it but the test.
func idlePoller(t *testing.T, p *Plane) *poller {
	t.Helper()
	k, err := newPoller(p, 0)
	if err != nil {
		t.Fatal(err)
	}
	p.readers.pollers = []*poller{k}
	return k
}

// once runs a round and returns how many datagrams it took, none of which has a
// permission.
func (k *poller) once(t *testing.T) int {
	t.Helper()
	before := k.plane.Drops()["no_permission"]
	n, errno := epollNow(k.fd, &k.events)
	if errno != 0 {
		t.Fatal(errno)
	}
	k.read(k.events[:n])
	return int(k.plane.Drops()["no_permission"] - before)
}

// TestFairShare: a relay socket that is flooded is read once a round, so that
// the others wait no longer the longer the flood lasts.
func TestFairShare(t *testing.T) {
	p := newPlane(t, everyone)
	k := idlePoller(t, p)
	a := open(t, p, newSink(), 50001)
	flood, to := loopback(t), a.socketAddress(t)
	for round := range 5 {
		for range 4 * maxRead {
			if _, err := flood.WriteToUDPAddrPort([]byte("x"), to); err != nil {
				t.Fatal(err)
			}
		}
		if got := k.once(t); got != maxRead {
			t.Fatalf("%d datagrams of one socket were taken in round %d, want %d", got, round, maxRead)
		}
	}
}

// TestRoundsEnd: a round is no longer the more sockets have much to read, and
// all of them have their turn.
func TestRoundsEnd(t *testing.T) {
	p := newPlane(t, everyone)
	k := idlePoller(t, p)
	const sockets, each = 3 * maxEvents, 2*maxRead + 1
	flood := loopback(t)
	for i := range sockets {
		to := open(t, p, newSink(), uint16(50001+i)).socketAddress(t)
		for range each {
			if _, err := flood.WriteToUDPAddrPort([]byte("x"), to); err != nil {
				t.Fatal(err)
			}
		}
	}
	left := sockets * each
	for round := 0; left > 0; round++ {
		got := k.once(t)
		if left -= got; got == 0 || got > maxEvents*maxRead {
			t.Fatalf("%d datagrams were taken in round %d, %d are left", got, round, left)
		}
	}
}

// TestWithoutWaiting: a poller that Go's cannot watch says so, and peers are
// heard nevertheless.
func TestWithoutWaiting(t *testing.T) {
	told := make(chan error, 10)
	p := New(Options{Allowed: everyone, Failed: func(err error) { told <- err }})
	t.Cleanup(p.Close)
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	k := &poller{plane: p, fd: fd, file: os.NewFile(uintptr(fd), "blocking"), round: newRound(p, 0), in: newReceiver()}
	p.readers.pollers = []*poller{k}
	p.readers.wg.Go(k.run)

	client, peer := newSink(), loopback(t)
	a := open(t, p, client, 50001)
	a.Permit(addressOf(peer).Addr())
	if err := <-told; err == nil {
		t.Error("told of no error")
	}
	for range 3 {
		if _, err := peer.WriteToUDPAddrPort([]byte("hi"), a.socketAddress(t)); err != nil {
			t.Fatal(err)
		}
		client.next(t)
	}
}
