package relay

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// bench is what a row of the conformance table works with: a fresh client of a
// shared server, a peer, and a second user.
type bench struct {
	*prober
	s     *testServer
	peer  *net.UDPConn
	other user
}

func (b *bench) peerAddr() netip.AddrPort { return b.peer.LocalAddr().(*net.UDPAddr).AddrPort() }

// row is one check. It runs over every transport.
type row struct {
	name string
	run  func(b *bench)
}

// TestConformance sends hand-made messages and judges the answers by RFC 8489
// and RFC 8656.
func TestConformance(t *testing.T) {
	engines(t, conformance)
}

func conformance(t *testing.T, engine string) {
	s := start(t, func(o *Options) {
		o.AllowOwn, o.Engine, o.MaxPerLogin, o.MaxPerAddress = true, engine, 10000, 10000
	})
	groups := map[string][]row{
		"binding": bindingRows(), "silence": silenceRows(), "authentication": authRows(), "allocate": allocateRows(),
		"ports": portRows(), "refresh": refreshRows(), "permission": permissionRows(), "channel": channelRows(), "data": dataRows(),
	}
	for _, network := range []string{"udp", "tcp"} {
		for group, rows := range groups {
			for _, r := range rows {
				t.Run(network+"/"+group+"/"+r.name, func(t *testing.T) {
					t.Parallel()
					ts := &testServer{Server: s.Server, t: t, addr: s.addr}
					login := strings.Repeat("a", 26)
					r.run(&bench{prober: ts.probe(network, ts.user(login)), s: ts, peer: plainPeer(t), other: ts.user("mallory")})
				})
			}
		}
	}
}

func newRequest(m method) *builder { return newMessage(m, classRequest, transactionID()) }

// signAs signs a message of any content for a user with the right nonce.
func (b *bench) signAs(u user, key []byte, w *builder) []byte {
	if b.nonce == nil {
		b.learnNonce()
	}
	w.add(attrUsername, []byte(u.name)).add(attrRealm, []byte(u.realm)).add(attrNonce, b.nonce)
	return w.sign(key).b
}

func (b *bench) wantCode(raw []byte, want int) *message {
	b.t.Helper()
	m := b.ask(raw, patience)
	if m == nil {
		b.t.Fatalf("no answer, want %d", want)
	}
	if c := code(m); c != want {
		b.t.Fatalf("code %d, want %d", c, want)
	}
	return m
}

// wantChallenge checks a 401 or 438: REALM, a NONCE, and nothing signed.
func (b *bench) wantChallenge(raw []byte, want int) {
	b.t.Helper()
	m := b.wantCode(raw, want)
	realm, _ := m.get(attrRealm)
	nonce, _ := m.get(attrNonce)
	if string(realm) != "example.org" || len(nonce) == 0 || m.integrity != 0 {
		b.t.Fatalf("challenge: realm %q, nonce %q, signed %v", realm, nonce, m.integrity != 0)
	}
}

func (b *bench) wantNothing(raw []byte) {
	b.t.Helper()
	b.write(raw)
	b.wantSilence("an answer")
}

func bindingRows() []row {
	return []row{
		{"mapped address", func(b *bench) {
			m := b.wantCode(newRequest(methodBinding).b, 0)
			v, _ := m.get(attrXORMappedAddress)
			if a, _ := m.decodeAddress(v); a.String() != b.conn.LocalAddr().String() {
				b.t.Fatalf("mapped %v, want %v", a, b.conn.LocalAddr())
			}
		}},
		{"fingerprint", func(b *bench) {
			if m := b.wantCode(newRequest(methodBinding).finish(true), 0); !m.fingerprinted {
				b.t.Fatal("no FINGERPRINT in the answer to a request that has one")
			}
		}},
		{"unknown attributes", func(b *bench) {
			w := newRequest(methodBinding)
			for i := range 6 {
				w.add(uint16(0x7f00+i), []byte{1})
			}
			m := b.wantCode(w.b, 420)
			if v, _ := m.get(attrUnknownAttributes); !bytes.Equal(v, []byte{0x7f, 0, 0x7f, 1, 0x7f, 2, 0x7f, 3}) {
				b.t.Fatalf("UNKNOWN-ATTRIBUTES %x", v)
			}
		}},
		{"unknown optional attribute", func(b *bench) { b.wantCode(newRequest(methodBinding).add(0xff00, []byte("x")).b, 0) }},
		{"small answer", func(b *bench) {
			b.write(newRequest(methodBinding).b)
			if n := len(b.read(patience)); n+28 > 3*(20+28) {
				b.t.Fatalf("%d bytes for 20", n)
			}
		}},
	}
}

