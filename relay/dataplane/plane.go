package dataplane

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
)

// Options configure a Plane.
type Options struct {
	// Allowed judges a peer outside, port included; relays of the plane itself
	// are not asked about. Its answer is remembered until Plane.PolicyChanged.
	// It must neither block nor call the plane, and may be called from many
	// goroutines.
	Allowed func(peer netip.AddrPort) bool
	// Announced are the relay addresses as peers see them.
	Announced []netip.Addr
	// Failed is told when relay sockets cannot be read as they should be; reading
	// goes on another way, or is tried again. It may be called from many
	// goroutines; nil means that nobody wants to know.
	Failed func(error)
	// ByHand has UDP listeners pass on every packet instead of relaying: another
	// engine moves the data.
	ByHand bool
}

// Plane is the set of live relays. Make one with New.
type Plane struct {
	Traffic // of all relays, ended ones included

	// set at construction
	mayReach  func(netip.AddrPort) bool
	failed    func(error)
	announced []netip.Addr
	limits    [2]*Bucket
	byHand    bool
	segment   bool      // segments may be left to the kernel or the network card
	cards     []string  // to which they must not be left
	pool      sync.Pool // of *round, for goroutines that have none of their own

	drops   [dropReasons]atomic.Uint64
	readers readers // of the relay sockets

	// mu is held for reading during a round and for writing by all that changes
	// a relay, its permissions and channels included.
	mu      sync.RWMutex
	epoch   uint64 // counts changes of the policy
	number  uint32 // of the youngest relay
	clients map[Client]*Relay
	ports   [1 << 16]*Relay // by the announced port; asked for each packet from or to one of the announced addresses
}

// New makes an empty plane.
func New(o Options) *Plane {
	p := &Plane{
		mayReach: o.Allowed,
		failed:   o.Failed,
		byHand:   o.ByHand,
		segment:  segmentationWorks(),
		cards:    cardsOfHosts(),
		limits:   [2]*Bucket{NewBucket(0), NewBucket(0)},
		clients:  make(map[Client]*Relay),
		epoch:    1,
	}
	if p.failed == nil {
		p.failed = func(error) {}
	}
	for _, a := range o.Announced {
		p.announced = append(p.announced, a.Unmap())
	}
	p.pool.New = func() any { return newRound(p, 0) }
	return p
}

// offload says which work a socket may leave to the kernel.
type offload struct {
	send    bool // cutting what goes to one destination into datagrams
	receive bool // putting together what comes from one sender
}

// offloadFor judges a socket by the address that it is bound to: nothing leaves
// the machine from loopback.
func (p *Plane) offloadFor(bound netip.Addr) offload {
	return offload{send: p.segment && (len(p.cards) == 0 || bound.IsLoopback()), receive: p.segment}
}

// Cards returns the network cards because of which datagrams leave this machine
// one by one: virtual ones that have the host cut what is sent together, which
// some hosts damage. It is judged once, at New.
func (p *Plane) Cards() []string {
	if !p.segment {
		return nil
	}
	return p.cards
}

// SetBandwidth limits all relays together, in bytes a second each direction; 0
// means no limit.
func (p *Plane) SetBandwidth(rate int64) {
	p.limits[Up].SetRate(rate)
	p.limits[Down].SetRate(rate)
}

// PolicyChanged has every peer judged anew. When it has returned no packet
// passes by an old verdict.
func (p *Plane) PolicyChanged() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.epoch++
}

// Drops returns the number of dropped packets by reason.
func (p *Plane) Drops() map[string]uint64 {
	m := make(map[string]uint64, dropReasons)
	for d := range dropReasons {
		m[d.String()] = p.drops[d].Load()
	}
	return m
}

// RelayConfig describes a relay to open.
type RelayConfig struct {
	Client  Client
	Bind    netip.AddrPort // the local address of the socket
	Address netip.AddrPort // the relayed transport address that is announced
	Limits  [2]*Bucket     // of the login, by direction; nil = none
	// Tap takes the permitted datagrams from peers instead of the client's
	// link; payload is valid during the call, which must neither block nor call
	// the plane. pion's own data path is fed so.
	Tap func(src netip.AddrPort, payload []byte)
}

