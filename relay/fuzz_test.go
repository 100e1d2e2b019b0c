package relay

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"testing"
)

// target is a running server with a client that the fuzzer plays and a
// bystander. Both have an allocation; the client has a permission and channel
// 0x4000 for a peer.
type target struct {
	*testServer
	client, bystander *prober
	peer              netip.AddrPort
	goroutines, files int
	runs              int
}

func newTarget(f *testing.F) *target {
	s := startAmong(f, func(o *Options) { o.AllowOwn, o.MaxPerLogin = true, 1000 })
	g := &target{testServer: s, client: s.probe("udp", s.user("client")), bystander: s.probe("udp", s.user("bystander")), peer: echoPeer(f)}
	g.client.learnNonce()
	g.bystander.allocate()
	g.prepare()
	g.goroutines, g.files = runtime.NumGoroutine(), openFiles()
	return g
}

// begin makes t the test that is told of failures and gives the client what it
// may have lost.
func (g *target) begin(t *testing.T) {
	g.t, g.client.t, g.bystander.t = t, t, t
	g.prepare()
}

// prepare makes sure that the client has its allocation. The nonce of the run
// before may have grown old.
func (g *target) prepare() {
	m := g.client.do(methodAllocate, udpTransport)
	if code(m) == 438 {
		nonce, _ := m.get(attrNonce)
		g.client.nonce = bytes.Clone(nonce)
		m = g.client.do(methodAllocate, udpTransport)
	}
	if c := code(m); c != 0 && c != 437 {
		g.t.Fatalf("the client gets no allocation: %d", c)
	}
	g.client.want(0, methodChannelBind, bindAttrs(0x4000, g.peer))
}

// end checks that the server has judged all that was sent and still serves: the
// answer to a request comes after all others, each of which must be one that a
// server may send.
func (g *target) end() {
	g.runs++
	raw := g.client.signed(methodRefresh, lifetimeAttr(600))
	g.client.write(raw)
	for {
		b := g.client.read(patience)
		if b == nil {
			g.t.Fatal("the server does not answer any more")
		}
		m := wellFormed(g.t, b)
		if m != nil && bytes.Equal(m.id[:], raw[8:20]) {
			break
		}
	}
	for _, a := range g.Allocations() {
		if a.Login != "client" && a.Login != "bystander" {
			g.t.Fatalf("an allocation of %q", a.Login)
		}
	}
	if g.runs%256 != 0 {
		return
	}
	if m := g.bystander.do(methodRefresh, nil); code(m) == 438 {
		nonce, _ := m.get(attrNonce)
		g.bystander.nonce = bytes.Clone(nonce)
	}
	g.bystander.want(0, methodRefresh, nil)
	// The fuzzer has goroutines and files of its own, a few.
	checkGoroutines(g.t, g.goroutines+20)
	if n := openFiles(); n > g.files+20 {
		g.t.Fatalf("files %d -> %d", g.files, n)
	}
}

func openFiles() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}

// wellFormed checks what a server sends; nil means ChannelData.
func wellFormed(t testing.TB, b []byte) *message {
	t.Helper()
	if len(b) >= 4 && b[0]>>6 == 1 {
		if n := int(binary.BigEndian.Uint16(b[2:])); n > len(b)-4 || len(b)-4-n > 3 {
			t.Fatalf("ChannelData %x", b)
		}
		return nil
	}
	m, err := parse(b, nil)
	indication := m.class == classIndication && m.method == 0x007
	if err != nil || m.class != classSuccess && m.class != classError && !indication {
		t.Fatalf("the server sent %x: %v", b, err)
	}
	return &m
}

