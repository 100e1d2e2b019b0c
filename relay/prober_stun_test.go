package relay_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
)

// The prober reads and writes STUN with code of its own, so that a mistake in
// the server's cannot hide in both.

// Message types: method and class in one number (RFC 8489 section 5).
const (
	tBinding          = 0x0001
	tAllocate         = 0x0003
	tRefresh          = 0x0004
	tCreatePermission = 0x0008
	tChannelBind      = 0x0009
	tSend             = 0x0016
	tData             = 0x0017

	indicationBit = 0x0010
	successBit    = 0x0100
	errorBits     = 0x0110
)

const (
	aUsername    = 0x0006
	aIntegrity   = 0x0008
	aErrorCode   = 0x0009
	aUnknown     = 0x000A
	aChannel     = 0x000C
	aLifetime    = 0x000D
	aPeer        = 0x0012
	aData        = 0x0013
	aRealm       = 0x0014
	aNonce       = 0x0015
	aRelayed     = 0x0016
	aFamily      = 0x0017
	aEvenPort    = 0x0018
	aTransport   = 0x0019
	aDontFrag    = 0x001A
	aMapped      = 0x0020
	aToken       = 0x0022
	aMoreFamily  = 0x8000
	aAddrError   = 0x8001
	aSoftware    = 0x8022
	aFingerprint = 0x8028
)

// tlv is one attribute.
type tlv struct {
	typ   uint16
	value []byte
}

func num(typ uint16, v uint32) tlv { return tlv{typ, binary.BigEndian.AppendUint32(nil, v)} }

func text(typ uint16, s string) tlv { return tlv{typ, []byte(s)} }

// message writes a message with a fresh transaction id, unsigned.
func message(typ uint16, attrs ...tlv) []byte {
	b := make([]byte, 20)
	binary.BigEndian.PutUint16(b, typ)
	copy(b[4:], "\x21\x12\xA4\x42")
	_, _ = rand.Read(b[8:])
	for _, a := range attrs {
		b = appendTLV(b, a)
	}
	return b
}

func appendTLV(b []byte, a tlv) []byte {
	b = binary.BigEndian.AppendUint16(b, a.typ)
	b = binary.BigEndian.AppendUint16(b, uint16(len(a.value)))
	b = append(b, a.value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-20))
	return b
}

func longTermKey(name, realm, password string) []byte {
	k := md5.Sum([]byte(name + ":" + realm + ":" + password))
	return k[:]
}

