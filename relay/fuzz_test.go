package relay

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"parley/relay/dataplane"
)

// nullLink is a client that takes everything and must get well-formed messages.
type nullLink struct{ t *testing.T }

func (n nullLink) Transport() string { return "tcp" }
func (n nullLink) Send(frame []byte, _ dataplane.Client) {
	if m, err := parse(frame, nil); frame[0]>>6 == 0 && (err != nil || m.class == classRequest) {
		n.t.Errorf("sent %x: %v", frame, err)
	}
}

// FuzzReceive throws one datagram at a server, unsigned or (when sign is set)
// as the attributes of a request with a valid signature, on an allocation.
func FuzzReceive(f *testing.F) {
	f.Add([]byte{0x40, 0, 0, 4, 1, 2, 3, 4}, uint16(0), false)
	f.Add(newMessage(methodBinding, classRequest, [12]byte{}).b, uint16(0), false)
	f.Add([]byte{0, 0x12, 0, 0}, uint16(methodCreatePermission), true)
	f.Add([]byte{0, 0x0c, 0, 4, 0x40, 0, 0, 0, 0, 0x12, 0, 8, 0, 1, 1, 1, 1, 1, 1, 1}, uint16(methodChannelBind), true)
	f.Add([]byte{0, 0x19, 0, 4, 17, 0, 0, 0, 0, 0x18, 0, 1, 0x80, 0, 0, 0}, uint16(methodAllocate), true)
	s, err := New(testOptions())
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	f.Fuzz(func(t *testing.T, body []byte, m uint16, sign bool) {
		if len(body) > 1400 {
			return
		}
		client := dataplane.Client{Link: nullLink{t}, Addr: netip.MustParseAddrPort("192.0.2.9:4000")}
		raw := body
		if sign {
			name, pass, _ := s.Credentials(strings.Repeat("f", 26))
			w := newMessage(method(m&0xfff), classRequest, transactionID())
			w.b = append(w.b, body...)
			w.b = append(w.b, make([]byte, -len(body)&3)...)
			w.add(attrUsername, []byte(name)).add(attrRealm, []byte(s.o.Realm)).add(attrNonce, s.nonces.issue(s.o.Now(), client.Addr))
			raw = w.sign(longTermKey(name, s.o.Realm, pass)).b
		}
		s.receive(&reader{control: s.serveRequest}, client, slices.Clone(raw))
		for _, a := range s.Allocations() {
			if a.Client != client.Addr {
				t.Errorf("an allocation for %v", a.Client)
			}
			if m&1 == 1 {
				s.End(a.ID)
			}
		}
	})
}

func FuzzFrameSize(f *testing.F) {
	f.Add([]byte{0x40, 0, 0xff, 0xfc})
	f.Add([]byte{0, 1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := frameSize(b)
		if err == nil && n != 0 && (n < 4 || n > maxFrame || n&3 != 0) {
			t.Fatalf("%x: %d", b, n)
		}
	})
}
