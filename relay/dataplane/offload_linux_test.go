//go:build linux && !portable

package dataplane

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestGoodRelease(t *testing.T) {
	for release, want := range map[string]bool{
		"4.19.0": false, "5.11.22-generic": false, "5.12": true, "6.18.44-1": true,
		"7.0.0-rc3": false, "7.0.9": false, "7.1.4": false, "7.1.5": true, "7.10.0": true, "7.2": true, "8.0.1": true, "odd": false,
	} {
		if goodRelease(release) != want {
			t.Errorf("%s: %v", release, !want)
		}
	}
}

func loopback(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func addressOf(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// cutting has the kernel cut what a socket is given into datagrams, which
// arrive in one piece where the receiver takes that.
func cutting(t *testing.T, c *net.UDPConn, size int) {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, size) })
	if err != nil {
		t.Skip(err)
	}
}

func receive(t *testing.T, c *net.UDPConn) []byte {
	t.Helper()
	buf := make([]byte, 4096)
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// serving is a plane with a UDP listener and what it passes on.
func serving(t *testing.T) (*Plane, *UDP, chan []byte) {
	p := newPlane(t, everyone)
	u, err := p.Listen(loopback(t))
	if err != nil {
		t.Fatal(err)
	}
	rest, ended := make(chan []byte, 100), make(chan struct{})
	go func() {
		u.Serve(func() Handler { return func(_ Client, b []byte) { rest <- bytes.Clone(b) } }, func(err error) { t.Error(err) })
		close(ended)
	}()
	t.Cleanup(func() { _ = u.Close(); <-ended })
	return p, u, rest
}

func (p *Plane) openFor(t *testing.T, u *UDP, client *net.UDPConn, port uint16) *Relay {
	t.Helper()
	r, err := p.Open(RelayConfig{Client: Client{Link: u, Addr: addressOf(client)}, Bind: netip.MustParseAddrPort("127.0.0.1:0"),
		Address: netip.AddrPortFrom(netip.MustParseAddr("192.0.2.1"), port)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func (r *Relay) socketAddress(t *testing.T) netip.AddrPort {
	t.Helper()
	sa, err := unix.Getsockname(r.sock.fd)
	if err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(sa.(*unix.SockaddrInet4).Port))
}

// TestGroups: datagrams that the kernel hands over in one piece are told apart,
// each way and between two relays, whatever their channels are.
func TestGroups(t *testing.T) {
	p, u, rest := serving(t)
	client, other, peer := loopback(t), loopback(t), loopback(t)
	a, b := p.openFor(t, u, client, 50001), p.openFor(t, u, other, 50002)
	a.Bind(0x4001, addressOf(peer))
	a.Bind(0x4002, b.Address)
	b.Bind(0x4777, a.Address)

	const size, n = 101, 20
	var burst []byte
	for i := range n {
		number := byte(1 + i%2) // the peer's channel and the other relay's in turn
		if i == 7 {
			number = 9 // not bound
		}
		if i == 8 {
			burst = append(burst, make([]byte, channelHeader+size)...) // no ChannelData at all
			continue
		}
		burst = append(burst, 0x40, number, 0, size)
		burst = append(burst, bytes.Repeat([]byte{byte(i)}, size)...)
	}
	burst = append(burst, 0x40, 1, 0, 1, 'x') // the last may be shorter
	cutting(t, client, channelHeader+size)
	if _, err := client.WriteToUDPAddrPort(burst, u.address.(*net.UDPAddr).AddrPort()); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		switch {
		case i == 7, i == 8:
		case i%2 == 0:
			if got := receive(t, peer); !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, size)) {
				t.Fatalf("the peer got %x as number %d", got, i)
			}
		default:
			if got := receive(t, other); !bytes.Equal(got, append([]byte{0x47, 0x77, 0, size}, bytes.Repeat([]byte{byte(i)}, size)...)) {
				t.Fatalf("the other client got %x as number %d", got, i)
			}
		}
	}
	if got := receive(t, peer); string(got) != "x" {
		t.Fatalf("the peer got %x at the end", got)
	}
	if got := <-rest; len(got) != channelHeader+size {
		t.Errorf("%d bytes were passed on", len(got))
	}
	if d := p.Drops(); d["no_channel"] != 1 {
		t.Errorf("drops %v", d)
	}

	cutting(t, peer, size)
	for _, form := range []string{"channel", "indication"} {
		if form == "indication" {
			a.Unbind(0x4001)
			a.Permit(addressOf(peer).Addr())
		}
		if _, err := peer.WriteToUDPAddrPort(bytes.Repeat([]byte("p"), n*size+1), a.socketAddress(t)); err != nil {
			t.Fatal(err)
		}
		for i := range n + 1 {
			want := size
			if i == n {
				want = 1
			}
			got := receive(t, client)
			if form == "channel" && !bytes.Equal(got, append([]byte{0x40, 1, 0, byte(want)}, bytes.Repeat([]byte("p"), want)...)) ||
				form == "indication" && (len(got) != 36+(want+3)&^3 || !bytes.Contains(got, append([]byte{0, 0x13, 0, byte(want)}, bytes.Repeat([]byte("p"), want)...))) {
				t.Fatalf("%s %d: %x", form, i, got)
			}
		}
	}
	if a.Packets(Up) != 19 || b.Packets(Down) != 9 || a.Packets(Down) != 2*(n+1) {
		t.Errorf("counted %d up, %d handed over, %d down", a.Packets(Up), b.Packets(Down), a.Packets(Down))
	}
}

