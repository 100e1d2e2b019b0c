package dataplane

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Options configure a Plane.
type Options struct {
	// Allowed judges a peer, port included, for every datagram that leaves for
	// the network or comes from there. It is called without locks held, must not block and may be
	// called from many goroutines.
	Allowed func(peer netip.AddrPort) bool
	// Announced are the relay addresses as peers see them.
	Announced []netip.Addr
}

// Plane is the set of live relays. Make one with New.
type Plane struct {
	Traffic // of all relays, ended ones included

	// set at construction
	allowed   func(netip.AddrPort) bool
	announced map[netip.Addr]struct{}
	limits    [2]*Bucket

	drops [dropReasons]atomic.Uint64
	wg    sync.WaitGroup // relay socket readers

	mu      sync.RWMutex
	clients map[Client]*Relay
	ports   map[uint16]*Relay
}

// New makes an empty plane.
func New(o Options) *Plane {
	p := &Plane{
		allowed:   o.Allowed,
		announced: make(map[netip.Addr]struct{}),
		limits:    [2]*Bucket{NewBucket(0), NewBucket(0)},
		clients:   make(map[Client]*Relay),
		ports:     make(map[uint16]*Relay),
	}
	for _, a := range o.Announced {
		p.announced[a.Unmap()] = struct{}{}
	}
	return p
}

// SetBandwidth limits all relays together, in bytes a second each direction; 0
// means no limit.
func (p *Plane) SetBandwidth(rate int64) {
	p.limits[Up].SetRate(rate)
	p.limits[Down].SetRate(rate)
}

// Drops returns the number of dropped packets by reason.
func (p *Plane) Drops() map[string]uint64 {
	m := make(map[string]uint64, dropReasons)
	for d := range dropReasons {
		m[d.String()] = p.drops[d].Load()
	}
	return m
}

func (p *Plane) drop(d Drop) { p.drops[d].Add(1) }

// RelayConfig describes a relay to open.
type RelayConfig struct {
	Client  Client
	Bind    netip.AddrPort // the local address of the socket
	Address netip.AddrPort // the relayed transport address that is announced
	Limits  [2]*Bucket     // of the login, by direction; nil = none
	// Tap takes the permitted datagrams from peers instead of the client's
	// link; payload is valid during the call. pion's own data path is fed so.
	Tap func(src netip.AddrPort, payload []byte)
}

// Open binds a relay socket and enters it into the tables. The error is that
// of the system, such as EADDRINUSE.
func (p *Plane) Open(c RelayConfig) (*Relay, error) {
	network := "udp6"
	if c.Bind.Addr().Is4() { // "udp" would bind 0.0.0.0 for both families
		network = "udp4"
	}
	sock, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(c.Bind))
	if err != nil {
		return nil, fmt.Errorf("open a relay socket: %w", err)
	}
	r := newRelay(p, c, sock)
	p.mu.Lock()
	p.clients[c.Client] = r
	p.ports[c.Address.Port()] = r
	p.mu.Unlock()
	p.wg.Go(r.readPeers)
	return r, nil
}

func (p *Plane) remove(r *Relay) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.clients[r.Client] == r {
		delete(p.clients, r.Client)
	}
	if p.ports[r.Address.Port()] == r {
		delete(p.ports, r.Address.Port())
	}
}

// Wait returns when the reader of every closed relay has ended.
func (p *Plane) Wait() { p.wg.Wait() }

// Relay returns the relay of a client, or nil.
func (p *Plane) Relay(c Client) *Relay {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.clients[c]
}

// Local returns the relay that has the announced address peer, or nil.
func (p *Plane) Local(peer netip.AddrPort) *Relay {
	if _, ours := p.announced[peer.Addr()]; !ours {
		return nil
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	if r := p.ports[peer.Port()]; r != nil && r.Address == peer {
		return r
	}
	return nil
}

// IsSource tells whether src is the address that one of the relay sockets
// sends from: such a packet went through an allocation of this very server.
func (p *Plane) IsSource(src netip.AddrPort) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	r := p.ports[src.Port()]
	if r == nil {
		return false
	}
	return r.Address == src || r.bind.Addr() == src.Addr() || r.bind.Addr().IsUnspecified() && p.isAnnouncedOrLoopback(src.Addr())
}

func (p *Plane) isAnnouncedOrLoopback(a netip.Addr) bool {
	_, ours := p.announced[a]
	return ours || a.IsLoopback()
}

// FromChannel relays a ChannelData frame of a client: frame.Payload is the
// whole frame, header included (RFC 8656 section 12.6).
func (p *Plane) FromChannel(c Client, frame Packet) {
	b := frame.Payload()
	if len(b) < channelHeader {
		p.drop(DropMalformed)
		return
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n > len(b)-channelHeader {
		p.drop(DropMalformed)
		return
	}
	r := p.Relay(c)
	if r == nil {
		p.drop(DropNoAllocation)
		return
	}
	peer, ok := r.Channel(binary.BigEndian.Uint16(b))
	if !ok {
		p.drop(DropNoChannel)
		return
	}
	frame.Off += channelHeader
	frame.End = frame.Off + n
	r.ToPeer(peer, frame)
}

// FromSend relays the data of a Send indication (RFC 8656 section 11.2).
func (p *Plane) FromSend(c Client, peer netip.AddrPort, data Packet) {
	r := p.Relay(c)
	if r == nil {
		p.drop(DropNoAllocation)
		return
	}
	if !r.Permitted(peer.Addr()) {
		p.drop(DropNoPermission)
		return
	}
	r.ToPeer(peer, data)
}
