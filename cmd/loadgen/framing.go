//go:build linux

package main

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/pion/stun/v3"
)

// framing is how a client's packets look.
type framing int

const (
	bare       framing = iota // the payload alone: peers, and clients of the bare forwarder
	channel                   // ChannelData
	indication                // Send and Data indications
)

// Every payload starts with a mark, which neither TURN nor the forwarder's
// control messages begin with, and the time at which it was sent.
const (
	payloadMark = 0x7e
	stampAt     = 8
	minPayload  = 16
)

const (
	channelHeader = 4
	stunHeader    = 20
)

// packet is a template: what one flow sends again and again, with a new time.
type packet struct {
	b     []byte
	stamp []byte
}

// newPacket frames a payload of size bytes. On a stream ChannelData is padded.
func newPacket(f framing, size int, peer netip.AddrPort, stream bool) (packet, error) {
	payload := make([]byte, size)
	payload[0] = payloadMark
	var b []byte
	switch f {
	case channel:
		b = binary.BigEndian.AppendUint16(nil, firstChannel)
		b = binary.BigEndian.AppendUint16(b, uint16(size))
		b = append(b, payload...)
		for stream && len(b)%4 != 0 {
			b = append(b, 0)
		}
	case indication:
		m, err := stun.Build(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication), peerAttribute(peer),
			stun.RawAttribute{Type: stun.AttrData, Value: payload})
		if err != nil {
			return packet{}, err
		}
		b = m.Raw
	default:
		b = payload
	}
	at := headerSize(f, b)
	return packet{b, b[at+stampAt:][:8]}, nil
}

func (p packet) mark(at time.Duration) { binary.BigEndian.PutUint64(p.stamp, uint64(at)) }

// headerSize is where the payload of a packet begins; -1 if it holds none.
func headerSize(f framing, b []byte) int {
	switch {
	case f == bare:
		return 0
	case len(b) >= channelHeader && b[0]&0xc0 == 0x40:
		return channelHeader
	case len(b) < stunHeader:
		return -1
	}
	for at := stunHeader; at+4 <= len(b); {
		kind, size := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		if stun.AttrType(kind) == stun.AttrData {
			return at + 4
		}
		at += 4 + (size+3)&^3
	}
	return -1
}

// sentAt reads the time out of a packet, and how long its payload is; false if
// it is none of ours.
func sentAt(f framing, b []byte) (sent time.Duration, size int, ok bool) {
	at := headerSize(f, b)
	if at < 0 || len(b) < at+minPayload || b[at] != payloadMark {
		return 0, 0, false
	}
	size = len(b)
	if f != bare { // both headers end with the length; padding may follow the payload
		size = int(binary.BigEndian.Uint16(b[at-2:]))
	}
	return time.Duration(binary.BigEndian.Uint64(b[at+stampAt:])), size, true
}

// frameLength is the length of the STUN message or ChannelData at the start of
// a stream; 0 while its header is incomplete.
func frameLength(b []byte) int {
	if len(b) < channelHeader {
		return 0
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if b[0]&0xc0 == 0x40 {
		return channelHeader + (n+3)&^3
	}
	return stunHeader + n
}
