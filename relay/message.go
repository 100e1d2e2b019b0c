package relay

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"net/netip"
)

// STUN message layout (RFC 8489 section 5 and 14).
const (
	stunCookie     = 0x2112A442
	stunHeaderLen  = 20
	integrityLen   = sha1.Size
	fingerprintXor = 0x5354554e
)

// A method and a class make a message's type.
type method uint16
type class uint16

const (
	methodBinding          method = 0x001
	methodAllocate         method = 0x003
	methodRefresh          method = 0x004
	methodSend             method = 0x006
	methodCreatePermission method = 0x008
	methodChannelBind      method = 0x009

	classRequest    class = 0x000
	classIndication class = 0x010
	classSuccess    class = 0x100
	classError      class = 0x110
	classMask             = 0x110
)

// Attributes of RFC 8489 and RFC 8656. Those below 0x8000 must be understood.
const (
	attrUsername                = 0x0006
	attrMessageIntegrity        = 0x0008
	attrErrorCode               = 0x0009
	attrUnknownAttributes       = 0x000A
	attrChannelNumber           = 0x000C
	attrLifetime                = 0x000D
	attrXORPeerAddress          = 0x0012
	attrData                    = 0x0013
	attrRealm                   = 0x0014
	attrNonce                   = 0x0015
	attrXORRelayedAddress       = 0x0016
	attrRequestedAddressFamily  = 0x0017
	attrEvenPort                = 0x0018
	attrRequestedTransport      = 0x0019
	attrMessageIntegritySHA256  = 0x001C
	attrXORMappedAddress        = 0x0020
	attrReservationToken        = 0x0022
	attrAdditionalAddressFamily = 0x8000
	attrAddressErrorCode        = 0x8001
	attrFingerprint             = 0x8028
)

var (
	errShort       = errors.New("shorter than a STUN header")
	errNotSTUN     = errors.New("not a STUN message")
	errLength      = errors.New("length does not fit the message")
	errAttribute   = errors.New("attribute does not fit the message")
	errFingerprint = errors.New("FINGERPRINT is wrong or not last")
)

type attribute struct {
	typ   uint16
	at    int // offset of the value in the message
	value []byte
}

// message is a parsed STUN message. It refers to the bytes that it was parsed
// from. Attributes behind MESSAGE-INTEGRITY are not in it: nobody signed them
// (RFC 8489 section 14.5).
type message struct {
	raw           []byte
	method        method
	class         class
	id            [12]byte
	attrs         []attribute
	integrity     int // offset of MESSAGE-INTEGRITY; 0 = there is none
	fingerprinted bool
}

// parse judges the form of a message and its FINGERPRINT, nothing else. attrs
// is reused when it has room.
func parse(raw []byte, attrs []attribute) (message, error) {
	m := message{raw: raw, attrs: attrs[:0]}
	if len(raw) < stunHeaderLen {
		return m, errShort
	}
	if raw[0]&0xC0 != 0 || binary.BigEndian.Uint32(raw[4:]) != stunCookie {
		return m, errNotSTUN
	}
	if n := int(binary.BigEndian.Uint16(raw[2:])); n&3 != 0 || n != len(raw)-stunHeaderLen {
		return m, errLength
	}
	t := binary.BigEndian.Uint16(raw)
	m.class = class(t & classMask)
	m.method = method(t&0x000F | t&0x00E0>>1 | t&0x3E00>>2)
	copy(m.id[:], raw[8:])
	return m, m.walk()
}

