package relay

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"parley/relay/dataplane"
)

// dialTCP opens a bare connection to the server.
func (s *testServer) dialTCP() net.Conn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr.String())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// wantClosed waits for the server to close a connection.
func wantClosed(t *testing.T, c net.Conn) {
	t.Helper()
	_ = c.SetReadDeadline(deadlineIn(patience))
	for {
		_, err := c.Read(make([]byte, 4096))
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return
		}
		if err != nil {
			t.Fatalf("still open: %v", err)
		}
	}
}

// TestFrameLengths: lengths that wrap 16 bits, frames longer than any that is
// relayed and other protocols close the connection at once.
func TestFrameLengths(t *testing.T) {
	s := start(t, nil)
	for _, b := range [][]byte{
		{0x40, 0, 0xff, 0xfc, 0, 0, 0, 0, 0, 0, 0, 0},
		{0x40, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0},
		{0x00, 0x01, 0xff, 0xec, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0},
		{0x00, 0x01, 0xff, 0xff, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0},
		{0x00, 0x01, 0x00, 0x02, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0},
		{0x40, 0, 0x06, 0x3d},
		[]byte("GET / HTTP/1.1\r\n\r\n"),
		{0x80, 0},
		{0xff},
	} {
		c := s.dialTCP()
		_, _ = c.Write(b)
		wantClosed(t, c)
	}
	if n := s.Snapshot().Dropped["bad_frame"]; n != 9 {
		t.Errorf("%d bad frames counted", n)
	}
	eventually(t, "the connections are gone", func() bool { return s.Snapshot().Streams == 0 })
}

// TestOneByteWrites: a frame may come in any pieces, and many in one.
func TestOneByteWrites(t *testing.T) {
	s := start(t, nil)
	p := s.probe("tcp", s.user("ann"))
	raw := newRequest(methodBinding).b
	for _, b := range raw {
		p.write1(b)
	}
	var id [12]byte
	copy(id[:], raw[8:])
	if m := p.response(id, patience); m == nil || code(m) != 0 {
		t.Fatal("no answer to a request in pieces")
	}
	var many []byte
	for range 50 {
		many = append(many, newRequest(methodBinding).b...)
	}
	p.write(many)
	for i := range 50 {
		if b := p.read(patience); b == nil {
			t.Fatalf("answer %d of 50 is missing", i)
		}
	}
}

func (p *prober) write1(b byte) {
	p.t.Helper()
	if _, err := p.conn.Write([]byte{b}); err != nil {
		p.t.Fatal(err)
	}
}

// TestDescriptorsRunOut: an Accept that fails for want of descriptors, or with
// an error of a single client's network, does not end the listener.
func TestDescriptorsRunOut(t *testing.T) {
	s := start(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &failingListener{Listener: l}
	f.left.Store(4)
	done := make(chan error, 1)
	go func() { done <- s.ServeTCP(f) }()
	ts := &testServer{Server: s.Server, t: t, addr: l.Addr().(*net.TCPAddr).AddrPort()}
	ts.probe("tcp", ts.user("ann")).allocate()
	if f.left.Load() > 0 {
		t.Fatal("the failures did not happen")
	}
	_ = l.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

type failingListener struct {
	net.Listener
	left atomic.Int32
}

func (f *failingListener) Accept() (net.Conn, error) {
	errs := []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.EHOSTUNREACH, syscall.ENETDOWN}
	if n := f.left.Add(-1); n >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: errs[n]}
	}
	return f.Listener.Accept()
}

func TestConnectionCap(t *testing.T) {
	s := start(t, func(o *Options) { o.MaxTCPPerAddress = 3 })
	for range 3 {
		s.probe("tcp", s.user("ann")).learnNonce()
	}
	wantClosed(t, s.dialTCP())
	from2 := s.probeFrom("tcp", s.user("ann"), &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)})
	from2.learnNonce()
}

