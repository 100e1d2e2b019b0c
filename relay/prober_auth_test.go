package relay_test

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// authChecks: who is refused, with what, and on which terms (RFC 8489 section
// 9.2.4).
func authChecks() []check {
	list := []check{
		{name: "auth/Allocate is not amplified", run: func(c *client) { c.small(message(tAllocate)) }},
		{name: "auth/FINGERPRINT comes back with 401", run: func(c *client) {
			if !c.challenged(fingerprinted(message(tAllocate)), 401).finger {
				c.Fatal("no FINGERPRINT in the answer")
			}
		}},
		{name: "auth/FINGERPRINT comes back with success", run: func(c *client) {
			if !c.judged(c.ask(fingerprinted(c.request(tAllocate, relayUDP))), 0).finger {
				c.Fatal("no FINGERPRINT in the answer")
			}
		}},
		{name: "auth/unknown attribute before the login", run: func(c *client) {
			c.challenged(message(tAllocate, tlv{0x7f00, nil}), 401) // the walk through the order of section 9.2.4
		}},
		{name: "auth/unknown attribute after the login", run: func(c *client) {
			r := c.want(420, tAllocate, relayUDP, tlv{0x7ffe, nil}, tlv{0x7ffd, []byte{1}})
			if !bytes.Equal(r.get(aUnknown), []byte{0x7f, 0xfe, 0x7f, 0xfd}) {
				c.Fatalf("UNKNOWN-ATTRIBUTES %x", r.get(aUnknown))
			}
		}},
		{name: "auth/unknown attribute before 437", run: func(c *client) { c.want(420, tRefresh, tlv{0x7ffe, nil}) }},
		{name: "auth/same login, newer credential", run: func(c *client) {
			c.allocate()
			c.account = mint(c.login, 2*time.Hour)
			c.want(0, tRefresh)
		}},
		{name: "auth/name without login id", run: func(c *client) {
			name := fmt.Sprint(time.Now().Add(time.Hour).Unix() + c.s.logins.n.Add(1)) // one of its own
			c.login, c.account = name, account{name, sharedPassword(proberSecret, name), proberRealm}
			c.Cleanup(func() { c.s.EndLogin(name) })
			c.allocate()
		}},
		{name: "auth/after logout", run: func(c *client) {
			c.allocated()
			c.s.EndLogin(c.login)
			c.want(437, tRefresh)
		}},
	}
	for _, typ := range []uint16{tAllocate, tRefresh, tCreatePermission, tChannelBind} {
		list = append(list, check{name: fmt.Sprintf("auth/method %d without credentials", typ), run: func(c *client) {
			c.challenged(message(typ), 401)
		}}, check{name: fmt.Sprintf("auth/method %d with the wrong password", typ), run: func(c *client) {
			c.credentials()
			c.password = "wrong"
			c.challenged(c.request(typ, relayUDP), 401)
		}})
	}
	return append(append(list, nameChecks()...), nonceChecks()...)
}

// nameChecks: names and realms that do not count, all signed with the key that
// belongs to them.
func nameChecks() []check {
	named := func(name string) func(*client) {
		return func(c *client) {
			c.credentials()
			c.account = account{name, sharedPassword(proberSecret, name), proberRealm}
			c.challenged(c.request(tAllocate, relayUDP), 401)
		}
	}
	list := []check{
		{name: "auth/name with its expiry put off", run: func(c *client) {
			c.credentials()
			c.name = "9" + c.name // the password was made for the name without
			c.challenged(c.request(tAllocate, relayUDP), 401)
		}},
		{name: "auth/password of another secret", run: func(c *client) {
			c.credentials()
			c.password = sharedPassword("south", c.name)
			c.challenged(c.request(tAllocate, relayUDP), 401)
		}},
		{name: "auth/another realm", run: func(c *client) {
			c.credentials()
			c.realm = "elsewhere"
			c.challenged(c.request(tAllocate, relayUDP), 401)
		}},
		{name: "auth/realm in capitals", run: func(c *client) {
			c.credentials()
			c.realm = strings.ToUpper(proberRealm)
			c.challenged(c.request(tAllocate, relayUDP), 401)
		}},
		{name: "auth/name of 509 bytes", run: func(c *client) {
			c.credentials()
			good := c.account
			c.name = "1" + strings.Repeat("0", 508)
			b := c.request(tAllocate, relayUDP)
			c.account = good
			c.silence(b)
		}},
		{name: "auth/realm of 400 bytes", run: func(c *client) {
			c.credentials()
			c.realm = strings.Repeat("r", 400)
			b := c.request(tAllocate, relayUDP)
			c.realm = proberRealm
			c.silence(b)
		}},
		{name: "auth/expired", run: func(c *client) {
			c.credentials()
			c.account = mint(c.login, -time.Second)
			c.challenged(c.request(tAllocate, relayUDP), 401)
		}},
		{name: "auth/expired, but the allocation lives", run: func(c *client) {
			c.allocated()
			c.account = mint(c.login, -time.Minute)
			c.want(0, tRefresh)
			c.want(0, tCreatePermission, addr(aPeer, c.peerAddr()))
			c.want(0, tChannelBind, channelAttr(0x4000), addr(aPeer, c.peerAddr()))
		}},
	}
	for what, name := range map[string]string{"without time": "ann", "empty": "", "of a colon": ":", "with a negative time": "-1:ann",
		"with a plus": "+4000000000:ann", "with a huge time": "99999999999999999999:ann", "in hexadecimal": "0xffffffff:ann", "with a space": " 4000000000:ann"} {
		list = append(list, check{name: "auth/name " + what, run: named(name)})
	}
	return list
}

