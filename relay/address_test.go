package relay

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
)

func TestExternal(t *testing.T) {
	addr := netip.MustParseAddr
	public, private := []string{"127.0.0.1", "10.0.0.5", "::1", "2606:4700::5", "203.0.113.9", "8.8.4.4"}, []string{"127.0.0.1", "172.17.0.1", "192.168.1.5", "fe80::1"}
	for _, c := range []struct {
		name     string
		external string
		listen   string
		has      []string
		private  bool
		want     string
		hint     string // in the error
	}{
		{"loopback", "auto", "127.0.0.1", public, false, "[127.0.0.1]", ""},
		{"unset is auto", "", "127.0.0.2", public, false, "[127.0.0.2]", ""},
		{"IPv6 loopback", "auto", "::1", public, false, "[127.0.0.1]", ""},
		{"routable interface", "auto", "::", public, false, "[8.8.4.4]", ""},
		{"routable interface, IPv4 wildcard", "auto", "0.0.0.0", public, false, "[8.8.4.4]", ""},
		{"routable before private", "auto", "::", public, true, "[8.8.4.4]", ""},
		{"own routable listener", "auto", "9.9.9.9", public, false, "[9.9.9.9]", ""},
		{"private listener", "auto", "10.0.0.5", public, false, "", "allow_private_external"},
		{"private listener, allowed", "auto", "10.0.0.5", public, true, "[10.0.0.5]", ""},
		{"no public address", "auto", "::", private, false, "", "relay.discover"},
		{"no public address, private allowed", "auto", "::", private, true, "[172.17.0.1]", ""},
		{"written", "8.8.8.8", "::", private, false, "[8.8.8.8]", ""},
		{"written, two", "8.8.8.8 2606:4700::1", "::", private, false, "[8.8.8.8 2606:4700::1]", ""},
		{"written mapped", "::ffff:8.8.8.8", "::", private, false, "[8.8.8.8]", ""},
		{"documentation range when written", "192.0.2.1", "::", private, false, "[192.0.2.1]", ""},
		{"loopback when written", "127.0.0.1", "127.0.0.1", private, false, "[127.0.0.1]", ""},
		{"IPv6 alone", "2606:4700::1", "::", private, false, "", "IPv4"},
		{"private", "192.168.1.5", "::", private, false, "", "allow_private_external"},
		{"private, allowed", "192.168.1.5", "::", private, true, "[192.168.1.5]", ""},
		{"CGNAT", "100.64.0.1", "::", private, false, "", "allow_private_external"},
		{"link-local", "169.254.1.1", "::", private, false, "", "allow_private_external"},
		{"ULA", "8.8.8.8 fd00::1", "::", private, false, "", "allow_private_external"},
		{"unspecified", "0.0.0.0", "::", private, true, "", "peer could send"},
		{"unspecified IPv6", "8.8.8.8 ::", "::", private, true, "", "peer could send"},
		{"multicast", "224.0.0.1", "::", private, true, "", "peer could send"},
		{"nonsense", "here", "::", private, true, "", "not an address"},
		{"auto among others", "auto 8.8.8.8", "::", private, true, "", "alone"},
	} {
		var has []netip.Addr
		for _, a := range c.has {
			has = append(has, addr(a))
		}
		got, err := External(context.Background(), AddressOptions{External: strings.Fields(c.external), Listen: addr(c.listen),
			AllowPrivate: c.private, Interfaces: func() ([]netip.Addr, error) { return has, nil }})
		switch {
		case c.want != "" && (err != nil || fmt.Sprint(got) != c.want):
			t.Errorf("%s: %v %v, want %s", c.name, got, err, c.want)
		case c.want == "" && (err == nil || !strings.Contains(err.Error(), c.hint)):
			t.Errorf("%s: %v %v, want an error with %q", c.name, got, err, c.hint)
		}
	}
}

// TestDiscover asks a STUN server of our own what it sees.
func TestDiscover(t *testing.T) {
	s := start(t, nil)
	dead := plainPeer(t)
	deadAddr := dead.LocalAddr().String()
	_ = dead.Close()
	o := AddressOptions{Discover: []string{s.addr.String()}}
	if a, err := askSTUN(context.Background(), s.addr.String()); err != nil || a.String() != "127.0.0.1" {
		t.Errorf("mapped %v %v", a, err)
	}
	if a, ok := o.discover(withTestLog(&o)); ok {
		t.Errorf("announces %v, which is loopback", a)
	}
	liar, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = liar.Close() }()
	go func() {
		buf := make([]byte, 100)
		for {
			n, a, err := liar.ReadFrom(buf)
			if err != nil {
				return
			}
			m, err := parse(buf[:n], nil)
			if err != nil {
				continue
			}
			mapped := netip.MustParseAddrPort("9.9.9.9:1")
			_, _ = liar.WriteTo(newMessage(methodBinding, classSuccess, m.id).addAddress(attrXORMappedAddress, mapped).b, a)
		}
	}()
	got, err := External(context.Background(), AddressOptions{External: []string{"auto"}, Listen: netip.IPv4Unspecified(),
		Discover:   []string{deadAddr, s.addr.String(), liar.LocalAddr().String()},
		Interfaces: func() ([]netip.Addr, error) { return nil, nil }})
	if err != nil || fmt.Sprint(got) != "[9.9.9.9]" {
		t.Errorf("%v %v", got, err)
	}
}

func withTestLog(o *AddressOptions) context.Context {
	o.Log = slog.New(slog.DiscardHandler)
	return context.Background()
}