func silenceRows() []row {
	wrongFingerprint := newRequest(methodBinding).finish(true)
	wrongFingerprint[len(wrongFingerprint)-1] ^= 1
	wrongCookie := newRequest(methodBinding).b
	wrongCookie[4] ^= 1
	truncated := newRequest(methodBinding).add(0x8022, []byte("abcd")).b
	binary.BigEndian.PutUint16(truncated[22:], 400)
	rows := map[string][]byte{
		"binding indication":         newMessage(methodBinding, classIndication, transactionID()).b,
		"binding response":           newMessage(methodBinding, classSuccess, transactionID()).b,
		"error response":             newMessage(methodAllocate, classError, transactionID()).addError(401).b,
		"unknown method":             newRequest(0x0ff).b,
		"connect":                    newRequest(0x00a).b,
		"data indication":            newMessage(0x007, classIndication, transactionID()).b,
		"send with unknown required": newMessage(methodSend, classIndication, transactionID()).add(0x7fff, nil).b,
		"wrong fingerprint":          wrongFingerprint,
		"wrong cookie":               wrongCookie,
		"attribute too long":         truncated,
		"channel data for nobody":    {0x40, 0, 0, 4, 1, 2, 3, 4},
	}
	var list []row
	for name, raw := range rows {
		list = append(list, row{name, func(b *bench) {
			b.wantNothing(raw)
			b.wantCode(newRequest(methodBinding).b, 0) // and the server still serves this very client
		}})
	}
	return list
}

func authRows() []row {
	return []row{
		{"no credentials", func(b *bench) { b.wantChallenge(newRequest(methodAllocate).b, 401) }},
		{"no credentials, small answer", func(b *bench) {
			b.write(newRequest(methodAllocate).b)
			if n := len(b.read(patience)); n+28 > 3*(20+28) {
				b.t.Fatalf("%d bytes for 20", n)
			}
		}},
		{"wrong password", func(b *bench) {
			b.wantChallenge(b.signAs(b.user, []byte("0123456789abcdef"), newRequest(methodAllocate)), 401)
		}},
		{"expired", func(b *bench) {
			u := user{"1600000000:ann", password(testSecret, "1600000000:ann"), "example.org"}
			b.wantChallenge(b.signAs(u, u.key(), newRequest(methodAllocate)), 401)
		}},
		{"name without time", func(b *bench) {
			u := user{"ann", password(testSecret, "ann"), "example.org"}
			b.wantChallenge(b.signAs(u, u.key(), newRequest(methodAllocate)), 401)
		}},
		{"expiry changed", func(b *bench) {
			u := b.user
			u.name = "9" + u.name
			b.wantChallenge(b.signAs(u, u.key(), newRequest(methodAllocate)), 401)
		}},
		{"wrong realm", func(b *bench) {
			u := b.user
			u.realm = "elsewhere"
			b.wantChallenge(b.signAs(u, u.key(), newRequest(methodAllocate)), 401)
		}},
		{"foreign name without login id", func(b *bench) {
			name := fmt.Sprint(time.Now().Add(time.Hour).Unix())
			u := user{name, password(testSecret, name), "example.org"}
			w := newRequest(methodAllocate)
			udpTransport(w)
			b.wantCode(b.signAs(u, u.key(), w), 0)
		}},
		{"no username", func(b *bench) { b.wantCode(incomplete(b, attrUsername), 400) }},
		{"no realm", func(b *bench) { b.wantCode(incomplete(b, attrRealm), 400) }},
		{"no nonce", func(b *bench) { b.wantCode(incomplete(b, attrNonce), 400) }},
		{"invented nonce", func(b *bench) {
			b.nonce = bytes.Repeat([]byte("A"), nonceLen)
			b.wantChallenge(b.signAs(b.user, b.user.key(), newRequest(methodAllocate)), 438)
		}},
		{"nonce of another address", func(b *bench) {
			b2 := b.s.probe("udp", b.user)
			b2.learnNonce()
			b.nonce = b2.nonce
			b.wantChallenge(b.signAs(b.user, b.user.key(), newRequest(methodAllocate)), 438)
		}},
		{"long nonce", func(b *bench) {
			b.nonce = bytes.Repeat([]byte("9"), maxNonce+1)
			b.wantNothing(b.signAs(b.user, b.user.key(), newRequest(methodAllocate)))
		}},
		{"long username", func(b *bench) {
			u := b.user
			u.name += strings.Repeat("x", maxUsername)
			b.wantNothing(b.signAs(u, u.key(), newRequest(methodAllocate)))
		}},
		{"unknown required attribute", func(b *bench) {
			m := b.want(420, methodAllocate, func(w *builder) { udpTransport(w); w.add(0x7ffe, nil) })
			if v, _ := m.get(attrUnknownAttributes); !bytes.Equal(v, []byte{0x7f, 0xfe}) {
				b.t.Fatalf("UNKNOWN-ATTRIBUTES %x", v)
			}
		}},
		{"attributes behind integrity", func(b *bench) {
			w := newRequest(methodAllocate)
			b.signAs(b.user, b.user.key(), w)
			udpTransport(w) // unsigned: it must not count
			b.wantCode(w.b, 400)
		}},
	}
}