// nonceChecks: a nonce is the server's own, given to this very address, lately.
func nonceChecks() []check {
	stale := func(nonce func(c *client) string) func(*client) {
		return func(c *client) {
			c.credentials()
			good := c.nonce
			c.nonce = nonce(c)
			r := c.challenged(c.request(tAllocate, relayUDP), 438)
			if c.nonce = string(r.get(aNonce)); c.nonce == good[:len(good)-1] {
				c.Fatal("438 without a new nonce")
			}
			c.allocate() // with the nonce that came along
		}
	}
	return []check{
		{name: "nonce/invented", run: stale(func(c *client) string { return strings.Repeat("A", len(c.nonce)) })},
		{name: "nonce/empty", run: stale(func(*client) string { return "" })},
		{name: "nonce/cut", run: stale(func(c *client) string { return c.nonce[:len(c.nonce)-1] })},
		{name: "nonce/with more behind it", run: stale(func(c *client) string { return c.nonce + "A" })},
		{name: "nonce/one bit changed", run: stale(func(c *client) string {
			b := []byte(c.nonce)
			b[3] ^= 1
			return string(b)
		})},
		{name: "nonce/of another address", run: stale(func(c *client) string {
			d := c.another()
			d.credentials()
			return d.nonce
		})},
		{name: "nonce/of 129 characters", run: func(c *client) {
			c.credentials()
			good := c.nonce
			c.nonce = strings.Repeat("9", 129)
			b := c.request(tAllocate, relayUDP)
			c.nonce = good
			c.silence(b)
		}},
		{name: "nonce/good for many requests", run: func(c *client) {
			c.allocate()
			for range 5 {
				c.want(0, tRefresh)
			}
		}},
	}
}

// placementChecks: MESSAGE-INTEGRITY covers what stands before it, and only that
// counts (RFC 8489 section 14.5).
func placementChecks() []check {
	without := func(typ uint16) func(*client) {
		return func(c *client) {
			var attrs []tlv
			for _, a := range c.credentials() {
				if a.typ != typ {
					attrs = append(attrs, a)
				}
			}
			c.refused(sign(message(tAllocate, append(attrs, relayUDP)...), c.key()), 400)
		}
	}
	return []check{
		{name: "integrity/without USERNAME", run: without(aUsername)},
		{name: "integrity/without REALM", run: without(aRealm)},
		{name: "integrity/without NONCE", run: without(aNonce)},
		{name: "integrity/credentials behind it", run: func(c *client) {
			b := message(tAllocate, relayUDP)
			attrs := c.credentials()
			b = sign(b, c.key())
			for _, a := range attrs {
				b = appendTLV(b, a)
			}
			c.refused(b, 400)
		}},
		{name: "integrity/transport behind it", run: func(c *client) {
			c.judged(c.ask(appendTLV(c.request(tAllocate), relayUDP)), 400)
		}},
		{name: "integrity/unknown attribute behind it", run: func(c *client) {
			c.judged(c.ask(appendTLV(c.request(tAllocate, relayUDP), tlv{0x7ffe, nil})), 0)
		}},
		{name: "integrity/lifetime 0 behind it", run: func(c *client) {
			c.allocate()
			c.judged(c.ask(appendTLV(c.request(tRefresh), num(aLifetime, 0))), 0)
			c.want(0, tRefresh) // it lives
		}},
		{name: "integrity/second one behind it", run: func(c *client) {
			c.judged(c.ask(appendTLV(c.request(tAllocate, relayUDP), tlv{aIntegrity, make([]byte, 20)})), 0)
		}},
		{name: "integrity/peer behind it", run: func(c *client) {
			relay := c.allocate()
			c.peer = c.newPeer()
			b := c.request(tCreatePermission, addr(aPeer, publicPeer))
			c.judged(c.ask(appendTLV(b, addr(aPeer, c.peerAddr()))), 0)
			c.peerMisses(relay, message(tSend, addr(aPeer, c.peerAddr()), text(aData, "stolen")))
		}},
		{name: "integrity/one bit changed", run: func(c *client) {
			b := c.request(tAllocate, relayUDP)
			c.challenged(changed(b, len(b)-1, b[len(b)-1]^1), 401)
		}},
		{name: "integrity/one bit of the message changed", run: func(c *client) {
			b := c.request(tAllocate, relayUDP, num(aLifetime, 700))
			c.challenged(changed(b, 8, b[8]^1), 401)
		}},
		{name: "integrity/first of two names counts", run: func(c *client) {
			b := c.unsigned(tAllocate, relayUDP)
			c.judged(c.ask(sign(appendTLV(b, text(aUsername, "someone else")), c.key())), 0)
		}},
	}
}