// Open binds a relay socket and enters it into the tables. The error is that
// of the system, such as EADDRINUSE.
func (p *Plane) Open(c RelayConfig) (*Relay, error) {
	sock, err := openSocket(c.Bind, p.offloadFor(c.Bind.Addr()))
	if err != nil {
		return nil, fmt.Errorf("open a relay socket: %w", err)
	}
	r := &Relay{Client: c.Client, Address: c.Address, plane: p, sock: sock, bind: c.Bind, limits: c.Limits, tap: c.Tap}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.readers.watchLocked(p, r); err != nil {
		_ = sock.Close() // nothing is in it
		return nil, fmt.Errorf("open a relay socket: %w", err)
	}
	p.number++
	r.number = p.number
	p.clients[c.Client] = r
	p.ports[c.Address.Port()] = r
	return r, nil
}

func (p *Plane) removeLocked(r *Relay) {
	if p.clients[r.Client] == r {
		delete(p.clients, r.Client)
	}
	if p.ports[r.Address.Port()] == r {
		p.ports[r.Address.Port()] = nil
	}
}

// Close ends the goroutines that read relay sockets and waits for them. All
// relays must have been closed, and none may be opened afterwards.
func (p *Plane) Close() { p.readers.close() }

// Relay returns the relay of a client, or nil.
func (p *Plane) Relay(c Client) *Relay {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.clients[c]
}

// Local returns the relay that has the announced address peer, or nil.
func (p *Plane) Local(peer netip.AddrPort) *Relay {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.localLocked(peer)
}

func (p *Plane) localLocked(peer netip.AddrPort) *Relay {
	if !p.isAnnounced(peer.Addr()) {
		return nil
	}
	if r := p.ports[peer.Port()]; r != nil && r.Address == peer {
		return r
	}
	return nil
}

func (p *Plane) isAnnounced(a netip.Addr) bool {
	for _, x := range p.announced {
		if x == a {
			return true
		}
	}
	return false
}

// IsSource tells whether src is the address that one of the relay sockets
// sends from: such a packet went through an allocation of this very server.
func (p *Plane) IsSource(src netip.AddrPort) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.isSourceLocked(src)
}

func (p *Plane) isSourceLocked(src netip.AddrPort) bool {
	r := p.ports[src.Port()]
	if r == nil {
		return false
	}
	return r.Address == src || r.bind.Addr() == src.Addr() ||
		r.bind.Addr().IsUnspecified() && (p.isAnnounced(src.Addr()) || src.Addr().IsLoopback())
}

// FromChannels relays ChannelData frames of a stream's client (RFC 8656 section
// 12.6): frames holds whole ones, each padded to a multiple of four bytes. The
// headers are overwritten.
func (p *Plane) FromChannels(c Client, frames []byte) {
	d := p.takeRound()
	defer p.putRound(d)
	r := p.clients[c]
	for len(frames) >= channelHeader {
		n := min(paddedFrame(frames), len(frames))
		if r == nil {
			d.drop(DropNoAllocation)
		} else {
			d.channelData(r, frames[:n])
		}
		frames = frames[n:]
	}
}

// FromChannel relays one ChannelData frame, padded or not. Its header is
// overwritten.
func (p *Plane) FromChannel(c Client, frame []byte) {
	p.single(c, func(d *round, r *Relay) { d.channelData(r, frame) })
}

// FromSend relays the data of a Send indication (RFC 8656 section 11.2).
func (p *Plane) FromSend(c Client, peer netip.AddrPort, data []byte) {
	p.single(c, func(d *round, r *Relay) { d.send(r, peer, data) })
}

// takeRound begins a round of the pool. The lock comes first: those who wait for
// it hold no memory.
func (p *Plane) takeRound() *round {
	p.mu.RLock()
	d := p.pool.Get().(*round)
	d.start()
	return d
}

func (p *Plane) putRound(d *round) {
	d.end()
	p.pool.Put(d)
}

// single runs a round for one packet of a client.
func (p *Plane) single(c Client, do func(*round, *Relay)) {
	d := p.takeRound()
	defer p.putRound(d)
	if r := p.clients[c]; r != nil {
		do(d, r)
	} else {
		d.drop(DropNoAllocation)
	}
}
