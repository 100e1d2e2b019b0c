package dataplane

import (
	"encoding/binary"
	"net/netip"
)

// verdicts is the size of a round's memory of what the policy allows; a power
// of two.
const verdicts = 1024

// round handles packets in batches; see the package comment. One goroutine at a
// time uses it. Between begin and end it holds the plane's read lock, and the
// bytes that it was given must stay as they are.
type round struct {
	plane *Plane
	index int // which of a listener's sockets it sends on
	queue queue
	wire  wire // what the system calls need

	tally  tally
	heads  []byte // headers of queued packets
	zeros  [3]byte
	frame  [dataHeader]byte // the header for a stream
	number uint16           // of the header in heads that was written last
	length int
	last   []byte
	ready  []Stream // with something to flush

	epoch   uint64 // of the policy that allowed knows
	allowed [verdicts]uint64
}

func newRound(p *Plane, index int) *round {
	d := &round{plane: p, index: index, heads: make([]byte, 0, maxPackets*dataHeader)}
	d.queue.init()
	d.wire.init()
	return d
}

// begin waits for the tables, and start is for a round that has them already.
func (d *round) begin() {
	d.plane.mu.RLock()
	d.start()
}

func (d *round) start() {
	if d.epoch != d.plane.epoch {
		d.epoch = d.plane.epoch
		clear(d.allowed[:])
	}
}

// end sends what is queued and lets go of the tables.
func (d *round) end() {
	d.endWithoutStreams()
	d.flushStreams()
}

// endWithoutStreams leaves what streams have queued to flushStreams.
func (d *round) endWithoutStreams() {
	d.flush()
	d.plane.mu.RUnlock()
	d.tally.moveTo(d.plane)
}

func (d *round) flushStreams() {
	for i, s := range d.ready {
		s.Flush()
		d.ready[i] = nil // must not keep an ended stream in memory
	}
	d.ready = d.ready[:0]
}

func (d *round) flush() {
	q := &d.queue
	if len(q.messages) == 0 {
		return
	}
	for i := range q.messages {
		d.admit(&q.messages[i])
	}
	d.transmit()
	q.reset()
	d.heads, d.last = d.heads[:0], nil
}

// limitsOf returns the bandwidth limits that a message is subject to.
func (d *round) limitsOf(m *message) (list [4]*Bucket) {
	if m.up != nil {
		list[0], list[1] = m.up.limits[Up], d.plane.limits[Up]
	}
	if m.down != nil {
		list[2], list[3] = m.down.limits[Down], d.plane.limits[Down]
	}
	return list
}

// admit takes a message's bytes out of the bandwidth limits and cuts off the
// packets for which they do not suffice. What one limit has granted and another
// has not goes back.
func (d *round) admit(m *message) {
	limits := d.limitsOf(m)
	var granted [len(limits)]int
	n := m.count
	for i, b := range limits {
		n = b.takePackets(n, m.length)
		granted[i] = n
	}
	if n < m.count {
		d.tally.drops[DropBandwidth] += uint64(m.count - n)
		m.cut(n)
	}
	for i, b := range limits {
		b.give(granted[i]*m.length - m.payload) // the last packet may be shorter than the others
	}
}

// unsent counts what the system has refused of a message, and gives its bytes
// back to the limits.
func (d *round) unsent(m *message) {
	d.tally.drops[DropSendFailed] += uint64(m.count)
	for _, b := range d.limitsOf(m) {
		b.give(m.payload)
	}
}

// sent counts what the system has taken of a message.
func (d *round) sent(m *message) { d.count(m.up, m.down, uint64(m.count), uint64(m.payload)) }

func (d *round) count(up, down *Relay, packets, bytes uint64) {
	if up != nil {
		up.add(Up, packets, bytes)
		d.tally.add(Up, packets, bytes)
	}
	if down != nil {
		down.add(Down, packets, bytes)
		d.tally.add(Down, packets, bytes)
	}
}

func (d *round) drop(why Drop) { d.tally.drops[why]++ }

// mayReach asks the policy about a peer outside, or its own memory.
func (d *round) mayReach(peer netip.AddrPort) bool {
	if !peer.Addr().Is4() {
		return d.plane.mayReach(peer)
	}
	const known, yes = 1 << 63, 1 << 62
	a := peer.Addr().As4()
	key := uint64(binary.BigEndian.Uint32(a[:]))<<16 | uint64(peer.Port()) | known
	slot := &d.allowed[(key^key>>16^key>>26)%verdicts]
	if *slot&^yes != key {
		*slot = key
		if d.plane.mayReach(peer) {
			*slot |= yes
		}
	}
	return *slot&yes != 0
}

