package dataplane

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
)

const (
	// Headroom is the room that a packet's buffer has before its payload, so
	// that a header can be written in place: a Data indication for an IPv6 peer
	// takes 48 bytes.
	Headroom = 64
	// Tailroom is the room behind the payload, for padding.
	Tailroom = 4
	// MaxPayload is the largest datagram that is relayed, in bytes: what fits
	// an Ethernet frame and no more.
	MaxPayload = 1500

	channelHeader = 4
	stunHeader    = 20
	stunCookie    = 0x2112A442

	typeDataIndication = 0x0017
	attrXORPeerAddress = 0x0012
	attrData           = 0x0013
)

// Packet is a payload inside a larger buffer. A plane that takes a Packet may
// overwrite the Headroom bytes before Off and the Tailroom bytes behind End.
type Packet struct {
	Buf      []byte
	Off, End int
}

// Payload returns the bytes that the client or the peer sent.
func (p Packet) Payload() []byte { return p.Buf[p.Off:p.End] }

// channelFrame puts a ChannelData header before the payload (RFC 8656
// section 12.4). Padding is the business of a stream.
func (p Packet) channelFrame(number uint16) []byte {
	f := p.Buf[p.Off-channelHeader : p.End]
	binary.BigEndian.PutUint16(f, number)
	binary.BigEndian.PutUint16(f[2:], uint16(p.End-p.Off))
	return f
}

// dataIndication puts the header of a Data indication before the payload (RFC
// 8656 section 11.4) and pads it.
func (p Packet) dataIndication(peer netip.AddrPort) []byte {
	addr := peer.Addr().AsSlice()
	n := p.End - p.Off
	pad := -n & 3
	start := p.Off - (stunHeader + 4 + 4 + len(addr) + 4)
	f := p.Buf[start : p.End+pad]

	binary.BigEndian.PutUint16(f, typeDataIndication)
	binary.BigEndian.PutUint16(f[2:], uint16(len(f)-stunHeader))
	binary.BigEndian.PutUint32(f[4:], stunCookie)
	binary.BigEndian.PutUint64(f[8:], rand.Uint64())
	binary.BigEndian.PutUint32(f[16:], rand.Uint32())

	a := f[stunHeader:]
	binary.BigEndian.PutUint16(a, attrXORPeerAddress)
	binary.BigEndian.PutUint16(a[2:], uint16(4+len(addr)))
	a[4], a[5] = 0, 1
	if len(addr) == 16 {
		a[5] = 2
	}
	binary.BigEndian.PutUint16(a[6:], peer.Port()^(stunCookie>>16))
	for i := range addr {
		a[8+i] = addr[i] ^ f[4+i] // cookie, then transaction id (RFC 8489 section 14.2)
	}

	d := a[8+len(addr):]
	binary.BigEndian.PutUint16(d, attrData)
	binary.BigEndian.PutUint16(d[2:], uint16(n))
	clear(f[len(f)-pad:])
	return f
}
