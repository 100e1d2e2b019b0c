package relay

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func newPolicy(r Reloadable, live ...string) *policy {
	p := &policy{
		live:      func(a netip.AddrPort) bool { return slices.Contains(live, a.String()) },
		announced: []netip.Addr{netip.MustParseAddr("198.51.100.10")},
		interfaces: func() (map[netip.Addr]struct{}, error) {
			return map[netip.Addr]struct{}{netip.MustParseAddr("10.1.1.1"): {}, netip.MustParseAddr("2606:4700::10"): {}}, nil
		},
	}
	p.set(r)
	if err := p.look(); err != nil {
		panic(err)
	}
	return p
}

// TestPolicyKeepsWhatItKnows: neither a look at the interfaces that fails nor
// one during which the configuration changes opens anything.
func TestPolicyKeepsWhatItKnows(t *testing.T) {
	p := newPolicy(Reloadable{})
	own, other := netip.MustParseAddrPort("[2606:4700::10]:5000"), netip.MustParseAddrPort("8.8.8.8:5000")
	p.interfaces = func() (map[netip.Addr]struct{}, error) { return nil, syscall.EMFILE }
	if err := p.look(); err == nil || p.judge(own, true) != ruleOwn {
		t.Errorf("%v; own address: %v", err, p.judge(own, true))
	}
	p.interfaces = func() (map[netip.Addr]struct{}, error) {
		p.set(Reloadable{Denied: prefixes("8.8.8.0/24")})
		return nil, nil
	}
	if err := p.look(); err != nil || p.judge(other, true) != ruleDenied {
		t.Errorf("%v; an address denied meanwhile: %v", err, p.judge(other, true))
	}
}

// neighbours returns the addresses just inside and just outside a prefix.
func neighbours(p netip.Prefix) (inside, outside []netip.Addr) {
	first := p.Masked().Addr()
	b := first.AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	inside = []netip.Addr{first, last}
	for _, a := range []netip.Addr{first.Prev(), last.Next()} {
		if a.IsValid() {
			outside = append(outside, a)
		}
	}
	return inside, outside
}

func TestPolicyEdges(t *testing.T) {
	p := newPolicy(Reloadable{})
	list := parsePrefixes(builtinDenied)
	if len(list) != len(strings.Fields(builtinDenied)) || len(list) != 28 {
		t.Fatalf("%d prefixes", len(list))
	}
	for _, prefix := range list {
		inside, outside := neighbours(prefix)
		for _, a := range inside {
			if r := p.judge(netip.AddrPortFrom(a, 5000), true); r == pass {
				t.Errorf("%v of %v passes", a, prefix)
			}
			if a.Is4() {
				for _, hidden := range disguises(a) {
					if r := p.judge(netip.AddrPortFrom(hidden, 5000), true); r == pass {
						t.Errorf("%v, which is %v, passes", hidden, a)
					}
				}
			}
		}
		for _, a := range outside {
			if contains(list, a) { // the next prefix begins here
				continue
			}
			if r := p.judge(netip.AddrPortFrom(a, 5000), true); r != pass {
				t.Errorf("%v beside %v: %v", a, prefix, r)
			}
		}
	}
}

// disguises are the IPv6 forms that lead to an IPv4 address.
func disguises(a netip.Addr) []netip.Addr {
	v4 := a.As4()
	n := binary.BigEndian.Uint32(v4[:])
	forms := []string{"::ffff:0:0", "::", "64:ff9b::"}
	var list []netip.Addr
	for _, f := range forms {
		b := netip.MustParseAddr(f).As16()
		binary.BigEndian.PutUint32(b[12:], n)
		list = append(list, netip.AddrFrom16(b))
	}
	six := netip.MustParseAddr("2002::1").As16()
	binary.BigEndian.PutUint32(six[2:], n)
	teredo := netip.MustParseAddr("2001:0:808:808::").As16()
	binary.BigEndian.PutUint32(teredo[12:], ^n)
	return append(list, netip.AddrFrom16(six), netip.AddrFrom16(teredo))
}