// incomplete is a signed request that lacks one attribute.
func incomplete(b *bench, without uint16) []byte {
	b.learnNonce()
	w := newRequest(methodAllocate)
	for typ, v := range map[uint16]string{attrUsername: b.user.name, attrRealm: b.user.realm, attrNonce: string(b.nonce)} {
		if typ != without {
			w.add(typ, []byte(v))
		}
	}
	return w.sign(b.user.key()).b
}

func with(attrs ...func(*builder)) func(*builder) {
	return func(w *builder) {
		for _, a := range attrs {
			a(w)
		}
	}
}

func attr(typ uint16, v ...byte) func(*builder) { return func(w *builder) { w.add(typ, v) } }

func lifetimeAttr(seconds uint32) func(*builder) {
	return func(w *builder) { w.addUint32(attrLifetime, seconds) }
}

func wantLifetime(b *bench, m *message, want uint32) {
	b.t.Helper()
	if v, ok := m.get(attrLifetime); !ok || binary.BigEndian.Uint32(v) != want {
		b.t.Fatalf("LIFETIME %x, want %d", v, want)
	}
}

func allocateRows() []row {
	rows := []row{
		{"mapped and relayed address", func(b *bench) {
			m := b.want(0, methodAllocate, udpTransport)
			v, _ := m.get(attrXORMappedAddress)
			if a, _ := m.decodeAddress(v); a.String() != b.conn.LocalAddr().String() {
				b.t.Fatalf("mapped %v, want %v", a, b.conn.LocalAddr())
			}
			v, _ = m.get(attrXORRelayedAddress)
			if a, _ := m.decodeAddress(v); a.Addr().String() != "127.0.0.1" || a.Port() < 20000 || a.Port() > 29999 {
				b.t.Fatalf("relayed %v", a)
			}
			wantLifetime(b, m, 600)
		}},
		{"no transport", func(b *bench) { b.want(400, methodAllocate, nil) }},
		{"short transport", func(b *bench) { b.want(400, methodAllocate, attr(attrRequestedTransport, 17)) }},
		{"tcp relay", func(b *bench) { b.want(442, methodAllocate, attr(attrRequestedTransport, 6, 0, 0, 0)) }},
		{"dont fragment", func(b *bench) {
			m := b.want(420, methodAllocate, with(udpTransport, attr(0x001a)))
			if v, _ := m.get(attrUnknownAttributes); !bytes.Equal(v, []byte{0, 0x1a}) {
				b.t.Fatalf("UNKNOWN-ATTRIBUTES %x", v)
			}
		}},
		{"malformed lifetime", func(b *bench) { b.want(400, methodAllocate, with(udpTransport, attr(attrLifetime, 1, 2))) }},
		{"IPv4 family", func(b *bench) {
			b.want(0, methodAllocate, with(udpTransport, attr(attrRequestedAddressFamily, 1, 0, 0, 0)))
		}},
		{"IPv6 family", func(b *bench) {
			b.want(440, methodAllocate, with(udpTransport, attr(attrRequestedAddressFamily, 2, 0, 0, 0)))
		}},
		{"malformed family", func(b *bench) {
			b.want(400, methodAllocate, with(udpTransport, attr(attrRequestedAddressFamily, 1)))
		}},
		{"additional family", func(b *bench) {
			m := b.want(0, methodAllocate, with(udpTransport, attr(attrAdditionalAddressFamily, 2, 0, 0, 0)))
			if v, _ := m.get(attrAddressErrorCode); !bytes.Equal(v, []byte{2, 0, 4, 40}) {
				b.t.Fatalf("ADDRESS-ERROR-CODE %x", v)
			}
		}},
		{"both families attributes", func(b *bench) {
			b.want(400, methodAllocate, with(udpTransport, attr(attrRequestedAddressFamily, 1, 0, 0, 0), attr(attrAdditionalAddressFamily, 2, 0, 0, 0)))
		}},
		{"second allocate", func(b *bench) { b.allocate(); b.want(437, methodAllocate, udpTransport) }},
		{"retransmission", func(b *bench) {
			raw := b.signed(methodAllocate, udpTransport)
			first, second := b.wantCode(raw, 0), b.wantCode(raw, 0)
			if !bytes.Equal(first.raw, second.raw) {
				b.t.Fatalf("two answers to one request:\n%x\n%x", first.raw, second.raw)
			}
		}},
	}
	for asked, granted := range map[uint32]uint32{0: 600, 1: 600, 600: 600, 1234: 1234, 3600: 3600, 3601: 3600, 0xffffffff: 3600} {
		rows = append(rows, row{fmt.Sprintf("lifetime %d", asked), func(b *bench) {
			wantLifetime(b, b.want(0, methodAllocate, with(udpTransport, lifetimeAttr(asked))), granted)
		}})
	}
	return rows
}

