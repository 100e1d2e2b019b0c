package relay_test

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// publicPeer is an address that the default policy lets be reached.
var publicPeer = netip.MustParseAddrPort("8.8.8.8:5000")

func peer(c *client) tlv { return addr(aPeer, c.peerAddr()) }

// asked sends a request with a peer that may be written in the IPv6 form.
func (c *client) asked(typ uint16, a netip.AddrPort, attrs ...tlv) *reply {
	c.Helper()
	b := message(typ, attrs...)
	if a.Addr().Is4() {
		b = appendTLV(b, addr(aPeer, a))
	} else {
		b = withAddr6(b, aPeer, a)
	}
	for _, x := range c.credentials() {
		b = appendTLV(b, x)
	}
	return c.ask(sign(b, c.key()))
}

func permissionChecks() []check {
	bad := func(v ...byte) func(*client) {
		return func(c *client) { c.allocate(); c.want(400, tCreatePermission, tlv{aPeer, v}) }
	}
	return []check{
		{name: "permission/no allocation", run: func(c *client) { c.want(437, tCreatePermission, addr(aPeer, publicPeer)) }},
		{name: "permission/granted", run: func(c *client) {
			c.allocate()
			if r := c.want(0, tCreatePermission, addr(aPeer, publicPeer)); len(r.attrs) != 0 {
				c.Fatalf("attributes to spare: %x", r.raw)
			}
		}},
		{name: "permission/no peer", run: func(c *client) { c.allocate(); c.want(400, tCreatePermission) }},
		{name: "permission/empty peer", run: bad()},
		{name: "permission/peer of 4 bytes", run: bad(0, 1, 0, 0)},
		{name: "permission/peer of 7 bytes", run: bad(0, 1, 0, 0, 1, 2, 3)},
		{name: "permission/IPv4 of 16 bytes", run: bad(make([]byte, 20)...)},
		{name: "permission/IPv6 of 4 bytes", run: bad(0, 2, 0, 0, 1, 2, 3, 4)},
		{name: "permission/family 0", run: bad(0, 0, 0, 0, 1, 2, 3, 4)},
		{name: "permission/family 3", run: bad(0, 3, 0, 0, 1, 2, 3, 4)},
		{name: "permission/good and malformed peer", run: func(c *client) {
			relay := c.allocate()
			c.peer = c.newPeer()
			c.want(400, tCreatePermission, peer(c), tlv{aPeer, nil})
			c.peerMisses(relay, message(tSend, peer(c), text(aData, "too much")))
		}},
		{name: "permission/good and bad peer", run: func(c *client) {
			relay := c.allocate()
			c.peer = c.newPeer()
			c.want(403, tCreatePermission, peer(c), addr(aPeer, netip.MustParseAddrPort("10.0.0.1:5000")))
			c.peerMisses(relay, message(tSend, peer(c), text(aData, "too much")))
		}},
		{name: "permission/several", run: func(c *client) {
			relay := c.allocate()
			c.peer = c.newPeer()
			c.want(0, tCreatePermission, addr(aPeer, publicPeer), peer(c), addr(aPeer, publicPeer))
			c.write(message(tSend, peer(c), text(aData, "hello")))
			c.peerGets("hello", relay)
		}},
		{name: "permission/port does not matter", run: func(c *client) {
			relay := c.allocate()
			c.peer = c.newPeer()
			c.want(0, tCreatePermission, addr(aPeer, netip.AddrPortFrom(c.peerAddr().Addr(), 0)))
			c.write(message(tSend, peer(c), text(aData, "hello")))
			c.peerGets("hello", relay)
		}},
		{name: "permission/by another user", run: func(c *client) {
			relay := c.allocate()
			c.peer = c.newPeer()
			owner := c.account
			c.account = mint(c.s.logins.next(), time.Hour)
			c.want(441, tCreatePermission, peer(c))
			c.account = owner
			c.peerMisses(relay, message(tSend, peer(c), text(aData, "stolen")))
		}},
		{name: "permission/IPv6 peer", run: func(c *client) {
			c.allocate()
			c.judged(c.asked(tCreatePermission, netip.MustParseAddrPort("[2606:4700::1]:5000")), 443)
		}},
		{name: "permission/public IPv4 as IPv6", run: func(c *client) {
			c.allocate()
			c.judged(c.asked(tCreatePermission, netip.MustParseAddrPort("[::ffff:8.8.8.8]:5000")), 443)
		}},
		{name: "permission/65th peer", run: func(c *client) {
			c.allocate()
			var many []tlv
			for i := range byte(64) {
				many = append(many, addr(aPeer, netip.AddrPortFrom(netip.AddrFrom4([4]byte{8, 8, 4, i}), 0)))
			}
			c.want(0, tCreatePermission, many...)
			c.want(508, tCreatePermission, addr(aPeer, publicPeer))
			c.want(0, tCreatePermission, many[3])
		}},
	}
}