func (m *message) walk() error {
	for at := stunHeaderLen; at < len(m.raw); {
		typ := binary.BigEndian.Uint16(m.raw[at:])
		n := int(binary.BigEndian.Uint16(m.raw[at+2:]))
		next := at + 4 + (n+3)&^3
		if next > len(m.raw) {
			return errAttribute
		}
		switch {
		case typ == attrFingerprint:
			m.fingerprinted = true
			if n != 4 || next != len(m.raw) || binary.BigEndian.Uint32(m.raw[at+4:]) != fingerprint(m.raw[:at]) {
				return errFingerprint
			}
		case m.integrity != 0: // unsigned
		case typ == attrMessageIntegrity:
			if n != integrityLen {
				return errAttribute
			}
			m.integrity = at
		default:
			m.attrs = append(m.attrs, attribute{typ, at + 4, m.raw[at+4 : at+4+n]})
		}
		at = next
	}
	return nil
}

// find returns the first attribute of a type: only that one counts (RFC 8489
// section 14).
func (m *message) find(typ uint16) (attribute, bool) {
	for _, a := range m.attrs {
		if a.typ == typ {
			return a, true
		}
	}
	return attribute{}, false
}

func (m *message) get(typ uint16) ([]byte, bool) {
	a, ok := m.find(typ)
	return a.value, ok
}

// signedBy checks MESSAGE-INTEGRITY with a long-term key (RFC 8489 section 14.5).
func (m *message) signedBy(key []byte) bool {
	if m.integrity == 0 {
		return false
	}
	sum := integrity(key, m.raw[:m.integrity])
	return hmac.Equal(sum, m.raw[m.integrity+4:m.integrity+4+integrityLen])
}

// maxUnknown bounds the types that a 420 lists, so that the answer stays small.
const maxUnknown = 4

// unknown lists the attributes that must be understood and are not.
func (m *message) unknown() []uint16 {
	var list []uint16
	for _, a := range m.attrs {
		if a.typ < 0x8000 && !understood(a.typ) && len(list) < maxUnknown {
			list = append(list, a.typ)
		}
	}
	return list
}

// understood tells which attributes the server knows. DONT-FRAGMENT is not
// among them: the relay cannot set the bit for one datagram (RFC 8656 section 15).
func understood(typ uint16) bool {
	switch typ {
	case attrUsername, attrMessageIntegrity, attrErrorCode, attrUnknownAttributes, attrChannelNumber,
		attrLifetime, attrXORPeerAddress, attrData, attrRealm, attrNonce, attrXORRelayedAddress,
		attrRequestedAddressFamily, attrEvenPort, attrRequestedTransport, attrMessageIntegritySHA256,
		attrXORMappedAddress, attrReservationToken,
		0x0001, // MAPPED-ADDRESS
		0x0024, // PRIORITY and USE-CANDIDATE come with connectivity checks
		0x0025:
		return true
	}
	return false
}

// decodeAddress reads an XOR-ed address (RFC 8489 section 14.2).
func (m *message) decodeAddress(v []byte) (netip.AddrPort, bool) {
	if len(v) < 4 || v[1] == 1 && len(v) != 8 || v[1] == 2 && len(v) != 20 || v[1] < 1 || v[1] > 2 {
		return netip.AddrPort{}, false
	}
	var b [16]byte
	n := copy(b[:], v[4:])
	for i := range n {
		b[i] ^= m.raw[4+i]
	}
	a, _ := netip.AddrFromSlice(b[:n])
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(v[2:])^(stunCookie>>16)), true
}

// integrity is the HMAC over a message up to, not including, MESSAGE-INTEGRITY,
// with the length field that the message would have if it ended there.
func integrity(key, upTo []byte) []byte {
	var header [stunHeaderLen]byte
	copy(header[:], upTo)
	binary.BigEndian.PutUint16(header[2:], uint16(len(upTo)-stunHeaderLen+4+integrityLen))
	h := hmac.New(sha1.New, key)
	h.Write(header[:])
	h.Write(upTo[stunHeaderLen:])
	return h.Sum(nil)
}

// fingerprint is the checksum of a message up to FINGERPRINT (RFC 8489 section
// 14.7). The length field already counts the attribute.
func fingerprint(upTo []byte) uint32 { return crc32.ChecksumIEEE(upTo) ^ fingerprintXor }