func portRows() []row {
	token := func(b *bench) ([]byte, netip.AddrPort) {
		m := b.want(0, methodAllocate, with(udpTransport, attr(attrEvenPort, 0x80)))
		v, _ := m.get(attrReservationToken)
		r, _ := m.get(attrXORRelayedAddress)
		a, _ := m.decodeAddress(r)
		if len(v) != 8 || a.Port()&1 != 0 {
			b.t.Fatalf("token %x, port %d", v, a.Port())
		}
		return v, a
	}
	return []row{
		{"even", func(b *bench) {
			for range 8 {
				m := b.want(0, methodAllocate, with(udpTransport, attr(attrEvenPort, 0)))
				v, _ := m.get(attrXORRelayedAddress)
				if a, _ := m.decodeAddress(v); a.Port()&1 != 0 {
					b.t.Fatalf("port %d is odd", a.Port())
				}
				if _, has := m.get(attrReservationToken); has {
					b.t.Fatal("a token nobody asked for")
				}
				b.want(0, methodRefresh, lifetimeAttr(0))
			}
		}},
		{"reserve and claim", func(b *bench) {
			tok, a := token(b)
			b2 := b.s.probe("udp", b.user)
			m := b2.want(0, methodAllocate, with(udpTransport, attr(attrReservationToken, tok...)))
			v, _ := m.get(attrXORRelayedAddress)
			if next, _ := m.decodeAddress(v); next.Port() != a.Port()+1 {
				b.t.Fatalf("port %d after %d", next.Port(), a.Port())
			}
			b3 := b.s.probe("udp", b.user)
			b3.want(508, methodAllocate, with(udpTransport, attr(attrReservationToken, tok...)))
		}},
		{"token of another user", func(b *bench) {
			tok, _ := token(b)
			b.s.probe("udp", b.other).want(508, methodAllocate, with(udpTransport, attr(attrReservationToken, tok...)))
		}},
		{"unknown token", func(b *bench) {
			b.want(508, methodAllocate, with(udpTransport, attr(attrReservationToken, []byte("notatokn")...)))
		}},
		{"token and even port", func(b *bench) {
			b.want(400, methodAllocate, with(udpTransport, attr(attrEvenPort, 0), attr(attrReservationToken, []byte("notatokn")...)))
		}},
		{"malformed even port", func(b *bench) { b.want(400, methodAllocate, with(udpTransport, attr(attrEvenPort, 0, 0))) }},
		{"token and family", func(b *bench) {
			b.want(400, methodAllocate, with(udpTransport, attr(attrRequestedAddressFamily, 1, 0, 0, 0), attr(attrReservationToken, []byte("notatokn")...)))
		}},
	}
}