// TestIdleConnectionsMakeRoom: connections that do nothing keep nobody out, and
// those with an allocation stay.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	s := start(t, func(o *Options) { o.MaxAllocations = 32 })
	calling := s.probe("tcp", s.user("ann"))
	calling.allocate()
	oldest := s.dialTCP()
	eventually(t, "the oldest is served", func() bool { return s.Snapshot().Streams == 2 })
	for range 62 {
		s.dialTCP()
	}
	eventually(t, "the server is full", func() bool { return s.Snapshot().Streams == 64 })
	s.probe("tcp", s.user("ben")).allocate()
	wantClosed(t, oldest)
	calling.want(0, methodRefresh, nil)
	if st := s.Snapshot(); st.Streams != 64 || st.Dropped["evicted"] != 1 {
		t.Errorf("%d connections, drops %v", st.Streams, st.Dropped)
	}
}

// TestFloodOfStrangers: one address gets a bounded number of unsigned errors, 420
// to a Binding included, and of Binding answers. A client at another address does
// not notice.
func TestFloodOfStrangers(t *testing.T) {
	s := start(t, func(o *Options) { o.UnauthenticatedRate = 20 })
	victim := s.probeFrom("udp", s.user("ann"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 5)})
	client := s.probeFrom("udp", s.user("ben"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 3)})
	client.allocate()
	flood := func(p *prober, request []byte) (answers int) {
		for range 1000 {
			p.write(request)
		}
		client.want(0, methodRefresh, nil)
		for p.read(silence) != nil {
			answers++
		}
		return answers
	}
	const changeRequest = 0x0003 // of RFC 5780, which a server may refuse
	began := time.Now()
	for address, request := range map[byte]*builder{
		2: newRequest(methodAllocate), 4: newRequest(methodBinding).addUint32(changeRequest, 0),
	} {
		p := s.probeFrom("udp", s.user("ann"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, address)})
		answers := flood(p, request.b)
		if most := 40 + 20*time.Since(began).Seconds() + 1; answers == 0 || float64(answers) > most {
			t.Errorf("%d errors for %#x, at most %.0f", answers, request.b[:2], most)
		}
	}
	answers := flood(victim, newRequest(methodBinding).b)
	if most := bindingBurst + bindingRate*time.Since(began).Seconds() + 1; float64(answers) > most {
		t.Errorf("%d Binding answers, at most %.0f", answers, most)
	}
}

// TestThroughItself: an Allocate that a relay carries to this very server is
// not served.
func TestThroughItself(t *testing.T) {
	s := start(t, allowOwn)
	p := s.probe("udp", s.user("ann"))
	p.allocate()
	p.want(0, methodCreatePermission, peerAttr(s.addr))
	p.sendIndication(s.addr, newRequest(methodAllocate).b)
	p.wantSilence("an answer through the relay")
	eventually(t, "the drop is counted", func() bool { return s.Snapshot().Dropped["own_relay"] == 1 })
}

// lines takes the lines of a log that name a rule, for as long as there is room.
type lines chan string

func (l lines) Write(b []byte) (int, error) {
	if strings.Contains(string(b), "rule=") {
		select {
		case l <- string(b):
		default:
		}
	}
	return len(b), nil
}

// TestRefusedInTheDataPlane: the log says which rule keeps packets from a peer,
// once and not at the end of every call between two relays.
func TestRefusedInTheDataPlane(t *testing.T) {
	log := make(lines, 100)
	s := start(t, func(o *Options) { o.Log = slog.New(slog.NewTextHandler(log, nil)) })
	other := s.probe("udp", s.user("ben"))
	ended := other.allocate()
	p := s.probe("udp", s.user("ann"))
	p.allocate()
	far := netip.MustParseAddrPort("8.8.8.8:53")
	p.want(0, methodCreatePermission, with(peerAttr(ended), peerAttr(far)))
	other.want(0, methodRefresh, func(w *builder) { w.addUint32(attrLifetime, 0) })
	for range 5 {
		p.sendIndication(ended, []byte("x"))
		p.sendIndication(far, []byte("x"))
	}
	eventually(t, "the drops are counted", func() bool { return s.Snapshot().Dropped["denied"] == 10 })
	eventually(t, "a line is written", func() bool { return len(log) > 0 })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if line := <-log; !strings.Contains(line, "rule=low_port peer=8.8.8.8:53") || !strings.Contains(line, ruleLowPort.hint()) || len(log) > 0 {
		t.Errorf("%d lines more than %q", len(log), line)
	}
}