// FuzzUDP throws one datagram at a running server, from a client that has an
// allocation and from a stranger. Nobody is answered more than he asked: a
// stranger gets at most one answer, which is at most three times as long.
func FuzzUDP(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v)
	}
	f.Add([]byte{0x40, 0, 0, 4, 1, 2, 3, 4})
	f.Add(newMessage(methodSend, classIndication, [12]byte{}).addAddress(attrXORPeerAddress, netip.MustParseAddrPort("127.0.0.1:9")).add(attrData, []byte("x")).b)
	g := newTarget(f)
	stranger := g.probe("udp", g.user("stranger"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > 2000 {
			return
		}
		g.begin(t)
		stranger.t = t
		g.client.write(raw)
		g.end()
		stranger.write(raw)
		ask := newRequest(methodRefresh).b
		stranger.write(ask)
		for answers := 0; ; answers++ {
			b := stranger.read(patience)
			if b == nil {
				t.Fatal("the server does not answer any more")
			}
			m := wellFormed(t, b)
			if m != nil && bytes.Equal(m.id[:], ask[8:20]) {
				break
			}
			if answers > 0 || len(b)+28 > 3*(len(raw)+28) || m == nil {
				t.Fatalf("answer %d to %d bytes: %x", answers, len(raw), b)
			}
		}
	})
}

// FuzzTCP sends a byte stream to a running server, cut anywhere, after an
// allocation when cuts begins with an odd number.
func FuzzTCP(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v, []byte{0, 3, 20})
	}
	f.Add([]byte{0x40, 0, 0xff, 0xfc, 0, 0, 0, 0, 0, 0, 0, 0}, []byte{1})
	f.Add(append(newMessage(methodBinding, classRequest, [12]byte{}).b, 0x40, 0, 0, 1, 'x', 0, 0, 0), []byte{1, 1, 2, 3})
	g := newTarget(f)
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		if len(stream) > 1<<13 {
			return
		}
		g.begin(t)
		ours, theirs := net.Pipe()
		var wg sync.WaitGroup
		wg.Go(func() { g.ServeConn(ours) })
		wg.Go(func() { checkStream(t, theirs) })
		if len(cuts) > 0 && cuts[0]&1 == 1 {
			_, _ = theirs.Write(g.signedOnPipe(methodAllocate, udpTransport))
			_, _ = theirs.Write(g.signedOnPipe(methodChannelBind, bindAttrs(0x4000, g.peer)))
		}
		for _, n := range cuts {
			k := min(int(n), len(stream))
			if _, err := theirs.Write(stream[:k]); err != nil {
				break // the server has closed the connection
			}
			stream = stream[k:]
		}
		_, _ = theirs.Write(stream)
		_ = theirs.Close()
		wg.Wait()
		g.end()
	})
}

// signedOnPipe is a request of the client on a connection without an address.
func (g *target) signedOnPipe(m method, attrs func(*builder)) []byte {
	p := *g.client
	p.nonce = g.nonces.issue(g.o.Now(), netip.AddrPort{})
	return p.signed(m, attrs)
}

// checkStream reads frames to the end.
func checkStream(t *testing.T, c net.Conn) {
	f := framer{conn: c}
	for {
		b, err := f.next(deadlineIn(patience))
		if err != nil {
			return
		}
		if b[0]>>6 == 0 {
			if m, err := parse(b, nil); err != nil || m.class == classRequest {
				t.Errorf("the server sent %x: %v", b, err)
			}
		}
	}
}

