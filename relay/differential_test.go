package relay

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/relay/dataplane"
)

// bench is a server with two clients and two peers, driven by steps that are
// the same on every bench; it notes what arrives where.
type bench struct {
	t       *testing.T
	s       *testServer
	clients [2]*prober
	peers   [2]*net.UDPConn
	labels  map[netip.AddrPort]string
	relays  [2]netip.AddrPort
	// expect is what the same step did on another bench: worth waiting for, since
	// packets pass through pion in a goroutine of its own.
	expect []string
}

func newBench(t *testing.T, engine, network, listen string) *bench {
	s := start(t, func(o *Options) { o.AllowOwn, o.Engine = true, engine })
	b := &bench{t: t, s: s, labels: make(map[netip.AddrPort]string)}
	if listen != "" {
		s = s.alsoOn(listen)
	}
	for i := range b.clients {
		b.clients[i] = s.probe(network, s.user(fmt.Sprint("user", i)))
		b.clients[i].learnNonce()
		b.peers[i] = plainPeer(t)
		b.labels[addrPortOf(b.peers[i].LocalAddr())] = fmt.Sprint("peer ", i)
	}
	return b
}

// alsoOn serves one more UDP socket until the server is closed.
func (s *testServer) alsoOn(listen string) *testServer {
	conn, err := net.ListenPacket("udp", listen)
	if err != nil {
		s.t.Skip(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.ServeUDP(conn.(*net.UDPConn)) }()
	s.t.Cleanup(func() {
		_ = s.Close()
		if err := <-ended; err != nil {
			s.t.Error(err)
		}
	})
	return &testServer{Server: s.Server, t: s.t, addr: addrPortOf(conn.LocalAddr())}
}

// downPackets is how many packets each client's relay has passed on to it.
func (b *bench) downPackets() (n [2]uint64) {
	b.s.ctl.Lock()
	defer b.s.ctl.Unlock()
	for _, a := range b.s.allocs {
		for i, c := range b.clients {
			if a.client.Addr == addrPortOfAny(c.conn.LocalAddr()) {
				n[i] = a.relay.Packets(dataplane.Down)
			}
		}
	}
	return n
}

func addrPortOfAny(a net.Addr) netip.AddrPort {
	ap, _ := netip.ParseAddrPort(a.String())
	return ap
}

// handled counts the packets from peers that have met their fate.
func (b *bench) handled() (n uint64) {
	n = b.s.plane.Packets(dataplane.Down)
	for _, d := range b.s.plane.Drops() {
		n += d
	}
	return n
}

// code does a request and returns what became of it.
func (b *bench) request(i int, m method, attrs func(*builder)) []string {
	r := b.clients[i].do(m, attrs)
	if v, ok := r.get(attrXORRelayedAddress); ok {
		b.relays[i], _ = r.decodeAddress(v)
		b.labels[b.relays[i]] = fmt.Sprint("relay ", i)
	}
	return []string{fmt.Sprintf("method %#x: %d", m, code(r))}
}

// up writes a frame of client i and returns all that it caused.
func (b *bench) up(i int, frame []byte) []string {
	before := b.downPackets()
	c := b.clients[i]
	c.write(frame)
	// The second 401 is given in a later round than the frame was read in, which
	// has left by then.
	for range 2 {
		if c.ask(newRequest(methodRefresh).b, patience) == nil {
			b.t.Fatal("no answer to a request without credentials")
		}
	}
	var out []string
	buf := make([]byte, 4096)
	for k, p := range b.peers {
		wait := time.Millisecond
		if b.expected(fmt.Sprintf("peer %d:", k)) > 0 {
			wait = patience
		}
		_ = p.SetReadDeadline(time.Now().Add(wait))
		if n, from, err := p.ReadFromUDPAddrPort(buf); err == nil {
			out = append(out, fmt.Sprintf("peer %d: from %s %x", k, b.label(from), buf[:n]))
		}
	}
	passed := func() uint64 { n := b.downPackets(); return n[0] + n[1] - before[0] - before[1] }
	for end := time.Now().Add(patience); passed() < b.expected("client ") && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	return append(out, b.arrivals(before)...)
}

// expected is how many arrivals that begin so the same step had on another bench.
func (b *bench) expected(prefix string) (n uint64) {
	for _, arrival := range b.expect {
		if strings.HasPrefix(arrival, prefix) {
			n++
		}
	}
	return n
}

// down sends a payload from a socket to client i's relay.
func (b *bench) down(from *net.UDPConn, i int, payload []byte) []string {
	before, fates := b.downPackets(), b.handled()
	if _, err := from.WriteToUDPAddrPort(payload, b.relays[i]); err != nil {
		b.t.Fatal(err)
	}
	eventually(b.t, "the packet has met its fate", func() bool { return b.handled() > fates })
	return b.arrivals(before)
}

// arrivals reads from the clients what has been passed on to them since.
func (b *bench) arrivals(before [2]uint64) (out []string) {
	for i, n := range b.downPackets() {
		for range n - min(n, before[i]) {
			out = append(out, fmt.Sprintf("client %d: %s", i, b.describe(b.clients[i].read(patience))))
		}
	}
	return out
}

// describe leaves out what may differ: transaction ids and padding.
func (b *bench) describe(frame []byte) string {
	if len(frame) > 4 && frame[0]>>6 == 1 {
		return fmt.Sprintf("%x", frame[:4+int(binary.BigEndian.Uint16(frame[2:]))])
	}
	m, err := parse(frame, nil)
	if err != nil {
		return fmt.Sprintf("%x", frame)
	}
	v, _ := m.get(attrXORPeerAddress)
	from, _ := m.decodeAddress(v)
	data, _ := m.get(attrData)
	return fmt.Sprintf("%#x %#x from %s %x", m.method, m.class, b.label(from), data)
}

func (b *bench) label(a netip.AddrPort) string {
	if l, ok := b.labels[a]; ok {
		return l
	}
	return "a stranger"
}

// target is a peer that a client may name: the peers and the other's relay.
func (b *bench) target(i, k int) netip.AddrPort {
	if k < 2 {
		return addrPortOf(b.peers[k].LocalAddr())
	}
	if r := b.relays[1-i]; r.IsValid() {
		return r
	}
	return netip.MustParseAddrPort("127.0.0.1:9") // nobody
}

// step does the next thing of a random sequence; equal generators do the same on
// every bench.
func (b *bench) step(r *rand.Rand) []string {
	i, k, number := r.IntN(2), r.IntN(3), uint16(0x4000+r.IntN(4))
	payload := make([]byte, []int{0, 1, 3, 4, 101, 1200, 1500, 1501}[r.IntN(8)])
	for n := range payload {
		payload[n] = byte(r.Uint32())
	}
	kind, odd := r.IntN(20), r.IntN(6)
	switch {
	case kind < 2:
		return b.request(i, methodAllocate, udpTransport)
	case kind < 3:
		return b.request(i, methodRefresh, lifetimeAttr(0))
	case kind < 4: // as when it has expired
		for _, a := range b.s.Allocations() {
			if a.Client == addrPortOfAny(b.clients[i].conn.LocalAddr()) {
				b.s.End(a.ID)
			}
		}
		return nil
	case kind < 6:
		return b.request(i, methodCreatePermission, peerAttr(netip.AddrPortFrom(b.target(i, k).Addr(), 5000)))
	case kind < 9:
		return b.request(i, methodChannelBind, bindAttrs(number, b.target(i, k)))
	case kind < 13:
		return b.up(i, b.channelFrame(i, number, payload, odd))
	case kind < 16:
		w := newMessage(methodSend, classIndication, transactionID())
		if odd == 0 {
			w.add(0x8022, []byte("someone")) // SOFTWARE
		}
		return b.up(i, w.addAddress(attrXORPeerAddress, b.target(i, k)).add(attrData, payload).finish(odd == 1))
	case b.relays[i].IsValid() && len(b.s.Allocations()) == 2:
		return b.down(b.peers[min(k, 1)], i, payload)
	}
	return nil
}

// channelFrame is ChannelData; over UDP sometimes padded, cut short or with more behind.
func (b *bench) channelFrame(i int, number uint16, payload []byte, odd int) []byte {
	f := append([]byte{byte(number >> 8), byte(number), byte(len(payload) >> 8), byte(len(payload))}, payload...)
	if b.clients[i].tcp {
		return f
	}
	switch odd {
	case 0:
		return append(f, make([]byte, -len(f)&3)...)
	case 1:
		f[3]++ // announces more than there is, or 256 less
	}
	return f
}

// TestEnginesAgree runs random sequences against both engines: what reaches the
// peers and the clients must be the same, byte for byte.
func TestEnginesAgree(t *testing.T) {
	const steps = 400
	for _, c := range []struct{ name, network, listen string }{{"udp4", "udp", ""}, {"udp6", "udp", "[::1]:0"}, {"tcp", "tcp", ""}} {
		t.Run(c.name, func(t *testing.T) {
			run := func(engine string, expect [][]string) (out [][]string) {
				t.Run(engine, func(t *testing.T) {
					b := newBench(t, engine, c.network, c.listen)
					for n := range steps {
						if expect != nil {
							b.expect = expect[n]
						}
						// A seed for each step: how far it reads does not matter.
						got := b.step(rand.New(rand.NewPCG(uint64(n), 1)))
						if expect != nil && !slices.Equal(got, b.expect) {
							t.Fatalf("step %d: %q, the other engine %q", n, got, b.expect)
						}
						out = append(out, got)
					}
					if st := b.s.Snapshot(); st.PacketsUp < 20 || st.PacketsDown < 20 {
						t.Errorf("only %d packets up, %d down: the sequence tests nothing", st.PacketsUp, st.PacketsDown)
					}
				})
				return out
			}
			if first := run(engineUser, nil); len(first) == steps {
				run(enginePion, first)
			}
		})
	}
}