func refreshRows() []row {
	rows := []row{
		{"no allocation", func(b *bench) { b.want(437, methodRefresh, nil) }},
		{"end and again", func(b *bench) {
			b.allocate()
			wantLifetime(b, b.want(0, methodRefresh, lifetimeAttr(0)), 0)
			b.want(437, methodRefresh, lifetimeAttr(0))
			b.allocate()
		}},
		{"other user", func(b *bench) {
			b.allocate()
			b.user = b.other
			b.want(441, methodRefresh, lifetimeAttr(0))
		}},
		{"IPv6 family", func(b *bench) {
			b.allocate()
			b.want(443, methodRefresh, attr(attrRequestedAddressFamily, 2, 0, 0, 0))
		}},
		{"same login, newer credential", func(b *bench) {
			b.allocate()
			name := fmt.Sprintf("%d:%s", time.Now().Add(2*time.Hour).Unix(), strings.Repeat("a", 26))
			b.user = user{name, password(testSecret, name), "example.org"}
			b.want(0, methodRefresh, nil)
		}},
	}
	for asked, granted := range map[uint32]uint32{1: 600, 1234: 1234, 99999: 3600} {
		rows = append(rows, row{fmt.Sprintf("lifetime %d", asked), func(b *bench) {
			b.allocate()
			wantLifetime(b, b.want(0, methodRefresh, lifetimeAttr(asked)), granted)
		}})
	}
	return rows
}

