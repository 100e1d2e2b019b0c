//go:build linux && !portable

package dataplane

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// TestFeatures: what the kernel says of the loopback interface, which segments
// by itself and is no real card.
func TestFeatures(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	for feature, want := range map[string]bool{"loopback": true, "tx-tcp-segmentation": true, "rx-all": false, "steam": false} {
		if got := hasFeature(fd, "lo", feature); got != want {
			t.Errorf("%s: %v", feature, got)
		}
	}
	if hasFeature(fd, "no-such-card", "loopback") || hasFeature(fd, "a-name-that-is-too-long", "loopback") {
		t.Error("a card that is not there has a feature")
	}
}

// TestCardOfHost: with such a card segments are sent to this machine alone, and
// taken from everywhere.
func TestCardOfHost(t *testing.T) {
	p := &Plane{segment: true}
	for _, a := range []string{"127.0.0.1", "0.0.0.0", "198.51.100.7", "::"} {
		if got := p.offloadFor(netip.MustParseAddr(a)); !got.send || !got.receive {
			t.Errorf("%s: %+v", a, got)
		}
	}
	p.cards = []string{"ens3"}
	for a, want := range map[string]bool{"127.0.0.1": true, "::1": true, "0.0.0.0": false, "198.51.100.7": false, "::": false} {
		if got := p.offloadFor(netip.MustParseAddr(a)); got.send != want || !got.receive {
			t.Errorf("%s with such a card: %+v", a, got)
		}
	}
	s, err := openSocket(netip.MustParseAddrPort("0.0.0.0:0"), p.offloadFor(netip.IPv4Unspecified()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if gro, err := unix.GetsockoptInt(s.fd, unix.SOL_UDP, unix.UDP_GRO); !s.single() || err != nil || gro != 1 {
		t.Errorf("one by one: %v; UDP_GRO %d %v", s.single(), gro, err)
	}
}