func TestPolicy(t *testing.T) {
	open := prefixes("10.0.0.0/8 192.168.0.0/16 127.0.0.0/8 0.0.0.0/8 64:ff9b::/96 198.51.100.0/24")
	for _, c := range []struct {
		name     string
		rules    Reloadable
		peer     string
		withPort bool
		want     rule
	}{
		{"public", Reloadable{}, "8.8.8.8:5000", true, pass},
		{"public IPv6", Reloadable{}, "[2606:4700::1]:5000", true, pass},
		{"operator denies", Reloadable{Denied: prefixes("8.8.8.0/24")}, "8.8.8.8:5000", true, ruleDenied},
		{"operator denies a mapped form", Reloadable{Denied: prefixes("::ffff:8.8.8.0/120")}, "8.8.8.8:5000", true, ruleDenied},
		{"denied before allowed", Reloadable{Denied: prefixes("10.0.0.0/8"), Allowed: open}, "10.2.2.2:5000", true, ruleDenied},
		{"opened", Reloadable{Allowed: open}, "10.2.2.2:5000", true, pass},
		{"opened, mapped", Reloadable{Allowed: open}, "[::ffff:10.2.2.2]:5000", true, pass},
		{"not opened", Reloadable{Allowed: open}, "172.16.0.1:5000", true, ruleBuiltin},
		{"NAT64 opened, inside denied", Reloadable{Allowed: open}, "[64:ff9b::172.16.0.1]:5000", true, ruleBuiltin},
		{"NAT64 opened, inside public", Reloadable{Allowed: open}, "[64:ff9b::8.8.8.8]:5000", true, pass},
		{"NAT64 opened, inside own", Reloadable{Allowed: open}, "[64:ff9b::127.0.0.1]:5000", true, ruleOwn},
		{"own interface", Reloadable{Allowed: open}, "10.1.1.1:5000", true, ruleOwn},
		{"own IPv6 interface", Reloadable{}, "[2606:4700::10]:5000", true, ruleOwn},
		{"own loopback", Reloadable{Allowed: open}, "127.0.0.1:5000", true, ruleOwn},
		{"own unspecified", Reloadable{Allowed: open}, "0.0.0.0:5000", true, ruleOwn},
		{"own unspecified, own allowed", Reloadable{Allowed: open, AllowOwn: true}, "0.0.0.0:5000", true, ruleOwn},
		{"announced, dead port", Reloadable{Allowed: open}, "198.51.100.10:5000", true, ruleOwn},
		{"announced, live port", Reloadable{}, "198.51.100.10:50001", true, pass},
		{"announced, live port, address only", Reloadable{}, "198.51.100.10:50001", false, pass},
		{"announced, dead port, address only", Reloadable{}, "198.51.100.10:22", false, ruleOwn},
		{"announced, no port given", Reloadable{}, "198.51.100.10:0", false, pass},
		{"announced, no port at data", Reloadable{}, "198.51.100.10:0", true, ruleOwn},
		{"announced, live port, network denied", Reloadable{Denied: prefixes("0.0.0.0/0")}, "198.51.100.10:50001", true, pass},
		{"own allowed", Reloadable{AllowOwn: true}, "127.0.0.1:22", true, pass},
		{"own allowed, LAN still denied", Reloadable{AllowOwn: true}, "10.2.2.2:5000", true, ruleBuiltin},
		{"low port", Reloadable{}, "8.8.8.8:53", true, ruleLowPort},
		{"443", Reloadable{}, "8.8.8.8:443", true, pass},
		{"low port, address only", Reloadable{}, "8.8.8.8:53", false, pass},
		{"1024", Reloadable{}, "8.8.8.8:1024", true, pass},
	} {
		p := newPolicy(c.rules, "198.51.100.10:50001")
		if got := p.judge(netip.MustParseAddrPort(c.peer), c.withPort); got != c.want {
			t.Errorf("%s: %v is %v, want %v", c.name, c.peer, got, c.want)
		}
	}
}

func prefixes(text string) []netip.Prefix { return parsePrefixes(text) }
