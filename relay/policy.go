package relay

import (
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
)

// rule names why a peer was refused; 0 lets it pass.
type rule int

const (
	pass        rule = iota
	ruleBuiltin      // the built-in deny list
	ruleDenied       // relay.denied_peers
	ruleOwn          // one of the server's own addresses, not at a live relay port
	ruleLowPort      // a port below 1024
	ruleFamily       // an IPv6 peer of an IPv4 relay
	ruleCount
)

func (r rule) String() string {
	return [...]string{"pass", "builtin", "denied_peers", "own_address", "low_port", "family"}[r]
}

// hint tells an operator how to allow what a rule refused.
func (r rule) hint() string {
	return [...]string{"",
		"add the network to relay.allowed_peers if these peers are meant to be reached",
		"relay.denied_peers lists this network",
		"set relay.allow_own_addresses for tests on one machine",
		"peers below port 1024 other than 443 are never reached",
		"relayed addresses are IPv4",
	}[r]
}

// builtinDenied is never reached unless relay.allowed_peers opens a part: what
// IANA calls special purpose, and IPv6 networks that hide an IPv4 address.
const builtinDenied = "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 " +
	"192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 " +
	"224.0.0.0/4 240.0.0.0/4 " +
	"::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 " +
	"5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8"

// policy judges peers. All methods may be called from any goroutine.
type policy struct {
	// set at construction
	live       func(netip.AddrPort) bool // whether an address is that of a live relay
	announced  []netip.Addr
	interfaces func() (map[netip.Addr]struct{}, error)

	mu     sync.Mutex // guards what the rules are made of
	config Reloadable
	own    map[netip.Addr]struct{} // interface addresses

	rules atomic.Pointer[rules] // replaced as a whole
}

type rules struct {
	builtin, denied, allowed []netip.Prefix
	allowOwn                 bool
	announced                map[netip.Addr]struct{}
	own                      map[netip.Addr]struct{} // interface addresses
}

// set puts a configuration into force.
func (p *policy) set(r Reloadable) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.config = r
	p.makeLocked()
}

// look takes notice of changed interface addresses. When they cannot be listed,
// as when descriptors have run out, those of before count: an attacker who
// causes that must not open the server's own ports.
func (p *policy) look() error {
	own, err := p.interfaces()
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.own = own
	p.makeLocked()
	return nil
}

func (p *policy) makeLocked() {
	r := p.config
	n := &rules{builtin: parsePrefixes(builtinDenied), denied: unmapPrefixes(r.Denied), allowed: unmapPrefixes(r.Allowed),
		allowOwn: r.AllowOwn, announced: make(map[netip.Addr]struct{}), own: p.own}
	for _, a := range p.announced {
		n.announced[a] = struct{}{}
	}
	p.rules.Store(n)
}

// judge tells whether a peer may be reached. Without withPort the address alone
// counts (CreatePermission, RFC 8656 section 10), except that a port which is
// given with an own address must be a live relay's.
func (p *policy) judge(peer netip.AddrPort, withPort bool) rule {
	return p.judgeWith(p.live, peer, withPort)
}

// judgeOutside tells whether datagrams may go to a peer and come from it that is
// no live relay. It takes no lock.
func (p *policy) judgeOutside(peer netip.AddrPort) rule {
	return p.judgeWith(func(netip.AddrPort) bool { return false }, peer, true)
}

func (p *policy) judgeWith(live func(netip.AddrPort) bool, peer netip.AddrPort, withPort bool) rule {
	r := p.rules.Load()
	a := canonical(peer.Addr())
	for _, x := range [...]netip.Addr{a, embedded(a)} {
		if !x.IsValid() {
			continue
		}
		if r.isOwn(x) {
			return p.judgeOwn(r, live, netip.AddrPortFrom(x, peer.Port()), withPort)
		}
		if bad := r.judgeAddress(x); bad != pass {
			return bad
		}
	}
	if withPort && peer.Port() < 1024 && peer.Port() != 443 {
		return ruleLowPort
	}
	return pass
}

func (p *policy) judgeOwn(r *rules, live func(netip.AddrPort) bool, peer netip.AddrPort, withPort bool) rule {
	if r.allowOwn && !peer.Addr().IsUnspecified() {
		return pass
	}
	if _, ok := r.announced[peer.Addr()]; !ok {
		return ruleOwn
	}
	if peer.Port() == 0 && !withPort || live(peer) {
		return pass
	}
	return ruleOwn
}

// isOwn takes the unspecified address as own: Linux sends to it by loopback.
func (r *rules) isOwn(a netip.Addr) bool {
	_, announced := r.announced[a]
	_, own := r.own[a]
	return announced || own || a.IsLoopback() || a.IsUnspecified()
}

func (r *rules) judgeAddress(a netip.Addr) rule {
	switch {
	case contains(r.denied, a):
		return ruleDenied
	case contains(r.builtin, a) && !contains(r.allowed, a):
		return ruleBuiltin
	}
	return pass
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// canonical removes what lets one address be written in two ways.
func canonical(a netip.Addr) netip.Addr { return a.WithZone("").Unmap() }

// embedded returns the IPv4 address that an IPv6 address leads to by NAT64,
// 6to4, Teredo or as IPv4-compatible; else the invalid address.
func embedded(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return netip.Addr{}
	}
	b := a.As16()
	switch {
	case a.IsUnspecified() || a.IsLoopback():
		return netip.Addr{}
	case [12]byte(b[:12]) == [12]byte{} || [12]byte(b[:12]) == [12]byte{1: 0x64, 2: 0xff, 3: 0x9b}:
		return netip.AddrFrom4([4]byte(b[12:]))
	case b[0] == 0x20 && b[1] == 0x02:
		return netip.AddrFrom4([4]byte(b[2:6]))
	case [4]byte(b[:4]) == [4]byte{0x20, 0x01}:
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})
	}
	return netip.Addr{}
}

func parsePrefixes(text string) []netip.Prefix {
	var list []netip.Prefix
	for _, f := range strings.Fields(text) {
		if p, err := netip.ParsePrefix(f); err == nil {
			list = append(list, p)
		}
	}
	return list
}

func unmapPrefixes(list []netip.Prefix) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(list))
	for _, p := range list {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		out = append(out, p.Masked())
	}
	return out
}

// interfaceAddresses returns the addresses of this machine.
func interfaceAddresses() (map[netip.Addr]struct{}, error) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	own := make(map[netip.Addr]struct{})
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			own[addrOf(n.IP)] = struct{}{}
		}
	}
	return own, nil
}
