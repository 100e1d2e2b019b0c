package dataplane

import (
	"net/netip"
	"sync/atomic"
)

// Relay is one relay socket with its allocation's permissions and channels.
type Relay struct {
	Traffic

	// set at construction
	Client  Client
	Address netip.AddrPort // as announced
	plane   *Plane
	sock    *socket
	bind    netip.AddrPort
	limits  [2]*Bucket
	tap     func(netip.AddrPort, []byte)
	number  uint32 // tells relays apart
	watch   watch  // how its socket is read

	whole [2]atomic.Bool // segments of this direction were refused

	// guarded by the plane's mu; made when first needed
	closed      bool
	permissions map[netip.Addr]struct{}
	channels    map[uint32]netip.AddrPort // by number: the runtime is fastest with 32 bits
	numbers     map[netip.AddrPort]uint16
}

// Permit installs a permission.
func (r *Relay) Permit(peer netip.Addr) {
	r.plane.mu.Lock()
	defer r.plane.mu.Unlock()
	if r.permissions == nil {
		r.permissions = make(map[netip.Addr]struct{})
	}
	r.permissions[peer] = struct{}{}
}

// Forbid removes a permission; no packet passes by it after it has returned.
func (r *Relay) Forbid(peer netip.Addr) {
	r.plane.mu.Lock()
	defer r.plane.mu.Unlock()
	delete(r.permissions, peer)
}

// Bind installs a channel.
func (r *Relay) Bind(number uint16, peer netip.AddrPort) {
	r.plane.mu.Lock()
	defer r.plane.mu.Unlock()
	if r.channels == nil {
		r.channels, r.numbers = make(map[uint32]netip.AddrPort), make(map[netip.AddrPort]uint16)
	}
	r.channels[uint32(number)] = peer
	r.numbers[peer] = number
}

// Unbind removes a channel; no packet passes through it after it has returned.
func (r *Relay) Unbind(number uint16) {
	r.plane.mu.Lock()
	defer r.plane.mu.Unlock()
	delete(r.numbers, r.channels[uint32(number)])
	delete(r.channels, uint32(number))
}

// Permitted tells whether there is a permission for a peer's address.
func (r *Relay) Permitted(peer netip.Addr) bool {
	r.plane.mu.RLock()
	defer r.plane.mu.RUnlock()
	_, ok := r.permissions[peer]
	return ok
}

// Channel returns the peer of a bound channel.
func (r *Relay) Channel(number uint16) (netip.AddrPort, bool) {
	r.plane.mu.RLock()
	defer r.plane.mu.RUnlock()
	peer, ok := r.channels[uint32(number)]
	return peer, ok
}

// Number returns the channel that is bound to a peer.
func (r *Relay) Number(peer netip.AddrPort) (uint16, bool) {
	r.plane.mu.RLock()
	defer r.plane.mu.RUnlock()
	n, ok := r.numbers[peer]
	return n, ok
}

// Len returns how many permissions and channels there are.
func (r *Relay) Len() (permissions, channels int) {
	r.plane.mu.RLock()
	defer r.plane.mu.RUnlock()
	return len(r.permissions), len(r.channels)
}

// ToPeer sends a payload to a peer by the rules for packets of the client, but
// for its permissions: whoever calls has judged those.
func (r *Relay) ToPeer(peer netip.AddrPort, payload []byte) {
	d := r.plane.takeRound()
	defer r.plane.putRound(d)
	if !r.closed {
		d.toPeer(r, peer, nil, payload)
	}
}

// Closed tells whether the relay has been closed.
func (r *Relay) Closed() bool {
	r.plane.mu.RLock()
	defer r.plane.mu.RUnlock()
	return r.closed
}

// Close takes the relay out of the tables and closes its socket; no packet
// passes after it has returned.
func (r *Relay) Close() {
	r.plane.mu.Lock()
	defer r.plane.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	r.plane.removeLocked(r)
	r.plane.readers.forgetLocked(r)
	_ = r.sock.Close() // nothing is buffered that a failure could lose
}
