package dataplane

import (
	"net/netip"
	"sync/atomic"
)

const (
	// maxMessages and maxPackets bound what a round holds back before it sends.
	maxMessages = 64
	maxPackets  = 512
	// maxSegments and maxSegmented are what any Linux takes as one segmented
	// message: 64 segments, and the largest IPv4 datagram.
	maxSegments  = 64
	maxSegmented = 65507
	// openFlows is the size of the table in which a packet finds the message
	// that it may join; a power of two.
	openFlows = 128
)

// route is where a packet goes and whom it is counted for.
type route struct {
	sock     *socket
	to       netip.AddrPort
	local    netip.Addr // the source address to use; invalid when the socket has only one
	up, down *Relay     // either may be nil
}

// whole remembers that the path of a route has refused segments. Those to one
// client share it, and those to its peers; nil = an answer, which is alone.
func (r *route) whole() *atomic.Bool {
	switch {
	case r.down != nil:
		return &r.down.whole[Down]
	case r.up != nil:
		return &r.up.whole[Up]
	}
	return nil
}

// single tells that each packet of a route needs a message of its own.
func (r *route) single() bool {
	whole := r.whole()
	return r.sock.single() || whole != nil && whole.Load()
}

// message is one datagram or several of one route, equally long but for the
// last, which may be shorter: what one system call can send by segmentation.
type message struct {
	route
	size    int // bytes of each packet on the wire, but for the last
	wire    int // bytes of all packets on the wire
	length  int // payload bytes of the first packet
	payload int // payload bytes of all packets
	count   int
	first   int32
	last    int32
	full    bool // nothing may be added
}

// packet is one datagram in up to three parts.
type packet struct {
	head, body []byte
	pad        int   // zero bytes behind the body
	next       int32 // of the same message
}

// queue collects what a round sends. The bytes stay where they were received.
type queue struct {
	messages []message
	packets  []packet
	open     [openFlows]int8 // 1 + index of the last message of a flow; 0 = none
}

func (q *queue) init() {
	q.messages = make([]message, 0, maxMessages)
	q.packets = make([]packet, 0, maxPackets)
}

func (q *queue) full() bool { return len(q.messages) == maxMessages || len(q.packets) == maxPackets }

// add queues a packet. It joins the last message of its route if the two may
// travel together; so packets of one route never overtake each other.
func (q *queue) add(r route, p packet, payload int) {
	size := len(p.head) + len(p.body) + p.pad
	at := int32(len(q.packets))
	p.next = -1
	q.packets = append(q.packets, p)
	slot := &q.open[flowSlot(&r)]
	if i := *slot; i > 0 {
		if m := &q.messages[i-1]; m.takes(&r, size) {
			q.packets[m.last].next = at
			m.last = at
			m.count++
			m.wire += size
			m.payload += payload
			m.full = size < m.size || m.count == maxSegments
			return
		}
	}
	q.messages = append(q.messages, message{route: r, size: size, wire: size, length: payload, payload: payload, count: 1, first: at, last: at,
		full: size == 0 || r.single()})
	*slot = int8(len(q.messages))
}

func flowSlot(r *route) uint32 {
	n := uint32(r.to.Port()) * 31
	if r.up != nil {
		n += r.up.number * 7
	}
	if r.down != nil {
		n += r.down.number * 13
	}
	return n % openFlows
}

func (m *message) takes(r *route, size int) bool {
	return !m.full && size <= m.size && size > 0 && m.wire+size <= maxSegmented && m.route == *r
}

// cut drops all packets but the first n.
func (m *message) cut(n int) {
	m.count = n
	m.payload = n * m.length
	m.wire = n * m.size
}

func (q *queue) reset() {
	for i := range q.messages {
		q.open[flowSlot(&q.messages[i].route)] = 0
		q.messages[i].route = route{} // must not keep an ended relay in memory
	}
	q.messages, q.packets = q.messages[:0], q.packets[:0]
}