func sharedPassword(secret, name string) string {
	h := hmac.New(sha1.New, []byte(secret))
	_, _ = h.Write([]byte(name))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// sign appends MESSAGE-INTEGRITY.
func sign(b, key []byte) []byte {
	b = appendTLV(b, tlv{aIntegrity, make([]byte, 20)})
	copy(b[len(b)-20:], mac(b, len(b)-24, key))
	return b
}

// mac is what MESSAGE-INTEGRITY at an offset should hold.
func mac(b []byte, at int, key []byte) []byte {
	covered := append([]byte(nil), b[:at]...)
	binary.BigEndian.PutUint16(covered[2:], uint16(at+24-20))
	h := hmac.New(sha1.New, key)
	_, _ = h.Write(covered)
	return h.Sum(nil)
}

// fingerprinted appends FINGERPRINT.
func fingerprinted(b []byte) []byte {
	b = appendTLV(b, num(aFingerprint, 0))
	at := len(b) - 8
	binary.BigEndian.PutUint32(b[at+4:], crc32.ChecksumIEEE(b[:at])^0x5354554e)
	return b
}

// reply is a message of the server.
type reply struct {
	raw       []byte
	typ       uint16
	id        string
	attrs     []tlv
	integrity int // offset, 0 = none
	finger    bool
}

// read takes a message apart and complains about all that RFC 8489 forbids a
// sender: wrong lengths, padding that is not zero, attributes twice, anything
// but FINGERPRINT behind MESSAGE-INTEGRITY, anything behind FINGERPRINT.
func readReply(b []byte) (*reply, error) {
	if len(b) < 20 || b[0] > 3 || string(b[4:8]) != "\x21\x12\xA4\x42" || int(binary.BigEndian.Uint16(b[2:])) != len(b)-20 {
		return nil, fmt.Errorf("no STUN message: %x", b)
	}
	r := &reply{raw: b, typ: binary.BigEndian.Uint16(b), id: string(b[8:20])}
	for at := 20; at < len(b); {
		if at+4 > len(b) || r.finger {
			return nil, fmt.Errorf("bytes behind the end at %d: %x", at, b)
		}
		typ, n := binary.BigEndian.Uint16(b[at:]), int(binary.BigEndian.Uint16(b[at+2:]))
		end := at + 4 + n
		next := end + (4-end%4)%4
		if next > len(b) {
			return nil, fmt.Errorf("attribute %#x leaves the message: %x", typ, b)
		}
		for _, x := range b[end:next] {
			if x != 0 {
				return nil, fmt.Errorf("padding of %#x is not zero: %x", typ, b)
			}
		}
		if err := r.take(tlv{typ, b[at+4 : end]}, at); err != nil {
			return nil, fmt.Errorf("%w: %x", err, b)
		}
		at = next
	}
	return r, nil
}

func (r *reply) take(a tlv, at int) error {
	switch {
	case a.typ == aFingerprint:
		r.finger = true
		if len(a.value) != 4 || binary.BigEndian.Uint32(a.value) != crc32.ChecksumIEEE(r.raw[:at])^0x5354554e {
			return errors.New("FINGERPRINT is wrong")
		}
	case r.integrity != 0:
		return fmt.Errorf("attribute %#x behind MESSAGE-INTEGRITY", a.typ)
	case a.typ == aIntegrity:
		r.integrity = at
	case r.has(a.typ):
		return fmt.Errorf("attribute %#x twice", a.typ)
	default:
		r.attrs = append(r.attrs, a)
	}
	return nil
}

func (r *reply) get(typ uint16) []byte {
	for _, a := range r.attrs {
		if a.typ == typ {
			return a.value
		}
	}
	return nil
}

func (r *reply) has(typ uint16) bool {
	for _, a := range r.attrs {
		if a.typ == typ {
			return true
		}
	}
	return false
}

// code is the error code, 0 for a success, -1 for an error without one.
func (r *reply) code() int {
	if r.typ&errorBits == successBit {
		return 0
	}
	v := r.get(aErrorCode)
	if len(v) < 4 || v[0] != 0 || v[1] != 0 || v[2] < 3 || v[2] > 6 || v[3] > 99 {
		return -1
	}
	return int(v[2])*100 + int(v[3])
}

func (r *reply) signedWith(key []byte) bool {
	return r.integrity != 0 && r.integrity+24 <= len(r.raw) &&
		hmac.Equal(r.raw[r.integrity+4:r.integrity+24], mac(r.raw, r.integrity, key))
}

// addr writes an XOR-ed IPv4 address. IPv6 needs the transaction id: see addr6.
func addr(typ uint16, a netip.AddrPort) tlv {
	x := a.Addr().As4()
	v := []byte{0, 1, byte(a.Port()>>8) ^ 0x21, byte(a.Port()) ^ 0x12}
	for i, c := range []byte("\x21\x12\xA4\x42") {
		v = append(v, x[i]^c)
	}
	return tlv{typ, v}
}

// withAddr6 appends an XOR-ed address in the IPv6 form to a message.
func withAddr6(b []byte, typ uint16, a netip.AddrPort) []byte {
	x := a.Addr().As16()
	v := []byte{0, 2, byte(a.Port()>>8) ^ 0x21, byte(a.Port()) ^ 0x12}
	for i := range x {
		v = append(v, x[i]^b[4+i])
	}
	return appendTLV(b, tlv{typ, v})
}

// address reads an XOR-ed address.
func (r *reply) address(typ uint16) netip.AddrPort {
	v := r.get(typ)
	if len(v) != 8 && len(v) != 20 || v[0] != 0 || v[1] != byte(len(v)/8) {
		return netip.AddrPort{}
	}
	x := make([]byte, len(v)-4)
	for i := range x {
		x[i] = v[4+i] ^ r.raw[4+i]
	}
	a, _ := netip.AddrFromSlice(x)
	return netip.AddrPortFrom(a, binary.BigEndian.Uint16(v[2:])^0x2112)
}
