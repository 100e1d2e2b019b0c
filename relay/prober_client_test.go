package relay_test

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// probeWait is far more than an answer takes on an idle machine.
const probeWait = 10 * time.Second

// account is someone's credentials.
type account struct{ name, password, realm string }

func (a account) key() []byte { return longTermKey(a.name, a.realm, a.password) }

// mint makes credentials as any service with the shared secret may.
func mint(login string, life time.Duration) account {
	name := fmt.Sprintf("%d:%s", time.Now().Add(life).Unix(), login)
	return account{name, sharedPassword(proberSecret, name), proberRealm}
}

// client is one row's client: a fresh socket and login on a shared server.
type client struct {
	*testing.T
	s       *proberServer
	network string // udp, tcp, tls
	conn    net.Conn
	login   string
	account
	nonce string
	known bool         // whether the server has told a nonce
	peer  *net.UDPConn // made by allocated, with a permission
}

// logins numbers them, so that no row meets what another has left.
type logins struct{ n atomic.Int64 }

func (l *logins) next() string { return fmt.Sprintf("%s%06d", strings.Repeat("p", 20), l.n.Add(1)) }

func (s *proberServer) dial(t *testing.T, network string) *client {
	t.Helper()
	var conn net.Conn
	var err error
	if network == "tls" {
		conn, err = tls.Dial("tcp", s.tls.String(), &tls.Config{InsecureSkipVerify: true})
	} else {
		conn, err = net.Dial(network, s.plain.String())
	}
	if err != nil {
		t.Fatal(err)
	}
	c := &client{T: t, s: s, network: network, conn: conn, login: s.logins.next()}
	c.account = mint(c.login, time.Hour)
	t.Cleanup(func() {
		s.EndLogin(c.login) // another row may get the same port
		_ = conn.Close()
	})
	return c
}

// another is a second client with a login of its own.
func (c *client) another() *client { return c.s.dial(c.T, c.network) }

func (c *client) stream() bool { return c.network != "udp" }

func (c *client) local() netip.AddrPort {
	a, _ := netip.ParseAddrPort(c.conn.LocalAddr().String())
	return a
}

// write sends a message or a frame as it is; over a stream it must be padded.
func (c *client) write(b []byte) {
	c.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.Fatal(err)
	}
}

// read returns the next message or frame, padding included.
func (c *client) read() []byte {
	c.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(probeWait))
	buf := make([]byte, 4096)
	if !c.stream() {
		n, err := c.conn.Read(buf)
		if err != nil {
			c.Fatalf("nothing came: %v", err)
		}
		return buf[:n]
	}
	if _, err := io.ReadFull(c.conn, buf[:4]); err != nil {
		c.Fatalf("nothing came: %v", err)
	}
	n := 4 + int(binary.BigEndian.Uint16(buf[2:]))
	if buf[0] < 0x40 {
		n += 16
	}
	n += (4 - n%4) % 4
	if _, err := io.ReadFull(c.conn, buf[4:n]); err != nil {
		c.Fatalf("half a frame came: %v", err)
	}
	return buf[:n]
}

// ask sends a message and takes the next that comes for its answer: whatever
// else comes first is a mistake.
func (c *client) ask(b []byte) *reply {
	c.Helper()
	c.write(b)
	r, err := readReply(c.read())
	if err != nil {
		c.Fatal(err)
	}
	want := binary.BigEndian.Uint16(b)
	if r.id != string(b[8:20]) || r.typ != want|successBit && r.typ != want|errorBits {
		c.Fatalf("the answer to %x is %x", b, r.raw)
	}
	return r
}

// silence sends something that must not be answered: what comes next is the
// answer to a request that was sent after it.
func (c *client) silence(b []byte) {
	c.Helper()
	c.write(b)
	c.ask(message(tBinding))
	c.write(b)
	if n := c.ask(c.request(tRefresh)).code(); n != 437 && n != 0 {
		c.Fatalf("the server answers nothing, but %d to the next request", n)
	}
}

func (c *client) credentials() []tlv {
	c.Helper()
	if !c.known {
		c.known = true
		c.nonce = string(c.challenged(message(tAllocate), 401).get(aNonce))
	}
	return []tlv{text(aUsername, c.name), text(aRealm, c.realm), text(aNonce, c.nonce)}
}

// unsigned is a request with everything but MESSAGE-INTEGRITY.
func (c *client) unsigned(typ uint16, attrs ...tlv) []byte {
	c.Helper()
	return message(typ, append(attrs, c.credentials()...)...)
}

func (c *client) request(typ uint16, attrs ...tlv) []byte {
	c.Helper()
	return sign(c.unsigned(typ, attrs...), c.key())
}

// judged checks an answer to an authenticated request: its code, its
// MESSAGE-INTEGRITY, and that it has no more than the RFCs want there.
func (c *client) judged(r *reply, want int) *reply {
	c.Helper()
	switch {
	case r.code() != want:
		c.Fatalf("code %d, want %d: %x", r.code(), want, r.raw)
	case !r.signedWith(c.key()):
		c.Fatalf("%d lacks a correct MESSAGE-INTEGRITY: %x", want, r.raw)
	case r.has(aUnknown) != (want == 420):
		c.Fatalf("%d and UNKNOWN-ATTRIBUTES: %x", want, r.raw)
	case r.has(aSoftware) || r.has(aNonce) || want != 0 && len(r.get(aErrorCode)) != 4:
		c.Fatalf("%d has bytes to spare: %x", want, r.raw)
	}
	return r
}

