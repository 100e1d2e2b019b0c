//go:build linux && !portable

package dataplane

import (
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// remainder is a datagram that the handler must see.
type remainder struct {
	from Client
	b    []byte
}

// serve reads one socket until it is closed.
func (u *UDP) serve(l *listener, d *round, handle Handler, failed func(error)) {
	raw, err := l.conn.SyscallConn()
	if err != nil {
		return // closed already
	}
	var others pause
	if err := others.open(); err != nil {
		failed(err)
	}
	defer others.close()
	x := newReceiver()
	var rest []remainder
	// Go's poller waits, and the calls do not block: no thread is lost to a
	// call, which would have the scheduler start others. All work is done in
	// here: when false is returned the poller has missed nothing since the call
	// that left the socket empty, and no second call must ask whether it is.
	step := func(fd uintptr) bool {
		n, errno := x.read(int(fd), 0, slots)
		switch errno {
		case 0:
		case unix.EAGAIN:
			return false
		default:
			failed(errno)
			time.Sleep(readRetry)
			return true
		}
		rest = u.relay(d, x, n, rest[:0])
		for i := range rest {
			handle(rest[i].from, rest[i].b)
		}
		return n == slots
	}
	for {
		switch err := raw.Read(step); {
		case err == nil:
			others.take()
		case errors.Is(err, net.ErrClosed):
			return
		default:
			failed(err)
			time.Sleep(readRetry)
		}
	}
}

// relay runs a round over n arrivals and returns what is left of them.
func (u *UDP) relay(d *round, x *receiver, n int, rest []remainder) []remainder {
	d.begin()
	defer d.end()
	var c Client
	var r *Relay
	for i := range n {
		a := x.take(i)
		if a.from != c.Addr || a.local != c.Local {
			c = Client{Link: u, Addr: a.from, Local: a.local}
			r = d.plane.clients[c]
		}
		for b := a.whole[slotRoom:]; len(b) > 0; {
			one := b[:min(a.segment, len(b))]
			b = b[len(one):]
			if !d.datagram(c, r, one) {
				rest = append(rest, remainder{c, one})
			}
		}
	}
	return rest
}
