package relay

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"
)

// user is someone with credentials.
type user struct{ name, password, realm string }

func (s *testServer) user(login string) user {
	name, pass, _ := s.Credentials(login)
	return user{name, pass, "example.org"}
}

func (u user) key() []byte { return longTermKey(u.name, u.realm, u.password) }

// prober speaks TURN by hand-made messages over one socket.
type prober struct {
	t     testing.TB
	conn  net.Conn
	tcp   bool
	nonce []byte
	user  user
	f     framer
}

func (s *testServer) probe(network string, u user) *prober {
	s.t.Helper()
	return s.probeFrom(network, u, nil)
}

func (s *testServer) probeFrom(network string, u user, local net.Addr) *prober {
	s.t.Helper()
	d := net.Dialer{Timeout: patience, LocalAddr: local}
	c, err := d.DialContext(context.Background(), network, s.addr.String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		s.endOf(c.LocalAddr()) // another test may get the same port
		_ = c.Close()
	})
	return &prober{t: s.t, conn: c, tcp: network == "tcp", user: u, f: framer{conn: c}}
}

// endOf ends the allocations of a client's address.
func (s *testServer) endOf(local net.Addr) {
	for _, a := range s.Allocations() {
		if a.Client.String() == local.String() && a.Transport == local.Network() {
			s.End(a.ID)
		}
	}
}

