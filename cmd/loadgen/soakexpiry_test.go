//go:build linux

package main

import (
	"net"
	"net/netip"
	"testing"
	"time"
)

// A machine that stands still for a while delays packets; the server has
// relayed them all the same, so they are none that it dropped.
func TestLatePacketIsNotLost(t *testing.T) {
	relay, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	at := relay.LocalAddr().(*net.UDPAddr).AddrPort()
	client, peer := socketTo(t, at), socketTo(t, at)
	p, err := newPacket(bare, expirySize, netip.AddrPort{}, false)
	if err != nil {
		t.Fatal(err)
	}
	f := &flow{udp: client, peer: peer, packets: map[burstKey]packet{{true, expirySize}: p}}
	to, err := peer.local()
	if err != nil {
		t.Fatal(err)
	}
	pass := func() {
		b := make([]byte, sinkBuffer)
		n, _, err := relay.ReadFromUDPAddrPort(b)
		if err == nil {
			_, err = relay.WriteToUDPAddrPort(b[:n], to)
		}
		if err != nil {
			t.Error(err)
		}
	}
	x := &expiry{}
	if x.try(f, up, time.Second) || x.silent() != 1 {
		t.Fatalf("a packet that nobody passed on arrived; %d were lost", x.silent())
	}
	pass()
	go pass()
	if !x.try(f, up, 2*time.Second) || x.silent() != 0 {
		t.Errorf("%d packets count as lost, and both arrived", x.silent())
	}
}

func socketTo(t *testing.T, to netip.AddrPort) *udpSocket {
	t.Helper()
	s, err := newUDPSocket()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.connect(to); err != nil {
		t.Fatal(err)
	}
	return s
}