// FuzzSession plays a sequence of signed requests, each changed before it is
// signed or after. What was changed after must not be believed.
func FuzzSession(f *testing.F) {
	f.Add([]byte("\x00\x00\x01\x00\x04\x11\x00\x00\x00" + "\x02\x00\x01\x02\x08\x00\x01\x5e\x12\x5e\x12\xa4\x43"))
	f.Add([]byte("\x03\x00\x02\x03\x04\x40\x01\x00\x00\x02\x08\x00\x01\x02\x03\x5e\x12\xa4\x43" + "\x01\x00\x01\x01\x04\x00\x00\x00\x00" + "\x00\x00\x01\x00\x04\x11\x00\x00\x00"))
	f.Add([]byte("\x00\x00\x02\x00\x04\x11\x00\x00\x00\x05\x01\x80" + "\x00\x00\x02\x00\x04\x11\x00\x00\x00\x06\x08tokentok"))
	f.Add([]byte("\x04\x00\x02\x02\x08\x00\x01\x5e\x12\x5e\x12\xa4\x43\x04\x05hello" + "\x01\x02\x01\x01\x04\x00\x00\x00\x00\x30\x01"))
	g := newTarget(f)
	f.Fuzz(func(t *testing.T, script []byte) {
		g.begin(t)
		for n := 0; len(script) > 2 && n < 12; n++ {
			var raw []byte
			raw, script = g.step(script)
			g.client.write(raw)
		}
		g.end()
		if m := g.client.do(methodRefresh, lifetimeAttr(0)); code(m) != 0 && code(m) != 437 {
			t.Fatalf("the end of the session: %d", code(m))
		}
		if n := len(g.Allocations()); n != 1 {
			t.Fatalf("%d allocations after the session", n)
		}
	})
}

// step reads one message from a script: method, what to change, attributes, and
// the places and values of changes.
func (g *target) step(script []byte) (raw, rest []byte) {
	next := func() byte {
		if len(script) == 0 {
			return 0
		}
		b := script[0]
		script = script[1:]
		return b
	}
	methods := []method{methodAllocate, methodRefresh, methodCreatePermission, methodChannelBind, methodSend, methodBinding, 0x00a, 0x007}
	types := []uint16{attrRequestedTransport, attrLifetime, attrXORPeerAddress, attrChannelNumber, attrData, attrEvenPort, attrReservationToken,
		attrRequestedAddressFamily, attrAdditionalAddressFamily, 0x001A, attrMessageIntegrity, attrFingerprint, attrUsername, attrNonce, 0x8022, 0x7f00}
	m, change := methods[next()%8], next()
	body := func(w *builder) {
		for range next() % 6 {
			typ, n := types[next()%16], int(next()%64)
			value := make([]byte, n)
			script = script[copy(value, script):]
			w.add(typ, value)
		}
		if n := len(w.b) - stunHeaderLen; change&1 != 0 && n > 0 {
			w.b[stunHeaderLen+int(next())%n] ^= next()
		}
	}
	if m == methodSend {
		w := newMessage(m, classIndication, transactionID())
		body(w)
		return w.b, script
	}
	raw = g.client.signed(m, body)
	if change&2 != 0 {
		raw[int(next())%len(raw)] ^= next() | 1
	}
	if change&4 != 0 {
		w := builder{b: raw}
		raw = w.addAddress(attrXORPeerAddress, g.peer).addUint32(attrLifetime, 0).b
	}
	return raw, script
}

// FuzzGuard: what the guard takes apart it can write again, and no longer than
// it was.
func FuzzGuard(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := parse(raw, nil)
		if err != nil {
			return
		}
		w := newMessage(m.method, m.class, m.id)
		for _, a := range m.attrs {
			if a.at+len(a.value) > len(raw) || string(raw[a.at:a.at+len(a.value)]) != string(a.value) {
				t.Fatalf("attribute %#x is not at %d", a.typ, a.at)
			}
			m.decodeAddress(a.value)
			w.add(a.typ, a.value)
		}
		if len(w.b) > len(raw) || len(m.unknown()) > maxUnknown {
			t.Fatalf("%d bytes of %d, %d unknown", len(w.b), len(raw), len(m.unknown()))
		}
		m.signedBy([]byte("key"))
		again, err := parse(w.sign([]byte("key")).finish(true), nil)
		if err != nil || len(again.attrs) != len(m.attrs) || !again.signedBy([]byte("key")) {
			t.Fatalf("what was parsed cannot be written: %v", err)
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

// vectors are the messages of RFC 5769.
func vectors(f *testing.F) [][]byte {
	var list [][]byte
	for _, v := range []string{vectorRequest, vectorResponse4, vectorResponse6, vectorLongTerm} {
		list = append(list, unhex(f, v))
	}
	return list
}