// TestRefusedSegments: what cannot be sent segmented is sent one by one, and so
// is what follows: of the same flow, or after EIO all of its socket.
func TestRefusedSegments(t *testing.T) {
	for _, c := range []struct {
		errno        unix.Errno
		neighbour    int // messages for three packets of another client
		otherWay     int // and for three to the peer of the first
		socketsAlone bool
	}{
		{unix.EMSGSIZE, 1, 1, false},
		{unix.EINVAL, 1, 1, false},
		{unix.EIO, 3, 1, true},
	} {
		t.Run(c.errno.Error(), func(t *testing.T) {
			p, u, _ := serving(t)
			client, neighbour, peer := loopback(t), loopback(t), loopback(t)
			a, b := p.openFor(t, u, client, 50001), p.openFor(t, u, neighbour, 50002)
			for _, r := range []*Relay{a, b} {
				r.Bind(0x4001, addressOf(peer))
			}
			d := newRound(p, 0)
			// three queues three packets and returns how many messages they make.
			down := func(r *Relay) {
				for range 3 {
					d.fromPeer(r, addressOf(peer), nil, []byte("abcd"))
				}
			}
			up := func(r *Relay) {
				for range 3 {
					d.channelData(r, []byte("\x40\x01\x00\x04abcd"))
				}
			}
			messages := func(queue func(*Relay), r *Relay) int {
				d.begin()
				defer d.end()
				queue(r)
				return len(d.queue.messages)
			}
			d.begin()
			down(a)
			if n := len(d.queue.messages); n != 1 {
				t.Errorf("%d messages for one flow", n)
			}
			d.wire.put(0, &d.queue, 0)
			d.refused(&d.queue.messages[0], 0, c.errno)
			d.queue.reset()
			d.end()
			for range 3 {
				if got := receive(t, client); len(got) != channelHeader+4 {
					t.Fatalf("%q", got)
				}
			}
			if n := messages(down, a); n != 3 {
				t.Errorf("%d messages to the client that was refused", n)
			}
			if n := messages(down, b); n != c.neighbour {
				t.Errorf("%d messages to another client", n)
			}
			if n := messages(up, a); n != c.otherWay {
				t.Errorf("%d messages the other way", n)
			}
			if u.socket(0).single() != c.socketsAlone {
				t.Errorf("one by one from now on: %v", u.socket(0).single())
			}
			if a.Packets(Down) != 6 || a.Packets(Up) != 3 || p.Drops()["send_failed"] != 0 {
				t.Errorf("%d and %d packets counted, drops %v", a.Packets(Down), a.Packets(Up), p.Drops())
			}
		})
	}
}
