package relay_test

import (
	"fmt"
	"net/netip"
	"strings"
)

// dataChecks: what passes between client and peer, and what does not.
func dataChecks() []check {
	list := []check{
		{name: "data/stranger", run: func(c *client) {
			relay := c.allocated()
			stranger := c.newPeerAt(127, 0, 0, 2)
			_, _ = stranger.WriteToUDPAddrPort([]byte("knock"), relay)
			c.toRelay("hello", relay) // behind it in the same socket
			c.getsData("hello", c.peerAddr())
		}},
		{name: "data/Send without permission", run: func(c *client) {
			relay := c.allocate()
			c.peer = c.newPeer()
			c.peerMisses(relay, message(tSend, peer(c), text(aData, "x")))
		}},
		{name: "data/ChannelData on an unbound channel", run: func(c *client) {
			relay := c.allocated()
			c.peerMisses(relay, c.channelData(0x4001, "x"))
		}},
		{name: "data/ChannelData without allocation", run: func(c *client) { c.silence(c.channelData(0x4000, "abcd")) }},
		{name: "data/Send without allocation", run: func(c *client) { c.silence(message(tSend, addr(aPeer, publicPeer), text(aData, "x"))) }},
		{name: "data/DONT-FRAGMENT in Send", run: func(c *client) {
			c.peerMisses(c.allocated(), message(tSend, peer(c), tlv{aDontFrag, nil}, text(aData, "x")))
		}},
		{name: "data/unknown attribute in Send", run: func(c *client) {
			c.peerMisses(c.allocated(), message(tSend, peer(c), tlv{0x7f00, nil}, text(aData, "x")))
		}},
		{name: "data/optional attribute in Send", run: func(c *client) {
			relay := c.allocated()
			c.write(message(tSend, text(aSoftware, "abc"), peer(c), text(aData, "x")))
			c.peerGets("x", relay)
		}},
		{name: "data/FINGERPRINT on Send", run: func(c *client) {
			relay := c.allocated()
			c.write(fingerprinted(message(tSend, peer(c), text(aData, "x"))))
			c.peerGets("x", relay)
		}},
		{name: "data/wrong FINGERPRINT on Send", run: func(c *client) {
			relay := c.allocated()
			b := fingerprinted(message(tSend, peer(c), text(aData, "x")))
			c.peerMisses(relay, changed(b, len(b)-1, b[len(b)-1]^1))
		}},
		{name: "data/Send without DATA", run: func(c *client) { c.peerMisses(c.allocated(), message(tSend, peer(c))) }},
		{name: "data/Send without peer", run: func(c *client) { c.peerMisses(c.allocated(), message(tSend, text(aData, "x"))) }},
		{name: "data/Send with an empty peer", run: func(c *client) {
			c.peerMisses(c.allocated(), message(tSend, tlv{aPeer, nil}, text(aData, "x")))
		}},
		{name: "data/Send to port 0", run: func(c *client) {
			c.peerMisses(c.allocated(), message(tSend, addr(aPeer, netip.AddrPortFrom(c.peerAddr().Addr(), 0)), text(aData, "x")))
		}},
		{name: "data/Send to an IPv6 peer", run: func(c *client) {
			c.peerMisses(c.allocated(), appendTLV(withAddr6(message(tSend), aPeer, netip.MustParseAddrPort("[::1]:5000")), text(aData, "x")))
		}},
		{name: "data/after the end", run: func(c *client) {
			c.allocated()
			c.want(0, tRefresh, num(aLifetime, 0))
			c.silence(message(tSend, peer(c), text(aData, "x")))
		}},
		{name: "data/between two relays", strict: true, run: func(c *client) {
			d := c.another()
			here, there := c.allocate(), d.allocate()
			d.want(0, tCreatePermission, addr(aPeer, here))
			c.want(0, tChannelBind, channelAttr(0x4000), addr(aPeer, there))
			c.write(c.channelData(0x4000, "over"))
			d.getsData("over", here)
			d.want(0, tChannelBind, channelAttr(0x5abc), addr(aPeer, here))
			c.write(c.channelData(0x4000, "and over"))
			d.getsChannel(0x5abc, "and over")
			d.write(d.channelData(0x5abc, "back"))
			c.getsChannel(0x4000, "back")
		}},
		{name: "data/a channel's permission is one way until the peer has one too", strict: true, run: func(c *client) {
			d := c.another()
			here, there := c.allocate(), d.allocate()
			c.want(0, tChannelBind, channelAttr(0x4000), addr(aPeer, there))
			c.write(c.channelData(0x4000, "too early"))
			c.want(0, tRefresh)
			d.want(0, tCreatePermission, addr(aPeer, here))
			c.write(c.channelData(0x4000, "now"))
			d.getsData("now", here)
		}},
		{name: "data/longest frame", run: func(c *client) { c.echo(strings.Repeat("l", 1500)) }},
		{name: "data/longer than any datagram that is relayed", run: func(c *client) {
			relay := c.allocated()
			c.want(0, tChannelBind, channelAttr(0x4000), peer(c))
			c.peerMisses(relay, c.channelData(0x4000, strings.Repeat("l", 1501)))
			c.toRelay(strings.Repeat("l", 1501), relay)
			c.toRelay("after", relay)
			c.getsChannel(0x4000, "after")
		}},
		{name: "data/ChannelData longer than its datagram", run: func(c *client) {
			if c.stream() {
				return
			}
			relay := c.allocated()
			c.want(0, tChannelBind, channelAttr(0x4000), peer(c))
			c.peerMisses(relay, []byte{0x40, 0, 0, 5, 1, 2, 3, 4})
		}},
		{name: "data/ChannelData with padding over UDP", run: func(c *client) {
			relay := c.allocated()
			c.want(0, tChannelBind, channelAttr(0x4000), peer(c))
			c.write([]byte{0x40, 0, 0, 1, 'x', 0, 0, 0})
			c.peerGets("x", relay)
		}},
		{name: "data/order", run: func(c *client) {
			relay := c.allocated()
			c.want(0, tChannelBind, channelAttr(0x4000), peer(c))
			var burst []string
			for i := range 20 {
				burst = append(burst, fmt.Sprint("number ", i))
				c.write(c.channelData(0x4000, burst[i]))
			}
			for _, s := range burst {
				c.peerGets(s, relay)
			}
		}},
	}
	for n := range 6 {
		payload := "hello"[:n]
		list = append(list, check{name: fmt.Sprintf("data/ChannelData of %d bytes", n), run: func(c *client) { c.echo(payload) }},
			check{name: fmt.Sprintf("data/indications of %d bytes", n), run: func(c *client) {
				relay := c.allocated()
				c.write(message(tSend, peer(c), text(aData, payload)))
				c.peerGets(payload, relay)
				c.toRelay(payload, relay)
				c.getsData(payload, c.peerAddr())
			}})
	}
	return list
}

// echo sends a payload to the peer and back on a channel.
func (c *client) echo(payload string) {
	c.Helper()
	relay := c.allocated()
	c.want(0, tChannelBind, channelAttr(0x4000), peer(c))
	c.write(c.channelData(0x4000, payload))
	c.peerGets(payload, relay)
	c.toRelay(payload, relay)
	c.getsChannel(0x4000, payload)
}