// TestUnreachablePeer: an error of the network concerns that peer alone.
func TestUnreachablePeer(t *testing.T) {
	s := start(t, allowOwn)
	peer := echoPeer(t)
	p := s.probe("udp", s.user("ann"))
	p.allocate()
	// From a socket on loopback the world is unreachable.
	far := netip.MustParseAddrPort("8.8.8.8:5000")
	gone := plainPeer(t)
	closed := addrPortOf(gone.LocalAddr())
	_ = gone.Close()
	p.want(0, methodCreatePermission, with(peerAttr(far), peerAttr(peer)))
	for range 10 {
		p.sendIndication(far, []byte("x"))
		p.sendIndication(closed, []byte("x"))
	}
	p.sendIndication(peer, []byte("still here"))
	p.wantData(peer, "still here")
	eventually(t, "the failures are counted", func() bool { return s.Snapshot().Dropped["send_failed"] >= 10 })
	if st := s.Snapshot(); st.BytesUp > uint64(10*len("x")+len("still here")) {
		t.Errorf("%d bytes relayed", st.BytesUp)
	}
}

// TestAnswersFromTheAddressAsked: a socket on every address answers from the
// one that the client sent to.
func TestAnswersFromTheAddressAsked(t *testing.T) {
	s := start(t, nil)
	for _, listen := range []struct{ network, address string }{{"udp4", "0.0.0.0:0"}, {"udp", "[::]:0"}} {
		udp, err := net.ListenPacket(listen.network, listen.address)
		if err != nil {
			t.Logf("%s is not available: %v", listen.address, err)
			continue
		}
		done := make(chan error, 1)
		go func() { done <- s.ServeUDP(udp.(*net.UDPConn)) }()
		port := addrPortOf(udp.LocalAddr()).Port()
		hosts := []string{"127.0.0.1", "127.0.0.2", "127.1.2.3"}
		if listen.network == "udp" {
			hosts = append(hosts, "::1")
		}
		for _, host := range hosts {
			ts := &testServer{Server: s.Server, t: t, addr: netip.AddrPortFrom(netip.MustParseAddr(host), port)}
			p := ts.probe("udp", ts.user("ann")) // connected: answers from elsewhere do not arrive
			if m := p.ask(newRequest(methodBinding).b, patience); m == nil {
				t.Errorf("%s: no answer from %s", listen.address, host)
				continue
			}
			p.allocate()
		}
		_ = udp.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// TestBandwidth: what is over the limit is dropped, never queued.
func TestBandwidth(t *testing.T) {
	for name, limit := range map[string]func(*Options){
		"login": func(o *Options) { o.MaxBandwidthPerUser = 100000 },
		"all":   func(o *Options) { o.MaxBandwidth = 100000 },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(o *Options) { o.AllowOwn = true; limit(o) })
			peer := plainPeer(t)
			p := s.probe("udp", s.user("ann"))
			p.allocate()
			p.want(0, methodChannelBind, bindAttrs(0x4000, addrPortOf(peer.LocalAddr())))
			began := time.Now()
			for range 200 {
				p.channelData(0x4000, make([]byte, 1000))
			}
			p.want(0, methodRefresh, nil) // behind them in the same socket
			up := s.Allocations()[0].BytesUp
			most := 1.1*100000*time.Since(began).Seconds() + 16*dataplane.MaxPayload
			if up == 0 || float64(up) > most {
				t.Errorf("%d bytes, at most %.0f", up, most)
			}
			if s.Snapshot().Dropped["bandwidth"] == 0 {
				t.Error("nothing was dropped")
			}
		})
	}
}
