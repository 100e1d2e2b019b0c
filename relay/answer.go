package relay

import (
	"encoding/binary"
	"net/netip"
)

// builder writes a STUN message.
type builder struct{ b []byte }

func newMessage(m method, c class, id [12]byte) *builder {
	w := &builder{b: make([]byte, 0, 160)}
	w.begin(m, c, id)
	return w
}

// begin starts a message over what the builder held.
func (w *builder) begin(m method, c class, id [12]byte) {
	w.b = append(w.b[:0], make([]byte, stunHeaderLen)...)
	t := uint16(m)&0x000F | uint16(m)&0x0070<<1 | uint16(m)&0x0F80<<2 | uint16(c)
	binary.BigEndian.PutUint16(w.b, t)
	binary.BigEndian.PutUint32(w.b[4:], stunCookie)
	copy(w.b[8:], id[:])
}

func (w *builder) add(typ uint16, value []byte) *builder {
	w.b = binary.BigEndian.AppendUint16(w.b, typ)
	w.b = binary.BigEndian.AppendUint16(w.b, uint16(len(value)))
	w.b = append(w.b, value...)
	w.b = append(w.b, make([]byte, -len(value)&3)...)
	binary.BigEndian.PutUint16(w.b[2:], uint16(len(w.b)-stunHeaderLen))
	return w
}

func (w *builder) addUint32(typ uint16, v uint32) *builder {
	return w.add(typ, binary.BigEndian.AppendUint32(nil, v))
}

func (w *builder) addAddress(typ uint16, a netip.AddrPort) *builder {
	family := byte(1)
	if a.Addr().Is6() {
		family = 2
	}
	var room [20]byte
	v := binary.BigEndian.AppendUint16(append(room[:0], 0, family), a.Port()^(stunCookie>>16))
	ip := a.Addr().As16() // an IPv4 address stands in the last four bytes
	from := 0
	if family == 1 {
		from = 12
	}
	for i, x := range ip[from:] {
		v = append(v, x^w.b[4+i])
	}
	return w.add(typ, v)
}

// addError adds ERROR-CODE without a reason phrase, which only amplifies.
func (w *builder) addError(code int) *builder {
	return w.add(attrErrorCode, []byte{0, 0, byte(code / 100), byte(code % 100)})
}

func (w *builder) addUnknown(types []uint16) *builder {
	var v []byte
	for _, t := range types {
		v = binary.BigEndian.AppendUint16(v, t)
	}
	return w.add(attrUnknownAttributes, v)
}

// sign adds MESSAGE-INTEGRITY.
func (w *builder) sign(key []byte) *builder {
	return w.add(attrMessageIntegrity, integrity(key, w.b))
}

// finish adds FINGERPRINT if wanted and returns the message.
func (w *builder) finish(withFingerprint bool) []byte {
	if withFingerprint {
		at := len(w.b)
		w.addUint32(attrFingerprint, 0)
		binary.BigEndian.PutUint32(w.b[at+4:], fingerprint(w.b[:at]))
	}
	return w.b
}
