package relay

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// A slow model of the policy: addresses are strings of 128 bits, IPv4 ones in
// the mapped form, prefixes are beginnings of such strings, and every rule is a
// line of a table. It shares no code with the policy.

// bits writes an address in binary.
func bits(a netip.Addr) string {
	var b strings.Builder
	for _, x := range a.As16() {
		fmt.Fprintf(&b, "%08b", x)
	}
	return b.String()
}

const mappedBits = 96

// beginning is what the addresses of a network have in common.
func beginning(text string) string {
	p := netip.MustParsePrefix(text)
	n := p.Bits()
	if p.Addr().Is4() {
		n += mappedBits
	}
	return bits(p.Addr())[:n]
}

func within(address string, networks string) bool {
	for _, n := range strings.Fields(networks) {
		if strings.HasPrefix(address, beginning(n)) {
			return true
		}
	}
	return false
}

// hidden returns the IPv4 address that an IPv6 one leads to, in the mapped form.
func hidden(address string) (string, bool) {
	v4 := bits(netip.IPv4Unspecified())[:mappedBits]
	invert := strings.NewReplacer("0", "1", "1", "0")
	switch {
	case within(address, "0.0.0.0/0"), address == bits(netip.IPv6Unspecified()), address == bits(netip.IPv6Loopback()):
		return "", false
	case within(address, "::/96 64:ff9b::/96"):
		return v4 + address[96:], true
	case within(address, "2002::/16"):
		return v4 + address[16:48], true
	case within(address, "2001::/32"):
		return v4 + invert.Replace(address[96:]), true
	}
	return "", false
}

// table is what the model is told of the server.
type table struct {
	denied, allowed      string
	own, announced       string
	live                 netip.AddrPort
	allowOwn             bool
	specialV4, specialV6 string
}

func newTable(denied, allowed string, allowOwn bool) table {
	return table{denied: denied, allowed: allowed, allowOwn: allowOwn,
		own: "10.1.1.1/32 2606:4700::10/128 127.0.0.0/8 ::1/128 0.0.0.0/32 ::/128", announced: "198.51.100.10/32",
		live: netip.MustParseAddrPort("198.51.100.10:50001"),
		// RFC 6890 and its registry, written by hand from there.
		specialV4: `0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
			192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3`,
		specialV6: `::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16
			fc00::/7 fe80::/9 ff00::/8`,
	}
}

// passes is the verdict of the model.
func (m table) passes(peer netip.AddrPort, withPort bool) bool {
	address := bits(peer.Addr())
	forms := []string{address}
	if inside, ok := hidden(address); ok {
		forms = append(forms, inside)
	}
	for _, a := range forms {
		if within(a, m.own) || within(a, m.announced) {
			return m.ownPasses(a, peer.Port(), withPort)
		}
		special := within(a, m.specialV4) || within(a, m.specialV6) && !within(a, "0.0.0.0/0")
		if within(a, m.denied) || special && !within(a, m.allowed) {
			return false
		}
	}
	return !withPort || peer.Port() >= 1024 || peer.Port() == 443
}

func (m table) ownPasses(address string, port uint16, withPort bool) bool {
	if m.allowOwn && !within(address, "0.0.0.0/32 ::/128") {
		return true
	}
	return within(address, m.announced) && (port == m.live.Port() || port == 0 && !withPort)
}

// FuzzPeerPolicy compares the policy with the model, for every way to write an
// IPv4 address and under every kind of configuration.
func FuzzPeerPolicy(f *testing.F) {
	for _, a := range []string{"127.0.0.1", "10.1.1.1", "198.51.100.10", "8.8.8.8", "0.0.0.0", "::", "::1", "fe80::1", "fec0::1",
		"2606:4700::10", "64:ff9b::a01:101", "64:ff9b:1::1", "2002:c633:640a::", "2001:0:1::39cc:9bf5", "::ffff:10.1.1.1"} {
		f.Add(netip.MustParseAddr(a).AsSlice(), uint16(50001), uint8(0))
		f.Add(netip.MustParseAddr(a).AsSlice(), uint16(0), uint8(7))
	}
	const lan, all = "10.0.0.0/8 64:ff9b::/96 198.51.100.0/24 127.0.0.0/8", "0.0.0.0/0 ::/0"
	f.Fuzz(func(t *testing.T, raw []byte, port uint16, config uint8) {
		a, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		denied, allowed := []string{"", "8.8.0.0/16 2606:4700::/32"}[config&1], []string{"", lan, all, "10.0.0.0/8"}[config>>1&3]
		allowOwn, withPort := config&8 != 0, config&16 == 0
		p := newPolicy(Reloadable{Denied: prefixes(denied), Allowed: prefixes(allowed), AllowOwn: allowOwn}, "198.51.100.10:50001")
		m := newTable(denied, allowed, allowOwn)
		forms := []netip.Addr{a}
		if a.Is4() {
			forms = append(forms, disguises(a)...)
		}
		for _, x := range forms {
			peer := netip.AddrPortFrom(x, port)
			if got := p.judge(peer, withPort); (got == pass) != m.passes(peer, withPort) {
				t.Errorf("%v (port counts: %v): %v, the model lets it pass: %v", peer, withPort, got, got != pass)
			}
		}
	})
}
