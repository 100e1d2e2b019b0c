package dataplane

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// UDP is a listener for clients, on one socket or several that share an
// address. Answers leave from the address that was asked: a socket bound to
// every address would otherwise answer from the one that routing picks, and
// clients drop such an answer. Serve reads it; any goroutine may Send.
type UDP struct {
	// set at construction
	plane   *Plane
	sockets []*listener
	address net.Addr

	sending sync.Mutex // taken before the plane's
	answers *round     // for Send
}

// readRetry keeps a socket whose reads fail from using a whole core.
const readRetry = 5 * time.Millisecond

// Handler takes what the plane does not relay by itself: every datagram that is
// not ChannelData or a plain Send indication of a client with an allocation. b
// is valid during the call. It is called without a lock, from one goroutine.
type Handler func(c Client, b []byte)

// Listen prepares a socket for Serve. The UDP owns it from then on; the socket
// is left alone if Listen fails.
func (p *Plane) Listen(conn *net.UDPConn) (*UDP, error) {
	var bound netip.Addr
	if a, ok := conn.LocalAddr().(*net.UDPAddr); ok {
		bound = a.AddrPort().Addr().Unmap()
	}
	list, err := openListeners(conn, p.offloadFor(bound))
	if err != nil {
		return nil, err
	}
	return &UDP{plane: p, sockets: list, address: conn.LocalAddr(), answers: newRound(p, 0)}, nil
}

// Serve reads until Close, or until the socket that Listen was given is closed,
// and closes all of them. make is called once for each goroutine that reads;
// failed is told of reads that failed, after which reading goes on.
func (u *UDP) Serve(make func() Handler, failed func(error)) {
	var wg sync.WaitGroup
	for i, l := range u.sockets {
		wg.Go(func() {
			u.serve(l, newRound(u.plane, i), make(), failed)
			_ = u.Close() // of the others, if this one was closed by itself
		})
	}
	wg.Wait()
}

// socket returns one to send on: any will do, for they share the address.
func (u *UDP) socket(i int) *socket { return u.sockets[i%len(u.sockets)].sock }

// Send implements Link. A datagram that the system refuses is lost, as any may be.
func (u *UDP) Send(frame []byte, to Client) {
	u.sending.Lock()
	defer u.sending.Unlock()
	d := u.answers
	d.begin()
	defer d.end()
	d.queue.add(route{sock: u.socket(0), to: to.Addr, local: to.Local}, packet{body: frame}, 0)
}

// Transport implements Link.
func (u *UDP) Transport() string { return "udp" }

// LocalAddr returns the address that the socket is bound to.
func (u *UDP) LocalAddr() net.Addr { return u.address }

// Close closes the sockets; Serve returns.
func (u *UDP) Close() error {
	var first error
	for _, l := range u.sockets {
		if err := l.stop(); first == nil {
			first = err
		}
	}
	u.plane.mu.Lock() // no round is sending
	defer u.plane.mu.Unlock()
	for _, l := range u.sockets {
		l.release()
	}
	return first
}

// datagram relays what a client sent and tells whether that settles it; else
// the handler must see it. r is the client's relay, nil for none.
func (d *round) datagram(c Client, r *Relay, b []byte) bool {
	isData := b[0]>>6 == 1
	switch {
	case d.plane.byHand:
		return false
	case r == nil:
		if !isData || d.plane.isSourceLocked(c.Addr) {
			return false
		}
		d.drop(DropNoAllocation) // here, for it may be a flood
		return true
	case isData:
		d.channelData(r, b)
		return true
	}
	peer, data, ok := plainSend(b)
	if ok {
		d.send(r, peer, data)
	}
	return ok
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