func (p *prober) write(b []byte) {
	p.t.Helper()
	if p.tcp {
		b = append(append([]byte(nil), b...), make([]byte, -len(b)&3)...)
	}
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// read returns the next message or frame; nil when nothing comes within wait.
func (p *prober) read(wait time.Duration) []byte {
	p.t.Helper()
	if p.tcp {
		b, err := p.f.next(time.Now().Add(wait))
		if err != nil {
			return nil
		}
		return append([]byte(nil), b...)
	}
	buf := make([]byte, 4096)
	_ = p.conn.SetReadDeadline(time.Now().Add(wait))
	n, err := p.conn.Read(buf)
	if err != nil {
		return nil
	}
	return buf[:n]
}

// silence is how long nothing must come for it to count as silence. A wrong
// answer on loopback comes within a millisecond.
const silence = 150 * time.Millisecond

// response reads until the answer to a transaction comes.
func (p *prober) response(id [12]byte, wait time.Duration) *message {
	p.t.Helper()
	for end := time.Now().Add(wait); time.Now().Before(end); {
		b := p.read(time.Until(end))
		if b == nil {
			return nil
		}
		if m, err := parse(b, nil); err == nil && m.id == id && m.class&classSuccess != 0 {
			return &m
		}
	}
	return nil
}

// ask sends a raw message and waits for its answer.
func (p *prober) ask(raw []byte, wait time.Duration) *message {
	p.t.Helper()
	p.write(raw)
	var id [12]byte
	copy(id[:], raw[8:])
	return p.response(id, wait)
}

// learnNonce asks without credentials.
func (p *prober) learnNonce() {
	p.t.Helper()
	m := p.ask(newMessage(methodAllocate, classRequest, transactionID()).b, patience)
	if m == nil || code(m) != 401 {
		p.t.Fatalf("no 401 for an Allocate without credentials: %v", m)
	}
	n, _ := m.get(attrNonce)
	p.nonce = append([]byte(nil), n...)
}

// signed builds an authenticated request.
func (p *prober) signed(m method, attrs func(*builder)) []byte {
	p.t.Helper()
	if p.nonce == nil {
		p.learnNonce()
	}
	w := newMessage(m, classRequest, transactionID())
	if attrs != nil {
		attrs(w)
	}
	w.add(attrUsername, []byte(p.user.name)).add(attrRealm, []byte(p.user.realm)).add(attrNonce, p.nonce)
	return w.sign(p.user.key()).b
}

// do sends an authenticated request and returns its answer, whose
// MESSAGE-INTEGRITY must be right.
func (p *prober) do(m method, attrs func(*builder)) *message {
	p.t.Helper()
	r := p.ask(p.signed(m, attrs), patience)
	if r == nil {
		p.t.Fatalf("no answer to method %#x", m)
	}
	if c := code(r); c != 401 && c != 438 && !r.signedBy(p.user.key()) {
		p.t.Fatalf("answer %d to method %#x lacks a correct MESSAGE-INTEGRITY", c, m)
	}
	return r
}

// want does a request and checks its code, 0 for success.
func (p *prober) want(expected int, m method, attrs func(*builder)) *message {
	p.t.Helper()
	r := p.do(m, attrs)
	if c := code(r); c != expected {
		p.t.Fatalf("method %#x: code %d, want %d", m, c, expected)
	}
	return r
}

// code returns the error code of an answer, 0 for success.
func code(m *message) int {
	if m.class == classSuccess {
		return 0
	}
	v, ok := m.get(attrErrorCode)
	if !ok || len(v) < 4 {
		return -1
	}
	return int(v[2])*100 + int(v[3])
}

func udpTransport(w *builder) { w.add(attrRequestedTransport, []byte{protoUDP, 0, 0, 0}) }

func peerAttr(a netip.AddrPort) func(*builder) {
	return func(w *builder) { w.addAddress(attrXORPeerAddress, a) }
}

func bindAttrs(number uint16, a netip.AddrPort) func(*builder) {
	return func(w *builder) {
		w.addUint32(attrChannelNumber, uint32(number)<<16).addAddress(attrXORPeerAddress, a)
	}
}

// allocate makes an allocation and returns the relayed address.
func (p *prober) allocate() netip.AddrPort {
	p.t.Helper()
	r := p.want(0, methodAllocate, udpTransport)
	v, _ := r.get(attrXORRelayedAddress)
	a, ok := r.decodeAddress(v)
	if !ok {
		p.t.Fatal("no relayed address")
	}
	return a
}

func (p *prober) sendIndication(peer netip.AddrPort, data []byte) {
	p.t.Helper()
	w := newMessage(methodSend, classIndication, transactionID())
	p.write(w.addAddress(attrXORPeerAddress, peer).add(attrData, data).b)
}

func (p *prober) channelData(number uint16, data []byte) {
	p.t.Helper()
	b := []byte{byte(number >> 8), byte(number), byte(len(data) >> 8), byte(len(data))}
	p.write(append(b, data...))
}

// wantChannel reads ChannelData and checks it.
func (p *prober) wantChannel(number uint16, data string) {
	p.t.Helper()
	b := p.read(patience)
	if len(b) < 4 || int(b[0])<<8|int(b[1]) != int(number) || string(b[4:4+int(b[2])<<8+int(b[3])]) != data {
		p.t.Fatalf("got %x, want ChannelData %#x %q", b, number, data)
	}
}

// wantData reads a Data indication and checks it.
func (p *prober) wantData(peer netip.AddrPort, data string) {
	p.t.Helper()
	b := p.read(patience)
	m, err := parse(b, nil)
	if err != nil || m.method != 0x007 || m.class != classIndication {
		p.t.Fatalf("got %x (%v), want a Data indication", b, err)
	}
	v, _ := m.get(attrXORPeerAddress)
	from, _ := m.decodeAddress(v)
	d, _ := m.get(attrData)
	if from != peer || string(d) != data {
		p.t.Fatalf("Data indication from %v %q, want %v %q", from, d, peer, data)
	}
}

func (p *prober) wantSilence(what string) {
	p.t.Helper()
	if b := p.read(silence); b != nil {
		p.t.Fatalf("%s: got %x, want nothing", what, b)
	}
}

func newRequest(m method) *builder { return newMessage(m, classRequest, transactionID()) }

func with(attrs ...func(*builder)) func(*builder) {
	return func(w *builder) {
		for _, a := range attrs {
			a(w)
		}
	}
}

func lifetimeAttr(seconds uint32) func(*builder) {
	return func(w *builder) { w.addUint32(attrLifetime, seconds) }
}

func (p *prober) wantLifetime(m *message, want uint32) {
	p.t.Helper()
	if v, ok := m.get(attrLifetime); !ok || binary.BigEndian.Uint32(v) != want {
		p.t.Fatalf("LIFETIME %x, want %d", v, want)
	}
}
