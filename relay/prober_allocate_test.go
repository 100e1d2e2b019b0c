package relay_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// granted checks the LIFETIME of an answer, in seconds.
func (c *client) granted(r *reply, want uint32) {
	c.Helper()
	if v := r.get(aLifetime); len(v) != 4 || binary.BigEndian.Uint32(v) != want {
		c.Fatalf("LIFETIME %x, want %d", v, want)
	}
}

func allocateChecks() []check {
	list := []check{
		{name: "allocate/addresses and lifetime", run: func(c *client) {
			r := c.want(0, tAllocate, relayUDP)
			relay := r.address(aRelayed)
			if r.address(aMapped) != c.local() || relay.Addr() != netip.MustParseAddr("127.0.0.1") || relay.Port() < 20000 || relay.Port() > 29999 {
				c.Fatalf("mapped %v, relayed %v", r.address(aMapped), relay)
			}
			if c.granted(r, 600); len(r.attrs) != 3 {
				c.Fatalf("attributes to spare: %x", r.raw)
			}
		}},
		{name: "allocate/no REQUESTED-TRANSPORT", run: func(c *client) { c.want(400, tAllocate) }},
		{name: "allocate/short REQUESTED-TRANSPORT", run: func(c *client) { c.want(400, tAllocate, tlv{aTransport, []byte{17}}) }},
		{name: "allocate/long REQUESTED-TRANSPORT", run: func(c *client) { c.want(400, tAllocate, tlv{aTransport, make([]byte, 8)}) }},
		{name: "allocate/TCP relay", run: func(c *client) { c.want(442, tAllocate, num(aTransport, 6<<24)) }},
		{name: "allocate/protocol 0", run: func(c *client) { c.want(442, tAllocate, num(aTransport, 0)) }},
		{name: "allocate/protocol 132", run: func(c *client) { c.want(442, tAllocate, num(aTransport, 132<<24)) }},
		{name: "allocate/DONT-FRAGMENT", run: func(c *client) {
			if r := c.want(420, tAllocate, relayUDP, tlv{aDontFrag, nil}); !bytes.Equal(r.get(aUnknown), []byte{0, aDontFrag}) {
				c.Fatalf("UNKNOWN-ATTRIBUTES %x", r.get(aUnknown))
			}
		}},
		{name: "allocate/short LIFETIME", run: func(c *client) { c.want(400, tAllocate, relayUDP, tlv{aLifetime, []byte{1, 2}}) }},
		{name: "allocate/IPv4 asked", run: func(c *client) { c.allocate(num(aFamily, 1<<24)) }},
		{name: "allocate/IPv6 asked", run: func(c *client) { c.want(440, tAllocate, relayUDP, num(aFamily, 2<<24)) }},
		{name: "allocate/family 3", run: func(c *client) { c.want(440, tAllocate, relayUDP, num(aFamily, 3<<24)) }},
		{name: "allocate/short family", run: func(c *client) { c.want(400, tAllocate, relayUDP, tlv{aFamily, []byte{1}}) }},
		{name: "allocate/IPv6 besides", run: func(c *client) {
			r := c.want(0, tAllocate, relayUDP, num(aMoreFamily, 2<<24))
			if v := r.get(aAddrError); !bytes.Equal(v, []byte{2, 0, 4, 40}) {
				c.Fatalf("ADDRESS-ERROR-CODE %x", v)
			}
		}},
		{name: "allocate/IPv4 besides", run: func(c *client) { c.want(400, tAllocate, relayUDP, num(aMoreFamily, 1<<24)) }},
		{name: "allocate/both family attributes", run: func(c *client) {
			c.want(400, tAllocate, relayUDP, num(aFamily, 1<<24), num(aMoreFamily, 2<<24))
		}},
		{name: "allocate/again", run: func(c *client) { c.allocate(); c.want(437, tAllocate, relayUDP) }},
		{name: "allocate/again by another user", run: func(c *client) {
			c.allocate()
			c.account = mint(c.s.logins.next(), time.Hour)
			c.want(437, tAllocate, relayUDP)
		}},
		{name: "allocate/retransmission", run: func(c *client) {
			b := c.request(tAllocate, relayUDP)
			if x, y := c.judged(c.ask(b), 0), c.judged(c.ask(b), 0); !bytes.Equal(x.raw, y.raw) {
				c.Fatalf("%x, then %x", x.raw, y.raw)
			}
		}},
		{name: "allocate/retransmission after the end is a new one", run: func(c *client) {
			b := c.request(tAllocate, relayUDP)
			c.judged(c.ask(b), 0)
			c.want(0, tRefresh, num(aLifetime, 0))
			c.judged(c.ask(b), 0)
		}},
		{name: "allocate/a thousand optional bytes", run: func(c *client) {
			c.allocate(tlv{aSoftware, make([]byte, 500)}, tlv{0xff01, make([]byte, 500)})
		}},
	}
	for asked, granted := range map[uint32]uint32{0: 600, 1: 600, 599: 600, 600: 600, 601: 601, 3599: 3599, 3600: 3600, 3601: 3600, 100000: 3600, 1<<32 - 1: 3600} {
		list = append(list, check{name: fmt.Sprintf("allocate/lifetime %d", asked), run: func(c *client) {
			c.granted(c.want(0, tAllocate, relayUDP, num(aLifetime, asked)), granted)
		}})
	}
	return list
}

