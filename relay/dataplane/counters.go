package dataplane

import "sync/atomic"

// Drop is a reason for which a packet was dropped.
type Drop int

// The reasons, each a label of the metric for dropped packets.
const (
	DropNoAllocation Drop = iota // ChannelData or Send from a client without an allocation
	DropNoChannel                // ChannelData on an unbound channel
	DropNoPermission             // a peer without a permission, either direction
	DropDenied                   // the policy does not let this peer be reached
	DropTooBig                   // longer than MaxPayload
	DropBandwidth                // a bandwidth limit is exhausted
	DropSendFailed               // the system refused the datagram
	DropMalformed                // ChannelData whose length does not fit
	dropReasons
)

// String returns the label of the reason.
func (d Drop) String() string {
	return [...]string{"no_allocation", "no_channel", "no_permission", "denied", "too_big",
		"bandwidth", "send_failed", "malformed"}[d]
}

// Direction tells the two directions of an allocation apart.
type Direction int

// Up is from the client to its peers, Down from the peers to the client.
const (
	Up Direction = iota
	Down
)

// Traffic counts what was relayed, payload without any TURN header.
type Traffic struct {
	bytes, packets [2]atomic.Uint64
}

func (t *Traffic) add(d Direction, packets, bytes uint64) {
	t.packets[d].Add(packets)
	t.bytes[d].Add(bytes)
}

// Bytes returns the payload bytes relayed in one direction.
func (t *Traffic) Bytes(d Direction) uint64 { return t.bytes[d].Load() }

// Packets returns the packets relayed in one direction.
func (t *Traffic) Packets(d Direction) uint64 { return t.packets[d].Load() }

// tally is what one round counts; it is added to the plane's totals at once, so
// that the cores do not fight over them at every packet.
type tally struct {
	bytes, packets [2]uint64
	drops          [dropReasons]uint64
}

func (t *tally) add(d Direction, packets, bytes uint64) {
	t.packets[d] += packets
	t.bytes[d] += bytes
}

// moveTo adds the tally to the plane's totals and clears it.
func (t *tally) moveTo(p *Plane) {
	for d := range t.packets {
		if t.packets[d] > 0 {
			p.add(Direction(d), t.packets[d], t.bytes[d])
		}
	}
	for i, n := range t.drops {
		if n > 0 {
			p.drops[i].Add(n)
		}
	}
	*t = tally{}
}
