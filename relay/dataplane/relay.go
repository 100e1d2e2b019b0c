package dataplane

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Relay is one relay socket with its allocation's permissions and channels.
type Relay struct {
	Traffic

	// set at construction
	Client  Client
	Address netip.AddrPort // as announced
	plane   *Plane
	sock    *net.UDPConn
	bind    netip.AddrPort
	limits  [2]*Bucket
	tap     func(netip.AddrPort, []byte)

	mu          sync.RWMutex
	closed      bool
	permissions map[netip.Addr]struct{}
	channels    map[uint16]netip.AddrPort
	numbers     map[netip.AddrPort]uint16
}

func newRelay(p *Plane, c RelayConfig, sock *net.UDPConn) *Relay {
	return &Relay{
		Client: c.Client, Address: c.Address, plane: p, sock: sock, bind: c.Bind, limits: c.Limits, tap: c.Tap,
		permissions: make(map[netip.Addr]struct{}),
		channels:    make(map[uint16]netip.AddrPort),
		numbers:     make(map[netip.AddrPort]uint16),
	}
}

// Permit installs a permission.
func (r *Relay) Permit(peer netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.permissions[peer] = struct{}{}
}

// Forbid removes a permission; no packet passes after it has returned.
func (r *Relay) Forbid(peer netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.permissions, peer)
}

// Bind installs a channel.
func (r *Relay) Bind(number uint16, peer netip.AddrPort) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.channels[number] = peer
	r.numbers[peer] = number
}

// Unbind removes a channel.
func (r *Relay) Unbind(number uint16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.numbers, r.channels[number])
	delete(r.channels, number)
}

// Permitted tells whether there is a permission for a peer's address.
func (r *Relay) Permitted(peer netip.Addr) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, ok := r.permissions[peer]
	return ok
}

// Channel returns the peer of a bound channel.
func (r *Relay) Channel(number uint16) (netip.AddrPort, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	peer, ok := r.channels[number]
	return peer, ok
}

// Number returns the channel that is bound to a peer.
func (r *Relay) Number(peer netip.AddrPort) (uint16, bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	n, ok := r.numbers[peer]
	return n, ok
}

// Len returns how many permissions and channels there are.
func (r *Relay) Len() (permissions, channels int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.permissions), len(r.channels)
}

// ToPeer sends a payload of the client to a peer that it may reach: through the
// tables when the peer is a relay of this plane, which works without hairpin
// and without an open port, else through the relay socket. The policy is asked
// for each datagram, so a change of it holds at once.
func (r *Relay) ToPeer(peer netip.AddrPort, p Packet) {
	n := p.End - p.Off
	if n > MaxPayload {
		r.plane.drop(DropTooBig)
		return
	}
	other := r.plane.Local(peer)
	if other == nil && !r.plane.allowed(peer) {
		r.plane.drop(DropDenied)
		return
	}
	if !r.admit(Up, n) {
		return
	}
	if other != nil {
		r.count(Up, n)
		other.fromPeer(r.Address, p)
		return
	}
	// ENETUNREACH, EPERM, ECONNREFUSED and the like concern this peer alone.
	if _, err := r.sock.WriteToUDPAddrPort(p.Payload(), peer); err != nil {
		r.plane.drop(DropSendFailed)
		return
	}
	r.count(Up, n)
}

// fromNetwork takes a datagram that came through the relay socket. The policy
// is asked here too: a peer that it has come to deny must not go on sending.
func (r *Relay) fromNetwork(src netip.AddrPort, p Packet) {
	if !r.plane.allowed(src) {
		r.plane.drop(DropDenied)
		return
	}
	r.fromPeer(src, p)
}

// fromPeer hands a peer's datagram to the client (RFC 8656 sections 11.3 and 12.7).
func (r *Relay) fromPeer(src netip.AddrPort, p Packet) {
	r.mu.RLock()
	number, bound := r.numbers[src]
	_, permitted := r.permissions[src.Addr()]
	closed := r.closed
	r.mu.RUnlock()
	if closed || !bound && !permitted {
		r.plane.drop(DropNoPermission)
		return
	}
	if !r.admit(Down, p.End-p.Off) {
		return
	}
	r.count(Down, p.End-p.Off)
	switch {
	case r.tap != nil:
		r.tap(src, p.Payload())
	case bound:
		r.Client.Send(p.channelFrame(number))
	default:
		r.Client.Send(p.dataIndication(src))
	}
}

// admit takes n bytes out of the bandwidth limits; false means that one of them
// is exhausted.
func (r *Relay) admit(d Direction, n int) bool {
	if r.limits[d].Take(n) && r.plane.limits[d].Take(n) {
		return true
	}
	r.plane.drop(DropBandwidth)
	return false
}

func (r *Relay) count(d Direction, n int) {
	r.add(d, n)
	r.plane.add(d, n)
}

// readPeers reads the relay socket until it is closed.
func (r *Relay) readPeers() {
	buf := make([]byte, Headroom+MaxPayload+Tailroom)
	in := buf[Headroom : Headroom+MaxPayload+1]
	for {
		n, src, err := r.sock.ReadFromUDPAddrPort(in)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// An error that a peer caused must not end the relay, nor spin.
			time.Sleep(time.Millisecond)
		case n > MaxPayload:
			r.plane.drop(DropTooBig)
		default:
			r.fromNetwork(unmap(src), Packet{Buf: buf, Off: Headroom, End: Headroom + n})
		}
	}
}

// Closed tells whether the relay has been closed.
func (r *Relay) Closed() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.closed
}

// Close takes the relay out of the tables and closes its socket. It does not
// wait for the reader; Plane.Wait does.
func (r *Relay) Close() {
	r.mu.Lock()
	was := r.closed
	r.closed = true
	r.mu.Unlock()
	if was {
		return
	}
	r.plane.remove(r)
	_ = r.sock.Close() // nothing is buffered that a failure could lose
}