// portChecks: EVEN-PORT and RESERVATION-TOKEN (RFC 8656 sections 7.2, 18.6, 18.10).
func portChecks() []check {
	reserve := func(c *client) (tlv, uint16) {
		r := c.want(0, tAllocate, relayUDP, tlv{aEvenPort, []byte{0x80}})
		if port := r.address(aRelayed).Port(); port%2 == 0 && len(r.get(aToken)) == 8 {
			return tlv{aToken, r.get(aToken)}, port
		}
		c.Fatalf("token %x, relayed %v", r.get(aToken), r.address(aRelayed))
		return tlv{}, 0
	}
	unknown := text(aToken, "whatever")
	return []check{
		{name: "ports/even", run: func(c *client) {
			for range 6 {
				r := c.want(0, tAllocate, relayUDP, tlv{aEvenPort, []byte{0}})
				if r.has(aToken) || r.address(aRelayed).Port()%2 != 0 {
					c.Fatalf("token %x, relayed %v", r.get(aToken), r.address(aRelayed))
				}
				c.want(0, tRefresh, num(aLifetime, 0))
			}
		}},
		{name: "ports/reserve and claim", run: func(c *client) {
			token, port := reserve(c)
			d, late := c.another(), c.another()
			d.account, late.account = c.account, c.account
			if got := d.allocate(token).Port(); got != port+1 {
				c.Fatalf("port %d after %d", got, port)
			}
			late.want(508, tAllocate, relayUDP, token)
		}},
		{name: "ports/token of another user", run: func(c *client) {
			token, _ := reserve(c)
			c.another().want(508, tAllocate, relayUDP, token)
		}},
		{name: "ports/unknown token", run: func(c *client) { c.want(508, tAllocate, relayUDP, unknown) }},
		{name: "ports/short token", run: func(c *client) { c.want(400, tAllocate, relayUDP, text(aToken, "short")) }},
		{name: "ports/token and even port", run: func(c *client) { c.want(400, tAllocate, relayUDP, unknown, tlv{aEvenPort, []byte{0}}) }},
		{name: "ports/token and family", run: func(c *client) { c.want(400, tAllocate, relayUDP, unknown, num(aFamily, 1<<24)) }},
		{name: "ports/token and more families", run: func(c *client) { c.want(400, tAllocate, relayUDP, unknown, num(aMoreFamily, 2<<24)) }},
		{name: "ports/reserve and more families", run: func(c *client) {
			c.want(400, tAllocate, relayUDP, tlv{aEvenPort, []byte{0x80}}, num(aMoreFamily, 2<<24))
		}},
		{name: "ports/long EVEN-PORT", run: func(c *client) { c.want(400, tAllocate, relayUDP, tlv{aEvenPort, []byte{0, 0}}) }},
		{name: "ports/empty EVEN-PORT", run: func(c *client) { c.want(400, tAllocate, relayUDP, tlv{aEvenPort, nil}) }},
	}
}

func refreshChecks() []check {
	list := []check{
		{name: "refresh/no allocation", run: func(c *client) { c.want(437, tRefresh) }},
		{name: "refresh/no allocation, lifetime 0", run: func(c *client) { c.want(437, tRefresh, num(aLifetime, 0)) }},
		{name: "refresh/0 twice", run: func(c *client) {
			c.allocate()
			c.granted(c.want(0, tRefresh, num(aLifetime, 0)), 0)
			c.want(437, tRefresh, num(aLifetime, 0))
		}},
		{name: "refresh/0, then a new allocation", run: func(c *client) {
			c.allocate()
			c.want(0, tRefresh, num(aLifetime, 0))
			c.allocate()
		}},
		{name: "refresh/0 ends permissions and channels", run: func(c *client) {
			c.allocated()
			c.want(0, tChannelBind, channelAttr(0x4000), addr(aPeer, c.peerAddr()))
			c.want(0, tRefresh, num(aLifetime, 0))
			relay := c.allocate()
			c.peerMisses(relay, c.channelData(0x4000, "late"))
		}},
		{name: "refresh/by another user", run: func(c *client) {
			c.allocate()
			owner := c.account
			c.account = mint(c.s.logins.next(), time.Hour)
			c.want(441, tRefresh, num(aLifetime, 0))
			c.account = owner
			c.want(0, tRefresh)
		}},
		{name: "refresh/short LIFETIME", run: func(c *client) { c.allocate(); c.want(400, tRefresh, tlv{aLifetime, []byte{1}}) }},
		{name: "refresh/IPv4", run: func(c *client) { c.allocate(); c.want(0, tRefresh, num(aFamily, 1<<24)) }},
		{name: "refresh/IPv6", run: func(c *client) { c.allocate(); c.want(443, tRefresh, num(aFamily, 2<<24)) }},
		{name: "refresh/short family", run: func(c *client) { c.allocate(); c.want(400, tRefresh, tlv{aFamily, []byte{1}}) }},
		{name: "refresh/default", run: func(c *client) { c.allocate(); c.granted(c.want(0, tRefresh), 600) }},
	}
	for asked, granted := range map[uint32]uint32{1: 600, 599: 600, 600: 600, 3600: 3600, 100000: 3600} {
		list = append(list, check{name: fmt.Sprintf("refresh/lifetime %d", asked), run: func(c *client) {
			c.allocate()
			c.granted(c.want(0, tRefresh, num(aLifetime, asked)), granted)
		}})
	}
	return list
}
