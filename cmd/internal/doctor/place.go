package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"
)

// address asks the relay for a relayed address and judges what it announces.
func (m *machine) address(ctx context.Context) Result {
	switch {
	case !m.running:
		return down()
	case m.Secret == "":
		return untried("relay.secrets_file could not be read; run this as root or as Parley's user")
	}
	w, err := m.wayTo("udp", m.Relay)
	if err != nil {
		return untried("%v", err)
	}
	a, err := w.allocate(ctx)
	if err != nil {
		return untried("no relayed address: %v", err)
	}
	m.relayed = a.address().Addr()
	a.close()
	return judgeAddress(m.relayed)
}

func judgeAddress(a netip.Addr) Result {
	const hint = "set relay.external_ip to the address at which others reach this server"
	switch class(a) {
	case "loopback":
		return warn("on a server set relay.listen = \":3478\"", "%s: this machine alone can use the relay", a)
	case "private":
		return warn("good for a LAN; for the internet "+hint, "%s is private: only its own network can use the relay", a)
	case "documentation":
		return warn(hint, "%s is an address from examples, which nobody can have", a)
	}
	return ok("the relay announces %s, a public address", a)
}

// class is loopback, private, documentation (RFC 5737) or public.
func class(a netip.Addr) string {
	in := func(prefixes ...string) bool {
		return slices.ContainsFunc(prefixes, func(p string) bool { return netip.MustParsePrefix(p).Contains(a) })
	}
	switch {
	case a.IsLoopback():
		return "loopback"
	case a.IsPrivate() || a.IsLinkLocalUnicast() || in("100.64.0.0/10"):
		return "private"
	case in("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"):
		return "documentation"
	}
	return "public"
}

// dns compares what the public name leads to with what this machine is.
func (m *machine) dns(ctx context.Context) Result {
	if m.PublicURL == nil {
		return warn("on a server set http.public_url to what people type", "no http.public_url: links and the relay go by the address of each request")
	}
	host := m.PublicURL.Hostname()
	addrs, err := lookup(ctx, host)
	if err != nil {
		return fail("make an A record for the name that holds this server's address", "%s: %s", host, dnsError(err))
	}
	own := append(ownAddresses(), m.relayed)
	strange := slices.DeleteFunc(slices.Clone(addrs), func(a netip.Addr) bool { return slices.Contains(own, a) })
	switch {
	case len(strange) == 0:
		return ok("%s is %s", host, join(addrs))
	case m.RelayURLs:
		return warn("good with a proxy in front, since relay.urls say where the relay is", "%s is %s, no address of this machine", host, join(strange))
	case !m.relayed.IsValid():
		return warn("start Parley, which knows the address that it announces", "%s is %s, and no interface of this machine has that", host, join(strange))
	case class(strange[0]) == "loopback":
		return warn("this machine's /etc/hosts says so; look from outside with `parley doctor "+m.PublicURL.String()+"`", "%s is %s here", host, join(strange))
	case len(strange) < len(addrs):
		return fail("remove that record, or give this machine the address", "%s is %s too, and that is not this machine", host, join(strange))
	}
	return fail(fmt.Sprintf("change the record to %s; or, if that is not the server's address, correct relay.external_ip. With a proxy on another host write relay.urls", m.relayed),
		"%s is %s, and this server announces %s", host, join(strange), m.relayed)
}

func ownAddresses() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range list {
		if n, ok := a.(*net.IPNet); ok {
			if x, ok := netip.AddrFromSlice(n.IP); ok {
				out = append(out, x.Unmap())
			}
		}
	}
	return out
}

// clock asks the kernel whether a time service keeps its clock, and the address
// that people type for its time.
func (m *machine) clock(ctx context.Context) Result {
	if m.PublicURL != nil {
		ctx, cancel := context.WithTimeout(ctx, dialTime)
		defer cancel()
		before := time.Now()
		if resp, err := m.get(ctx, m.PublicURL.String()+"/healthz", ""); err == nil {
			resp.Body.Close()
			if r := judgeClock(resp.Header.Get(http.CanonicalHeaderKey("date")), before, time.Now()); r.Status == Fail {
				return r
			}
		}
	}
	switch synced, known := clockSynced(); {
	case !known:
		return untried("this system does not tell whether a time service keeps its clock")
	case !synced:
		return warn("`timedatectl set-ntp true`, or install chrony; without a right clock credentials and certificates end at the wrong time", "no time service keeps this machine's clock")
	}
	return ok("a time service keeps it")
}

func (m *machine) certificate(ctx context.Context) Result {
	switch {
	case !m.running:
		return down()
	case m.TLS:
		return m.judgeOwn(ctx, m.Web)
	case m.PublicURL == nil || m.PublicURL.Scheme != "https":
		return ok("tls.mode is \"off\"")
	}
	// A proxy in front ends TLS; from here it may be out of reach.
	port := m.PublicURL.Port()
	if port == "" {
		port = "443"
	}
	r := m.judgeOwn(ctx, net.JoinHostPort(m.PublicURL.Hostname(), port))
	if r.Status == Fail && r.Text == unseen {
		return untried("the proxy in front is not reached from here")
	}
	return r
}

const unseen = "no TLS handshake"

func (m *machine) judgeOwn(ctx context.Context, addr string) Result {
	chain, err := certificateOf(ctx, addr, m.name())
	if err != nil {
		m.mute = m.TLS
		return fail(handshakeHint(err)+fmt.Sprintf(" (%v)", err), unseen)
	}
	return judgeChain(chain, m.name())
}
