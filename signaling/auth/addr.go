package auth

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ClientAddr is the address the request came from. Only a trusted proxy may name
// another in X-Forwarded-For: the list is walked from its right end, where the
// nearest proxy wrote, to the first address that is no trusted proxy. The zero
// Addr means that the transport has no addresses.
func (s *Service) ClientAddr(r *http.Request) netip.Addr {
	client, ok := parseHop(r.RemoteAddr)
	if !ok || !s.trusted(client) {
		return client
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr, ok := parseHop(strings.TrimSpace(hop))
		if !ok {
			return client
		}
		if client = addr; !s.trusted(client) {
			return client
		}
	}
	return client
}

func (s *Service) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(s.opts.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// parseHop reads an address with or without a port and brackets.
func parseHop(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return a.Unmap().WithZone(""), err == nil
}