func (c *client) want(code int, typ uint16, attrs ...tlv) *reply {
	c.Helper()
	return c.judged(c.ask(c.request(typ, attrs...)), code)
}

// challenged checks a 401 or 438: ERROR-CODE, REALM, a NONCE, nothing signed.
func (c *client) challenged(b []byte, want int) *reply {
	c.Helper()
	r := c.ask(b)
	n := len(r.get(aNonce))
	switch {
	case r.code() != want:
		c.Fatalf("code %d, want %d: %x", r.code(), want, r.raw)
	case string(r.get(aRealm)) != proberRealm || n == 0 || n > 128:
		c.Fatalf("%d with realm %q, nonce %q", want, r.get(aRealm), r.get(aNonce))
	case r.integrity != 0 || r.has(aSoftware) || r.has(aUnknown) || len(r.get(aErrorCode)) != 4:
		c.Fatalf("%d has bytes to spare: %x", want, r.raw)
	}
	return r
}

// refused checks an unsigned error that is no challenge.
func (c *client) refused(b []byte, want int) *reply {
	c.Helper()
	r := c.ask(b)
	if r.code() != want || r.integrity != 0 {
		c.Fatalf("code %d (signed %v), want %d unsigned: %x", r.code(), r.integrity != 0, want, r.raw)
	}
	return r
}

var relayUDP = num(aTransport, 17<<24)

func (c *client) allocate(attrs ...tlv) netip.AddrPort {
	c.Helper()
	return c.want(0, tAllocate, append(attrs, relayUDP)...).address(aRelayed)
}

// allocated makes an allocation and a peer that it has a permission for.
func (c *client) allocated() (relay netip.AddrPort) {
	c.Helper()
	relay = c.allocate()
	c.peer = c.newPeer()
	c.want(0, tCreatePermission, addr(aPeer, c.peerAddr()))
	return relay
}

func (c *client) newPeer() *net.UDPConn { return c.newPeerAt(127, 0, 0, 1) }

func (c *client) newPeerAt(ip ...byte) *net.UDPConn {
	c.Helper()
	p, err := net.ListenUDP("udp4", &net.UDPAddr{IP: ip})
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { _ = p.Close() })
	return p
}

func (c *client) peerAddr() netip.AddrPort { return c.peer.LocalAddr().(*net.UDPAddr).AddrPort() }

func channelAttr(number uint16) tlv { return num(aChannel, uint32(number)<<16) }

// channelData frames a payload, padded over a stream.
func (c *client) channelData(number uint16, payload string) []byte {
	b := binary.BigEndian.AppendUint16(nil, number)
	b = binary.BigEndian.AppendUint16(b, uint16(len(payload)))
	b = append(b, payload...)
	for c.stream() && len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// peerGets checks the next datagram of the peer.
func (c *client) peerGets(want string, from netip.AddrPort) {
	c.Helper()
	buf := make([]byte, 4096)
	_ = c.peer.SetReadDeadline(time.Now().Add(probeWait))
	n, src, err := c.peer.ReadFromUDPAddrPort(buf)
	if err != nil || string(buf[:n]) != want || src != from {
		c.Fatalf("the peer got %q from %v (%v), want %q from %v", buf[:n], src, err, want, from)
	}
}

// peerMisses sends what must not reach the peer, then something that must: the
// peer gets only that.
func (c *client) peerMisses(relay netip.AddrPort, b []byte) {
	c.Helper()
	c.write(b)
	c.want(0, tCreatePermission, addr(aPeer, c.peerAddr()))
	c.write(message(tSend, addr(aPeer, c.peerAddr()), text(aData, "sentinel")))
	c.peerGets("sentinel", relay)
}

// toRelay sends a datagram from the peer.
func (c *client) toRelay(payload string, relay netip.AddrPort) {
	c.Helper()
	if _, err := c.peer.WriteToUDPAddrPort([]byte(payload), relay); err != nil {
		c.Fatal(err)
	}
}

// getsData checks that a Data indication comes, and nothing before it.
func (c *client) getsData(payload string, from netip.AddrPort) {
	c.Helper()
	r, err := readReply(c.read())
	if err != nil || r.typ != tData || r.address(aPeer) != from || string(r.get(aData)) != payload || len(r.attrs) != 2 {
		c.Fatalf("got %+v (%v), want a Data indication with %q from %v", r, err, payload, from)
	}
}

// getsChannel checks that ChannelData comes, and nothing before it. Padding is
// a must over a stream and a may over UDP (RFC 8656 section 12.5).
func (c *client) getsChannel(number uint16, payload string) {
	c.Helper()
	b, want := c.read(), c.channelData(number, payload)
	if len(b) > len(want) && len(b) < len(want)+4 && !c.stream() {
		b = b[:len(want)]
	}
	if string(b) != string(want) {
		c.Fatalf("got %x, want %x", b, want)
	}
}

// readRaw reads what comes, whatever it is.
func (c *client) readRaw() (int, error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(probeWait))
	n, err := c.conn.Read(make([]byte, 4096))
	if e, ok := err.(net.Error); ok && e.Timeout() {
		c.Fatal("the connection stays open")
	}
	return n, err
}
