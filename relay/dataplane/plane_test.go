package dataplane

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// sink is a client's link that keeps what it was sent.
type sink struct{ frames chan []byte }

func newSink() *sink { return &sink{frames: make(chan []byte, 100)} }

func (s *sink) Transport() string { return "tcp" }
func (s *sink) Send(frame []byte, _ Client) {
	select {
	case s.frames <- bytes.Clone(frame):
	default:
	}
}

// Queue pads what must be padded on any link: STUN messages.
func (s *sink) Queue(head, body []byte) bool {
	frame := append(bytes.Clone(head), body...)
	for head[0]>>6 == 0 && len(frame)%4 != 0 {
		frame = append(frame, 0)
	}
	s.Send(frame, Client{})
	return false
}
func (s *sink) Flush() {}

func (s *sink) next(t *testing.T) []byte {
	t.Helper()
	select {
	case f := <-s.frames:
		return f
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
		return nil
	}
}

func newPlane(t *testing.T, allowed func(netip.AddrPort) bool) *Plane {
	p := New(Options{Allowed: allowed, Announced: []netip.Addr{netip.MustParseAddr("192.0.2.1")}})
	t.Cleanup(p.Close)
	return p
}

func everyone(netip.AddrPort) bool { return true }

// open makes a relay on loopback, announced under another address, as behind
// a 1:1 NAT.
func open(t *testing.T, p *Plane, l Link, port uint16) *Relay {
	t.Helper()
	free, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	bind := free.LocalAddr().(*net.UDPAddr).AddrPort()
	_ = free.Close()
	r, err := p.Open(RelayConfig{Client: Client{Link: l, Addr: netip.AddrPortFrom(netip.MustParseAddr("198.51.100.7"), port)},
		Bind: bind, Address: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestDataIndication(t *testing.T) {
	for _, c := range []struct{ peer, want string }{
		{"192.0.2.1:32853", "001200080001a147e112a643" + "00130003" + "61626300"},
		{"[2001:db8:1234:5678:11:2233:4455:6677]:32853", ""},
	} {
		f := make([]byte, dataHeader)
		f = append(f[:putDataHeader(f, netip.MustParseAddrPort(c.peer), 3)], "abc\x00"...)
		if len(f)&3 != 0 || int(f[2])<<8|int(f[3]) != len(f)-20 || f[0] != 0 || f[1] != 0x17 {
			t.Errorf("%s: %x", c.peer, f)
		}
		if got := hex.EncodeToString(f[20:]); c.want != "" && got != c.want {
			t.Errorf("%s: %s, want %s", c.peer, got, c.want)
		}
		if !bytes.HasSuffix(f, []byte("\x00\x13\x00\x03abc\x00")) {
			t.Errorf("%s: data %x", c.peer, f)
		}
	}
}

func TestLocalPair(t *testing.T) {
	p := newPlane(t, func(netip.AddrPort) bool { return false })
	sa, sb := newSink(), newSink()
	a, b := open(t, p, sa, 50001), open(t, p, sb, 50002)
	a.Bind(0x4001, b.Address)

	p.FromChannel(a.Client, []byte("\x40\x01\x00\x02hi"))
	if p.Drops()["no_permission"] != 1 {
		t.Fatalf("B has no permission, drops %v", p.Drops())
	}
	b.Bind(0x4777, a.Address)
	p.FromChannel(a.Client, []byte("\x40\x01\x00\x02hi"))
	if got := sb.next(t); string(got) != "\x47\x77\x00\x02hi" {
		t.Fatalf("%x", got)
	}
	if a.Bytes(Up) != 2 || b.Bytes(Down) != 2 {
		t.Errorf("counted %d up, %d down", a.Bytes(Up), b.Bytes(Down))
	}
	b.Unbind(0x4777)
	b.Permit(a.Address.Addr())
	p.FromChannel(a.Client, []byte("\x40\x01\x00\x02hi"))
	if got := sb.next(t); !bytes.Contains(got, []byte("\x00\x13\x00\x02hi")) {
		t.Fatalf("%x", got)
	}
	b.Close()
	p.FromChannel(a.Client, []byte("\x40\x01\x00\x02hi"))
	if p.Drops()["denied"] != 1 {
		t.Errorf("a dead relay is reached by the network: %v", p.Drops())
	}
}

func TestDropsFromClient(t *testing.T) {
	p := newPlane(t, everyone)
	a := open(t, p, newSink(), 50001)
	peer := netip.MustParseAddrPort("127.0.0.1:9")
	a.Bind(0x4001, peer)
	stranger := a.Client
	stranger.Addr = netip.AddrPortFrom(stranger.Addr.Addr(), 1)
	p.FromChannel(stranger, []byte("\x40\x01\x00\x02hi"))
	p.FromChannel(a.Client, []byte("\x40\x02\x00\x02hi"))
	p.FromChannel(a.Client, []byte("\x40\x01\x00\x03hi"))
	p.FromChannel(a.Client, []byte("\x40\x01\x00"))
	p.FromSend(stranger, peer, []byte("hi"))
	p.FromSend(a.Client, peer, []byte("hi"))
	a.ToPeer(peer, make([]byte, MaxPayload+1))
	want := map[string]uint64{"no_allocation": 2, "no_channel": 1, "malformed": 2, "no_permission": 1, "too_big": 1}
	for reason, n := range p.Drops() {
		if n != want[reason] {
			t.Errorf("%s: %d, want %d", reason, n, want[reason])
		}
	}
	if p.Bytes(Up) != 0 {
		t.Errorf("%d bytes", p.Bytes(Up))
	}
}

// TestStrangersFirst: a peer without a permission is turned away before the
// policy is asked, which costs more.
func TestStrangersFirst(t *testing.T) {
	asked := 0
	p := newPlane(t, func(netip.AddrPort) bool { asked++; return false })
	a := open(t, p, newSink(), 50001)
	peer := netip.MustParseAddrPort("198.51.100.9:5000")
	d := newRound(p, 0)
	for _, c := range []struct {
		permit bool
		asked  int
		why    string
	}{{false, 0, "no_permission"}, {true, 1, "denied"}} {
		if c.permit {
			a.Permit(peer.Addr())
		}
		d.begin()
		d.fromPeer(a, peer, nil, []byte("hi"))
		d.end()
		if asked != c.asked || p.Drops()[c.why] != 1 {
			t.Errorf("permitted %v: the policy was asked %d times, drops %v", c.permit, asked, p.Drops())
		}
	}
}

// TestBytesGoBack: a packet that is not sent costs nobody's bandwidth.
func TestBytesGoBack(t *testing.T) {
	const left = 4000
	for name, c := range map[string]struct {
		peer string
		pass int
	}{
		"another limit": {"127.0.0.1:9", left / 1000},
		"refused":       {"127.0.0.1:0", 0},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlane(t, everyone)
			p.SetBandwidth(1)
			p.limits[Up].Take(int(p.limits[Up].tokens) - left)
			a := open(t, p, newSink(), 50001)
			a.limits[Up] = NewBucket(1)
			for range 10 {
				a.ToPeer(netip.MustParseAddrPort(c.peer), make([]byte, 1000))
			}
			if got := int(a.Packets(Up)); got != c.pass {
				t.Errorf("%d packets passed, drops %v", got, p.Drops())
			}
			if !a.limits[Up].Take(minBurst-1000*c.pass) || a.limits[Up].Take(1000) {
				t.Error("the login has not the bytes that it has not sent")
			}
			if !p.limits[Up].Take(left - 1000*c.pass) {
				t.Error("all together have not the bytes that were not sent")
			}
		})
	}
}

func TestIsSource(t *testing.T) {
	p := newPlane(t, everyone)
	a := open(t, p, newSink(), 50001)
	for _, c := range []struct {
		src  string
		want bool
	}{
		{"192.0.2.1:50001", true},
		{"127.0.0.1:50001", true},
		{"192.0.2.1:50002", false},
		{"198.51.100.7:50001", false},
	} {
		if got := p.IsSource(netip.MustParseAddrPort(c.src)); got != c.want {
			t.Errorf("%s: %v", c.src, got)
		}
	}
	a.Close()
	if p.IsSource(a.Address) || p.Relay(a.Client) != nil || p.Local(a.Address) != nil {
		t.Error("a closed relay is still known")
	}
}

// TestNoGarbage: relaying a packet leaves nothing to collect.
func TestNoGarbage(t *testing.T) {
	p := newPlane(t, everyone)
	peer, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = peer.Close() }()
	a := open(t, p, newSink(), 50001)
	a.Bind(0x4001, peer.LocalAddr().(*net.UDPAddr).AddrPort())
	k := []byte("\x40\x01\x00\x02hi")
	d := newRound(p, 0)
	relay := func() {
		d.begin()
		defer d.end()
		d.channelData(a, k)
	}
	if n := testing.AllocsPerRun(100, relay); n != 0 {
		t.Errorf("%v allocations for a packet", n)
	}
}

func TestBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBucket(1000000)
		passed := 0
		for range 1000 {
			if b.Take(1000) {
				passed++
			}
		}
		if passed != 100 {
			t.Errorf("%d at once", passed)
		}
		for range 100 {
			time.Sleep(100 * time.Millisecond)
			for range 200 {
				if b.Take(1000) {
					passed++
				}
			}
		}
		if passed < 10090 || passed > 10110 {
			t.Errorf("%d kB in ten seconds at 1 MB/s", passed)
		}
		b.SetRate(0)
		if !b.Take(1 << 30) {
			t.Error("no limit refuses")
		}
		if !(*Bucket)(nil).Take(1) {
			t.Error("no bucket refuses")
		}
	})
}