func permissionRows() []row {
	return []row{
		{"no allocation", func(b *bench) { b.want(437, methodCreatePermission, peerAttr(b.peerAddr())) }},
		{"no peer", func(b *bench) { b.allocate(); b.want(400, methodCreatePermission, nil) }},
		{"empty peer", func(b *bench) { b.allocate(); b.want(400, methodCreatePermission, attr(attrXORPeerAddress)) }},
		{"unknown family", func(b *bench) {
			b.allocate()
			b.want(400, methodCreatePermission, attr(attrXORPeerAddress, 0, 3, 0, 0, 0, 0, 0, 0))
		}},
		{"IPv4 too long", func(b *bench) {
			b.allocate()
			b.want(400, methodCreatePermission, attr(attrXORPeerAddress, make([]byte, 20)...))
		}},
		{"other user", func(b *bench) {
			b.allocate()
			b.user = b.other
			b.want(441, methodCreatePermission, peerAttr(b.peerAddr()))
		}},
		{"IPv6 peer", func(b *bench) {
			b.allocate()
			b.want(443, methodCreatePermission, peerAttr(netip.MustParseAddrPort("[2606:4700::1]:5000")))
		}},
		{"mapped IPv4 peer", func(b *bench) {
			b.allocate()
			b.want(443, methodCreatePermission, peerAttr(netip.MustParseAddrPort("[::ffff:8.8.8.8]:5000")))
		}},
		{"all or nothing", func(b *bench) {
			b.allocate()
			b.want(403, methodCreatePermission, with(peerAttr(b.peerAddr()), peerAttr(netip.MustParseAddrPort("10.0.0.1:5000"))))
			b.sendIndication(b.peerAddr(), []byte("x"))
			_ = b.peer.SetReadDeadline(deadlineIn(silence))
			if _, _, err := b.peer.ReadFrom(make([]byte, 10)); err == nil {
				b.t.Fatal("the good peer of a refused request was reached")
			}
		}},
		{"several", func(b *bench) {
			b.allocate()
			b.want(0, methodCreatePermission, with(peerAttr(b.peerAddr()), peerAttr(netip.MustParseAddrPort("8.8.8.8:0"))))
		}},
		{"attributes behind integrity", func(b *bench) {
			b.allocate()
			w := newRequest(methodCreatePermission)
			peerAttr(netip.MustParseAddrPort("8.8.8.8:0"))(w)
			b.signAs(b.user, b.user.key(), w)
			peerAttr(b.peerAddr())(w)
			b.wantCode(w.b, 0)
			b.sendIndication(b.peerAddr(), []byte("x"))
			_ = b.peer.SetReadDeadline(deadlineIn(silence))
			if _, _, err := b.peer.ReadFrom(make([]byte, 10)); err == nil {
				b.t.Fatal("an unsigned peer got a permission")
			}
		}},
	}
}

func channelRows() []row {
	public := netip.MustParseAddrPort("8.8.8.8:5000")
	rows := []row{
		{"no allocation", func(b *bench) { b.want(437, methodChannelBind, bindAttrs(0x4000, public)) }},
		{"no number", func(b *bench) { b.allocate(); b.want(400, methodChannelBind, peerAttr(public)) }},
		{"no peer", func(b *bench) { b.allocate(); b.want(400, methodChannelBind, attr(attrChannelNumber, 0x40, 0, 0, 0)) }},
		{"short number", func(b *bench) {
			b.allocate()
			b.want(400, methodChannelBind, with(attr(attrChannelNumber, 0x40, 0), peerAttr(public)))
		}},
		{"port 0", func(b *bench) {
			b.allocate()
			b.want(400, methodChannelBind, bindAttrs(0x4000, netip.AddrPortFrom(public.Addr(), 0)))
		}},
		{"other user", func(b *bench) {
			b.allocate()
			b.user = b.other
			b.want(441, methodChannelBind, bindAttrs(0x4000, public))
		}},
		{"number of another peer", func(b *bench) {
			b.allocate()
			b.want(0, methodChannelBind, bindAttrs(0x4000, public))
			b.want(400, methodChannelBind, bindAttrs(0x4000, netip.AddrPortFrom(public.Addr(), 5001)))
		}},
		{"peer of another number", func(b *bench) {
			b.allocate()
			b.want(0, methodChannelBind, bindAttrs(0x4000, public))
			b.want(400, methodChannelBind, bindAttrs(0x4001, public))
			b.want(0, methodChannelBind, bindAttrs(0x4000, public))
		}},
		{"low port", func(b *bench) {
			b.allocate()
			b.want(403, methodChannelBind, bindAttrs(0x4000, netip.AddrPortFrom(public.Addr(), 53)))
			b.want(0, methodChannelBind, bindAttrs(0x4000, netip.AddrPortFrom(public.Addr(), 443)))
		}},
		{"IPv6 peer", func(b *bench) {
			b.allocate()
			b.want(443, methodChannelBind, bindAttrs(0x4000, netip.MustParseAddrPort("[2606:4700::1]:5000")))
		}},
	}
	for number, want := range map[uint16]int{0: 400, 0x3fff: 400, 0x4000: 0, 0x4fff: 0, 0x7fff: 0, 0x8000: 400, 0xffff: 400} {
		rows = append(rows, row{fmt.Sprintf("number %#x", number), func(b *bench) {
			b.allocate()
			b.want(want, methodChannelBind, bindAttrs(number, public))
		}})
	}
	return rows
}

