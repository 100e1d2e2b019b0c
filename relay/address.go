package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"
)

// AddressOptions say how External finds the addresses to announce.
type AddressOptions struct {
	Log          *slog.Logger // nil discards
	External     []string     // relay.external_ip: addresses, or "auto" alone; empty means auto
	Listen       netip.Addr   // where relay.listen is bound; invalid or unspecified means every address
	Discover     []string     // STUN servers as host:port, asked in this order
	AllowPrivate bool         // relay.allow_private_external
	// Interfaces lists the addresses of this machine; nil asks the system.
	Interfaces func() ([]netip.Addr, error)
}

// discoverWait is how long one STUN server is waited for, discoverAgain after
// how much silence it is asked once more.
const (
	discoverWait  = 3 * time.Second
	discoverAgain = 500 * time.Millisecond
)

// External resolves relay.external_ip into the relay addresses to announce. The
// error says what to write there, without the key's name in front. It asks STUN servers only
// when they are configured and nothing nearer gives the answer.
func External(ctx context.Context, o AddressOptions) ([]netip.Addr, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Interfaces == nil {
		o.Interfaces = systemAddresses
	}
	if len(o.External) == 0 || len(o.External) == 1 && o.External[0] == "auto" {
		a, err := o.auto(ctx)
		if err != nil {
			return nil, err
		}
		return []netip.Addr{a}, nil
	}
	return o.written()
}

// written checks addresses that stand in the configuration.
func (o *AddressOptions) written() ([]netip.Addr, error) {
	var list []netip.Addr
	var problems []error
	v4 := false
	for _, text := range o.External {
		a, err := netip.ParseAddr(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("%q is not an address; write one, or \"auto\" alone", text))
			continue
		}
		a = a.WithZone("").Unmap()
		if err := o.usable(a); err != nil {
			problems = append(problems, err)
			continue
		}
		v4 = v4 || a.Is4()
		list = append(list, a)
	}
	if len(problems) == 0 && !v4 {
		problems = append(problems, errors.New("relayed addresses are IPv4; add an IPv4 address"))
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return list, nil
}

// usable tells whether peers can be told an address.
func (o *AddressOptions) usable(a netip.Addr) error {
	switch {
	case a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fmt.Errorf("%v is no address that a peer could send to; write the server's own", a)
	case isPrivate(a) && !o.AllowPrivate:
		return fmt.Errorf("%v cannot be reached from the internet; write the public address, "+
			"or set relay.allow_private_external = true for a LAN", a)
	}
	return nil
}

// auto finds the address: a loopback listener's own; a routable address of the
// listener or an interface; what STUN servers see; a private one if allowed.
func (o *AddressOptions) auto(ctx context.Context) (netip.Addr, error) {
	listen := o.Listen.WithZone("").Unmap()
	if listen.IsValid() && listen.IsLoopback() {
		if listen.Is6() { // relayed addresses are IPv4
			listen = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		}
		return listen, nil
	}
	candidates, err := o.candidates(listen)
	if err != nil {
		return netip.Addr{}, err
	}
	for _, a := range candidates {
		if isRoutable(a) {
			return a, nil
		}
	}
	if a, ok := o.discover(ctx); ok {
		return a, nil
	}
	for _, a := range candidates {
		if o.AllowPrivate && isPrivate(a) && !a.IsLinkLocalUnicast() {
			return a, nil
		}
	}
	return netip.Addr{}, o.notFound(candidates)
}

// notFound says what to write when auto has found nothing.
func (o *AddressOptions) notFound(seen []netip.Addr) error {
	advice := ", or set relay.allow_private_external = true for a LAN"
	if o.AllowPrivate {
		advice = fmt.Sprintf("; this machine has %v, of which auto takes none by itself", seen)
	}
	return errors.New("no public IPv4 address was found; write it as " +
		"relay.external_ip = \"<address>\", or name STUN servers in relay.discover" + advice)
}

// candidates are the IPv4 addresses that relay sockets could have.
func (o *AddressOptions) candidates(listen netip.Addr) ([]netip.Addr, error) {
	if listen.IsValid() && !listen.IsUnspecified() && listen.Is4() {
		return []netip.Addr{listen}, nil
	}
	list, err := o.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list the interface addresses: %w; write the address instead of \"auto\"", err)
	}
	return slices.DeleteFunc(slices.Clone(list), func(a netip.Addr) bool { return !a.Is4() }), nil
}

func systemAddresses() ([]netip.Addr, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var list []netip.Addr
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			list = append(list, addrOf(n.IP))
		}
	}
	return list, nil
}

// isPrivate tells addresses that are not reached from the internet by design.
func isPrivate(a netip.Addr) bool {
	return a.IsPrivate() || a.IsLinkLocalUnicast() || contains(parsePrefixes("100.64.0.0/10"), a)
}

// isRoutable tells addresses that auto may announce.
func isRoutable(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !contains(parsePrefixes(builtinDenied), a)
}

// discover asks the configured STUN servers in turn.
func (o *AddressOptions) discover(ctx context.Context) (netip.Addr, bool) {
	for _, server := range o.Discover {
		a, err := askSTUN(ctx, server)
		switch {
		case err != nil:
			o.Log.Warn("A STUN server of relay.discover did not tell our address.", "server", server, "error", err)
		case !isRoutable(a) && !(o.AllowPrivate && isPrivate(a)):
			o.Log.Warn("A STUN server of relay.discover told an address that cannot be announced.", "server", server, "address", a)
		default:
			return a, true
		}
	}
	return netip.Addr{}, false
}

// askSTUN sends Binding requests over IPv4 and returns the mapped address.
func askSTUN(ctx context.Context, server string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, discoverWait)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp4", server)
	if err != nil {
		return netip.Addr{}, err
	}
	defer func() { _ = conn.Close() }()
	id := transactionID()
	request := newMessage(methodBinding, classRequest, id).b
	buf := make([]byte, maxFrame)
	for ctx.Err() == nil {
		if _, err := conn.Write(request); err != nil {
			return netip.Addr{}, err
		}
		_ = conn.SetReadDeadline(time.Now().Add(discoverAgain))
		n, err := conn.Read(buf)
		if err != nil {
			pause(ctx, err)
			continue
		}
		m, err := parse(buf[:n], nil)
		if err != nil || m.id != id || m.class != classSuccess {
			continue
		}
		if v, ok := m.get(attrXORMappedAddress); ok {
			if a, ok := m.decodeAddress(v); ok {
				return a.Addr().Unmap(), nil
			}
		}
	}
	return netip.Addr{}, fmt.Errorf("no answer within %v", discoverWait)
}

// pause waits before the next attempt unless the error took that long already.
func pause(ctx context.Context, err error) {
	if t, ok := err.(net.Error); ok && t.Timeout() {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(discoverAgain):
	}
}