func channelChecks() []check {
	bound := func(c *client) (relay netip.AddrPort) {
		relay = c.allocated()
		c.want(0, tChannelBind, channelAttr(0x4000), peer(c))
		return relay
	}
	list := []check{
		{name: "channel/no allocation", run: func(c *client) { c.want(437, tChannelBind, channelAttr(0x4000), addr(aPeer, publicPeer)) }},
		{name: "channel/no number", run: func(c *client) { c.allocate(); c.want(400, tChannelBind, addr(aPeer, publicPeer)) }},
		{name: "channel/no peer", run: func(c *client) { c.allocate(); c.want(400, tChannelBind, channelAttr(0x4000)) }},
		{name: "channel/short number", run: func(c *client) {
			c.allocate()
			c.want(400, tChannelBind, tlv{aChannel, []byte{0x40, 0}}, addr(aPeer, publicPeer))
		}},
		{name: "channel/malformed peer", run: func(c *client) { c.allocate(); c.want(400, tChannelBind, channelAttr(0x4000), tlv{aPeer, nil}) }},
		{name: "channel/peer port 0", run: func(c *client) {
			c.allocate()
			c.want(400, tChannelBind, channelAttr(0x4000), addr(aPeer, netip.AddrPortFrom(publicPeer.Addr(), 0)))
		}},
		{name: "channel/by another user", run: func(c *client) {
			c.allocate()
			c.account = mint(c.s.logins.next(), time.Hour)
			c.want(441, tChannelBind, channelAttr(0x4000), addr(aPeer, publicPeer))
		}},
		{name: "channel/again", run: func(c *client) { bound(c); c.want(0, tChannelBind, channelAttr(0x4000), peer(c)) }},
		{name: "channel/number of another peer", run: func(c *client) {
			relay := bound(c)
			c.want(400, tChannelBind, channelAttr(0x4000), addr(aPeer, publicPeer))
			c.write(c.channelData(0x4000, "still")) // the first binding stays
			c.peerGets("still", relay)
		}},
		{name: "channel/number of another port of the peer", run: func(c *client) {
			bound(c)
			c.want(400, tChannelBind, channelAttr(0x4000), addr(aPeer, netip.AddrPortFrom(c.peerAddr().Addr(), 443)))
		}},
		{name: "channel/peer of another number", run: func(c *client) {
			relay := bound(c)
			c.want(400, tChannelBind, channelAttr(0x4001), peer(c))
			c.toRelay("still", relay)
			c.getsChannel(0x4000, "still")
		}},
		{name: "channel/two peers", run: func(c *client) {
			bound(c)
			c.want(0, tChannelBind, channelAttr(0x4001), addr(aPeer, publicPeer))
		}},
		{name: "channel/gives a permission", run: func(c *client) {
			relay := c.allocate()
			c.peer = c.newPeer()
			c.want(0, tChannelBind, channelAttr(0x4000), peer(c))
			c.write(message(tSend, peer(c), text(aData, "hello")))
			c.peerGets("hello", relay)
		}},
		{name: "channel/refused gives no permission", run: func(c *client) {
			relay := c.allocate()
			c.peer = c.newPeer()
			c.want(400, tChannelBind, channelAttr(0x3fff), peer(c))
			c.peerMisses(relay, message(tSend, peer(c), text(aData, "stolen")))
		}},
		{name: "channel/IPv6 peer", run: func(c *client) {
			c.allocate()
			c.judged(c.asked(tChannelBind, netip.MustParseAddrPort("[2606:4700::1]:5000"), channelAttr(0x4000)), 443)
		}},
	}
	for number, want := range map[uint16]int{0: 400, 1: 400, 0x3fff: 400, 0x4000: 0, 0x4fff: 0, 0x5000: 0, 0x7fff: 0, 0x8000: 400, 0xffff: 400} {
		list = append(list, check{name: fmt.Sprintf("channel/number %#x", number), run: func(c *client) {
			c.allocate()
			c.want(want, tChannelBind, channelAttr(number), addr(aPeer, publicPeer))
		}})
	}
	for port, want := range map[uint16]int{1: 403, 53: 403, 123: 403, 442: 403, 443: 0, 444: 403, 1023: 403, 1024: 0, 65535: 0} {
		list = append(list, check{name: fmt.Sprintf("channel/peer port %d", port), run: func(c *client) {
			c.allocate()
			c.want(want, tChannelBind, channelAttr(0x4000), addr(aPeer, netip.AddrPortFrom(publicPeer.Addr(), port)))
		}})
	}
	return list
}

// internal are addresses that a relay must not reach, however they are written.
const internal = `0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 169.254.0.1
	169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255 198.18.0.1 198.19.255.255
	198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
	:: ::1 ::127.0.0.1 ::10.0.0.1 ::ffff:0.0.0.0 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:192.168.1.1
	::ffff:255.255.255.255 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::a00:1 100::1 2001::1 2001:0:808:808:0:0:80ff:fffe
	2001:2::1 2001:10::1 2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe:: 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 febf::1 fec0::1 ff02::1 ff0e::1`

// addressChecks: CreatePermission and ChannelBind refuse every internal
// address under the default policy, and the public ones beside them pass.
func addressChecks() []check {
	var list []check
	for _, a := range strings.Fields(internal) {
		list = append(list, addressCheck(a, 403, 5000)...)
	}
	for _, a := range strings.Fields(`1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255
		172.15.255.255 172.32.0.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255`) {
		list = append(list, addressCheck(a, 0, 5000)...)
	}
	return append(list,
		check{name: "peer/own port", strict: true, run: func(c *client) {
			c.allocate()
			c.judged(c.asked(tCreatePermission, c.s.plain), 403)
			c.judged(c.asked(tChannelBind, c.s.plain, channelAttr(0x4000)), 403)
		}},
		check{name: "peer/live relay", strict: true, run: func(c *client) {
			c.allocate()
			relay := c.another().allocate()
			c.judged(c.asked(tCreatePermission, relay), 0)
			c.judged(c.asked(tChannelBind, relay, channelAttr(0x4000)), 0)
		}},
	)
}

func addressCheck(text string, want int, port uint16) []check {
	a := netip.AddrPortFrom(netip.MustParseAddr(text), port)
	return []check{
		{name: "peer/CreatePermission " + text, strict: true, run: func(c *client) {
			c.allocate()
			c.judged(c.asked(tCreatePermission, a), want)
		}},
		{name: "peer/ChannelBind " + text, strict: true, run: func(c *client) {
			c.allocate()
			c.judged(c.asked(tChannelBind, a, channelAttr(0x4000)), want)
		}},
	}
}