func dataRows() []row {
	return []row{
		{"peer without permission", func(b *bench) {
			relay := b.allocate()
			_, _ = b.peer.WriteToUDPAddrPort([]byte("knock"), relay)
			b.wantSilence("a packet from a stranger")
			b.want(0, methodCreatePermission, peerAttr(b.peerAddr()))
			_, _ = b.peer.WriteToUDPAddrPort([]byte("knock"), relay)
			b.wantData(b.peerAddr(), "knock")
		}},
		{"send without permission", func(b *bench) {
			b.allocate()
			b.sendIndication(b.peerAddr(), []byte("x"))
			b.wantPeerSilence()
		}},
		{"send with dont fragment", func(b *bench) {
			b.allocate()
			b.want(0, methodCreatePermission, peerAttr(b.peerAddr()))
			w := newMessage(methodSend, classIndication, transactionID())
			b.write(w.addAddress(attrXORPeerAddress, b.peerAddr()).add(0x001a, nil).add(attrData, []byte("x")).b)
			b.wantPeerSilence()
		}},
		{"send without data, empty peer", func(b *bench) {
			b.allocate()
			b.want(0, methodCreatePermission, peerAttr(b.peerAddr()))
			b.write(newMessage(methodSend, classIndication, transactionID()).add(attrXORPeerAddress, nil).add(attrData, []byte("x")).b)
			b.write(newMessage(methodSend, classIndication, transactionID()).addAddress(attrXORPeerAddress, b.peerAddr()).b)
			b.wantPeerSilence()
		}},
		{"unbound channel", func(b *bench) {
			b.allocate()
			b.channelData(0x4000, []byte("x"))
			b.wantPeerSilence()
		}},
		{"both ways", func(b *bench) {
			relay := b.allocate()
			b.want(0, methodChannelBind, bindAttrs(0x4000, b.peerAddr()))
			for n := range 6 {
				b.channelData(0x4000, []byte("hello"[:n]))
				buf := make([]byte, 100)
				_ = b.peer.SetReadDeadline(deadlineIn(patience))
				k, from, err := b.peer.ReadFromUDPAddrPort(buf)
				if err != nil || string(buf[:k]) != "hello"[:n] || from != relay {
					b.t.Fatalf("%d bytes: got %q from %v: %v", n, buf[:k], from, err)
				}
				_, _ = b.peer.WriteToUDPAddrPort(buf[:k], relay)
				b.wantChannel(0x4000, "hello"[:n])
			}
		}},
	}
}

func (b *bench) wantPeerSilence() {
	b.t.Helper()
	_ = b.peer.SetReadDeadline(deadlineIn(silence))
	buf := make([]byte, 100)
	if n, _, err := b.peer.ReadFrom(buf); err == nil {
		b.t.Fatalf("the peer got %x", buf[:n])
	}
}

// TestDeniedPeers asks for every kind of internal address, in every disguise,
// by both methods and over both transports.
func TestDeniedPeers(t *testing.T) {
	s := start(t, nil)
	for _, network := range []string{"udp", "tcp"} {
		p := s.probe(network, s.user("ann"))
		p.allocate()
		for _, text := range strings.Fields(`0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1
			172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1
			239.255.255.250 240.0.0.1 255.255.255.255
			::1 :: ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 64:ff9b::7f00:1 64:ff9b:1::a00:1
			2002:7f00:1:: 2001:0:1:2:3:4:80ff:fffe fd00:ec2::254 fe80::1 fec0::1 ff02::1 2001:db8::1`) {
			peer := netip.AddrPortFrom(netip.MustParseAddr(text), 5000)
			if c := code(p.do(methodCreatePermission, peerAttr(peer))); c != 403 {
				t.Errorf("%s: CreatePermission %v: %d", network, peer, c)
			}
			if c := code(p.do(methodChannelBind, bindAttrs(0x4000, peer))); c != 403 {
				t.Errorf("%s: ChannelBind %v: %d", network, peer, c)
			}
		}
	}
}