// channelData relays a ChannelData frame of a client (RFC 8656 section 12.6).
// The header is overwritten.
func (d *round) channelData(r *Relay, b []byte) {
	if len(b) < channelHeader {
		d.drop(DropMalformed)
		return
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n > len(b)-channelHeader {
		d.drop(DropMalformed)
		return
	}
	peer, ok := r.channels[uint32(binary.BigEndian.Uint16(b))]
	if !ok {
		d.drop(DropNoChannel)
		return
	}
	d.toPeer(r, peer, b[:channelHeader+n], b[channelHeader:channelHeader+n])
}

// send relays the data of a Send indication (RFC 8656 section 11.2).
func (d *round) send(r *Relay, peer netip.AddrPort, data []byte) {
	if _, ok := r.permissions[peer.Addr()]; !ok {
		d.drop(DropNoPermission)
		return
	}
	d.toPeer(r, peer, nil, data)
}

// toPeer sends a payload of the client to a peer that it may reach: through the
// tables when the peer is a relay of this plane, which works without hairpin
// and without an open port, else through the relay socket. frame is the payload
// with room for a ChannelData header before it, or nil.
func (d *round) toPeer(r *Relay, peer netip.AddrPort, frame, payload []byte) {
	if len(payload) > MaxPayload {
		d.drop(DropTooBig)
		return
	}
	if other := d.plane.localLocked(peer); other != nil {
		number, ok := other.hears(r.Address)
		if !ok {
			d.drop(DropNoPermission)
			return
		}
		d.toClient(other, r.Address, number, r, frame, payload)
		return
	}
	if !d.mayReach(peer) {
		d.drop(DropDenied)
		return
	}
	if d.queue.full() {
		d.flush()
	}
	d.queue.add(route{sock: r.sock, to: peer, up: r}, packet{body: payload}, len(payload))
}

// fromPeer takes a datagram that came through a relay socket. Strangers are
// turned away first, for they may flood. The policy is asked here too: a peer
// that it has come to deny must not go on sending.
func (d *round) fromPeer(r *Relay, src netip.AddrPort, frame, payload []byte) {
	if len(payload) > MaxPayload {
		d.drop(DropTooBig)
		return
	}
	number, ok := r.hears(src)
	if !ok {
		d.drop(DropNoPermission)
		return
	}
	if d.plane.localLocked(src) == nil && !d.mayReach(src) {
		d.drop(DropDenied)
		return
	}
	d.toClient(r, src, number, nil, frame, payload)
}

// hears tells whether the client of a relay lets a peer speak, and by which
// channel; number 0 is none.
func (r *Relay) hears(peer netip.AddrPort) (number uint16, ok bool) {
	if number, ok = r.numbers[peer]; !ok {
		_, ok = r.permissions[peer.Addr()]
	}
	return number, ok
}

// toClient hands a peer's datagram to the client (RFC 8656 sections 11.3 and
// 12.7), through a channel unless number is 0. from is the peer's relay if it is
// one of ours.
func (d *round) toClient(r *Relay, src netip.AddrPort, number uint16, from *Relay, frame, payload []byte) {
	u, isUDP := r.Client.Link.(*UDP)
	if !isUDP || r.tap != nil {
		d.toStream(r, src, number, from, payload)
		return
	}
	if d.queue.full() {
		d.flush()
	}
	to := route{sock: u.socket(d.index), to: r.Client.Addr, local: r.Client.Local, up: from, down: r}
	switch {
	case number == 0:
		d.queue.add(to, packet{head: d.dataHead(src, len(payload)), body: payload, pad: -len(payload) & 3}, len(payload))
	case frame != nil:
		putChannelHeader(frame, number, len(payload))
		d.queue.add(to, packet{body: frame}, len(payload))
	default:
		d.queue.add(to, packet{head: d.channelHead(number, len(payload)), body: payload}, len(payload))
	}
}

// channelHead returns a header in memory that lasts until the flush; packets
// after each other mostly share one.
func (d *round) channelHead(number uint16, payload int) []byte {
	if d.last == nil || d.number != number || d.length != payload {
		d.last, d.number, d.length = d.head(channelHeader), number, payload
		putChannelHeader(d.last, number, payload)
	}
	return d.last
}

func (d *round) dataHead(peer netip.AddrPort, payload int) []byte {
	b := d.head(dataHeader)
	return b[:putDataHeader(b, peer, payload)]
}

func (d *round) head(n int) []byte {
	at := len(d.heads)
	d.heads = d.heads[:at+n]
	return d.heads[at:]
}

// toStream hands a payload to a link that keeps its own queue, or to the tap.
func (d *round) toStream(r *Relay, src netip.AddrPort, number uint16, from *Relay, payload []byte) {
	m := message{route: route{up: from, down: r}, length: len(payload), payload: len(payload), count: 1}
	if d.admit(&m); m.count == 0 {
		return
	}
	if r.tap != nil {
		r.tap(src, payload)
		d.sent(&m)
		return
	}
	n := channelHeader
	if number != 0 {
		putChannelHeader(d.frame[:], number, len(payload))
	} else {
		n = putDataHeader(d.frame[:], src, len(payload))
	}
	if stream := r.Client.Link.(Stream); stream.Queue(d.frame[:n], payload) {
		d.ready = append(d.ready, stream)
	}
	d.sent(&m)
}
