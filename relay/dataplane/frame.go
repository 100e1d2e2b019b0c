package dataplane

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
)

const (
	// MaxPayload is the largest datagram that is relayed, in bytes: what fits
	// an Ethernet frame and no more.
	MaxPayload = 1500

	channelHeader = 4
	stunHeader    = 20
	stunCookie    = 0x2112A442
	// dataHeader is the longest header of a Data indication: an IPv6 peer.
	dataHeader = stunHeader + 4 + 4 + 16 + 4

	typeSendIndication = 0x0016
	typeDataIndication = 0x0017
	attrXORPeerAddress = 0x0012
	attrData           = 0x0013
	attrSoftware       = 0x8022
)

// putChannelHeader writes the header of a ChannelData frame (RFC 8656 section
// 12.4). Padding is the business of a stream.
func putChannelHeader(b []byte, number uint16, payload int) {
	binary.BigEndian.PutUint16(b, number)
	binary.BigEndian.PutUint16(b[2:], uint16(payload))
}

// putDataHeader writes what precedes the payload of a Data indication (RFC 8656
// section 11.4) and returns its length; -payload&3 bytes of padding belong
// behind the payload.
func putDataHeader(b []byte, peer netip.AddrPort, payload int) int {
	size := 4
	if !peer.Addr().Is4() {
		size = 16
	}
	n := stunHeader + 4 + 4 + size + 4
	binary.BigEndian.PutUint16(b, typeDataIndication)
	binary.BigEndian.PutUint16(b[2:], uint16(n-stunHeader+payload+-payload&3))
	binary.BigEndian.PutUint32(b[4:], stunCookie)
	binary.BigEndian.PutUint64(b[8:], rand.Uint64())
	binary.BigEndian.PutUint32(b[16:], rand.Uint32())

	a := b[stunHeader:]
	binary.BigEndian.PutUint16(a, attrXORPeerAddress)
	binary.BigEndian.PutUint16(a[2:], uint16(4+size))
	a[4], a[5] = 0, 1
	binary.BigEndian.PutUint16(a[6:], peer.Port()^(stunCookie>>16))
	if size == 4 {
		v := peer.Addr().As4()
		copy(a[8:], v[:])
	} else {
		v := peer.Addr().As16()
		a[5] = 2
		copy(a[8:], v[:])
	}
	for i := range size {
		a[8+i] ^= b[4+i] // cookie, then transaction id (RFC 8489 section 14.2)
	}
	d := a[8+size:]
	binary.BigEndian.PutUint16(d, attrData)
	binary.BigEndian.PutUint16(d[2:], uint16(payload))
	return n
}

// plainSend reads a Send indication (RFC 8656 section 11.1) of the form that
// clients send: one IPv4 peer, the data, perhaps SOFTWARE. ok is false for every
// other message, good or bad, which a full parser must judge.
func plainSend(b []byte) (peer netip.AddrPort, data []byte, ok bool) {
	if len(b) < stunHeader || binary.BigEndian.Uint16(b) != typeSendIndication ||
		binary.BigEndian.Uint32(b[4:]) != stunCookie || int(binary.BigEndian.Uint16(b[2:])) != len(b)-stunHeader || len(b)&3 != 0 {
		return peer, nil, false
	}
	seen := 0 // bit 0: the peer, bit 1: the data
	for at := stunHeader; at < len(b); {
		n := int(binary.BigEndian.Uint16(b[at+2:]))
		next := at + 4 + (n+3)&^3
		if next > len(b) {
			return peer, nil, false
		}
		v := b[at+4 : at+4+n]
		switch binary.BigEndian.Uint16(b[at:]) {
		case attrXORPeerAddress:
			if n != 8 || v[1] != 1 || seen&1 != 0 {
				return peer, nil, false
			}
			ip := binary.BigEndian.Uint32(v[4:]) ^ stunCookie
			peer = netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}),
				binary.BigEndian.Uint16(v[2:])^(stunCookie>>16))
			seen |= 1
		case attrData:
			if seen&2 != 0 {
				return peer, nil, false
			}
			data = v
			seen |= 2
		case attrSoftware:
		default:
			return peer, nil, false
		}
		at = next
	}
	return peer, data, seen == 3 && peer.Port() != 0
}

// paddedFrame is the length of the ChannelData frame that b begins with on a
// stream (RFC 8656 section 12.5).
func paddedFrame(b []byte) int {
	return channelHeader + (int(binary.BigEndian.Uint16(b[2:]))+3)&^3
}
