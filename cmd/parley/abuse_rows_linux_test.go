package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v3"
)

// loopbackPeers lets the attackers' peers be on this machine.
const loopbackPeers = "PARLEY_RELAY_ALLOW_OWN_ADDRESSES=true"

// abuses are the attacks that need few packets. Their names follow the threats
// of RFC 8656 section 21 and of those who were bitten.
func abuses() []*abuse {
	return []*abuse{
		{id: "F1", name: "frame length that wraps", waits: true, run: spin},
		{id: "F2", name: "empty peer address", waits: true, run: emptyPeer},
		{id: "F3", name: "more connections than descriptors", files: 128, waits: true, run: descriptors},
		{id: "F5", name: "peer behind MESSAGE-INTEGRITY", env: []string{loopbackPeers}, waits: true, run: appended},
		{id: "F6", name: "another user on the same five-tuple", waits: true, run: hijack},
		{id: "C2", name: "connections that say nothing", waits: true, run: idle},
		{id: "C3", name: "one byte a write", waits: true, run: oneByte},
		{id: "C4", name: "client that does not read", env: []string{loopbackPeers}, waits: true, run: slowReader},
		{id: "C6", name: "1,000 broken TLS hellos", waits: true, run: brokenHellos},
		{id: "K11", name: "200 permissions and channels", waits: true, run: permissions},
	}
}

func spin(v *victim) (string, error) {
	for _, network := range []string{"tcp", "tls"} {
		for _, b := range [][]byte{{0x40, 0, 0xff, 0xfc, 11: 0}, {0, 1, 0xff, 0xec, 0x21, 0x12, 0xa4, 0x42, 11: 0}} {
			c, err := v.call(network, "127.0.0.1", "x")
			if err != nil {
				return "", err
			}
			c.send(b)
			time.Sleep(50 * time.Millisecond) // the server may take it first
			c.conn.Close()
		}
	}
	return v.burns()
}

func emptyPeer(v *victim) (string, error) {
	for _, network := range []string{"udp", "tcp"} {
		c, err := v.allocated(network, "127.0.0.1", "mallory")
		if err != nil {
			return "", err
		}
		// 48 bytes in all: a buffer of that size ends with the empty address.
		c.send(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication),
			attr{attrData, make([]byte, 20)}, attr{attrPeer, nil}).Raw)
		c.giveUp = 2 * time.Second
		for _, m := range []stun.Method{stun.MethodCreatePermission, stun.MethodChannelBind} {
			if err := c.expect(400, m, attr{attrPeer, nil}, attr{attrChannel, []byte{0x40, 0, 0, 0}}); err != nil {
				return "", err
			}
		}
	}
	return "400, the process lives", nil
}

func descriptors(v *victim) (string, error) {
	before := v.usage()
	var held []net.Conn
	defer func() {
		for _, c := range held {
			c.Close()
		}
	}()
	for i := range 300 {
		d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+i%5))}}
		c, err := d.Dial("tcp", v.relay)
		if err != nil {
			return "", err
		}
		held = append(held, c)
	}
	began := time.Now()
	if err := v.serves(); err != nil {
		return "", err
	}
	figure := fmt.Sprintf("300 connections held, %d descriptors allowed: others served after %v", 128, time.Since(began).Round(time.Millisecond))
	for _, c := range held {
		c.Close()
	}
	return figure, v.settles(before)
}

// appended signs a permission for one peer and adds another that nobody signed.
func appended(v *victim) (string, error) {
	c, err := v.allocated("udp", "127.0.0.1", "ann")
	if err != nil {
		return "", err
	}
	signed, err := listenOn("127.0.0.1")
	if err != nil {
		return "", err
	}
	defer signed.Close()
	stolen, err := listenOn("127.0.0.2")
	if err != nil {
		return "", err
	}
	defer stolen.Close()
	m := &stun.Message{Raw: c.request(stun.MethodCreatePermission, peerAt(local(signed)))}
	if err := m.Decode(); err != nil {
		return "", err
	}
	peerAt(local(stolen)).AddTo(m)
	m.WriteHeader()
	if _, err := c.ask(m.Raw); err != nil {
		return "", err
	}
	for _, p := range []*net.UDPConn{stolen, signed} {
		c.send(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodSend, stun.ClassIndication),
			peerAt(local(p)), attr{attrData, []byte("knock")}).Raw)
	}
	b := make([]byte, 100)
	signed.SetReadDeadline(time.Now().Add(patience))
	if _, err := signed.Read(b); err != nil {
		return "", fmt.Errorf("the signed peer got nothing: %w", err)
	}
	stolen.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // it was sent first
	if _, err := stolen.Read(b); err == nil {
		return "", errors.New("a peer that was appended to a signed request has a permission")
	}
	return "no permission", nil
}

func hijack(v *victim) (string, error) {
	ann, err := v.call("udp", "127.0.0.1", "ann")
	if err != nil {
		return "", err
	}
	if err := ann.allocate(); err != nil {
		return "", err
	}
	mallory, err := v.call("udp", "127.0.0.1", "mallory")
	if err != nil {
		return "", err
	}
	mallory.conn, mallory.realm, mallory.nonce = ann.conn, ann.realm, ann.nonce
	if err := mallory.expect(441, stun.MethodRefresh, lifetime(0)); err != nil {
		return "", err
	}
	return "441, the allocation lives", ann.expect(0, stun.MethodRefresh)
}

// idle holds connections that say nothing, half a frame or half a TLS hello.
func idle(v *victim) (string, error) {
	before := v.usage()
	binding := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	for i := range 60 {
		to, say := v.relay, []byte(nil)
		switch i % 3 {
		case 1:
			say = binding[:10]
		case 2:
			to, say = v.web, []byte{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}
		}
		c, err := net.Dial("tcp", to)
		if err != nil {
			return "", err
		}
		defer c.Close()
		c.Write(say)
	}
	began := time.Now()
	if err := v.settles(before); err != nil {
		return "", fmt.Errorf("after %v: %w", time.Since(began).Round(time.Second), err)
	}
	return fmt.Sprintf("60 connections closed after %v", time.Since(began).Round(time.Second)), nil
}

func oneByte(v *victim) (string, error) {
	before := v.usage()
	most := before
	for _, size := range []int{29000, 1500} {
		c, err := v.call("tcp", "127.0.0.1", "x")
		if err != nil {
			return "", err
		}
		b := append([]byte{0x40, 0, 0, 0}, make([]byte, size)...)
		binary.BigEndian.PutUint16(b[2:], uint16(size))
		for i := range b {
			if c.send(b[i:i+1]) != nil {
				break // the server has had enough
			}
			if i%1000 == 999 {
				if now := v.usage(); now.rss > most.rss {
					most = now
				}
			}
		}
		c.conn.Close()
	}
	figure := fmt.Sprintf("%+d KiB at most", most.rss-before.rss)
	if most.rss-before.rss > 3<<10 {
		return figure, errors.New("memory grows with every byte")
	}
	return figure, nil
}

func slowReader(v *victim) (string, error) {
	before, allocations := v.usage(), v.metric("parley_turn_allocations")
	c, err := v.allocated("tcp", "127.0.0.1", "ann")
	if err != nil {
		return "", err
	}
	peer, err := listenOn("127.0.0.1")
	if err != nil {
		return "", err
	}
	defer peer.Close()
	if err := c.expect(0, stun.MethodCreatePermission, peerAt(local(peer))); err != nil {
		return "", err
	}
	// It has a descriptor and its relay another. One may be the question's own,
	// so parley's count of allocations is asked too.
	rss, began, gone := 0, time.Now(), false
	var now usage
	for time.Since(began) < 20*time.Second && !gone {
		for range 500 { // a burst that fills what there is, then enough to notice
			peer.WriteToUDPAddrPort(make([]byte, 1200), c.relayed)
		}
		time.Sleep(50 * time.Millisecond)
		now = v.usage()
		rss = max(rss, now.rss-before.rss)
		gone = now.fds <= before.fds+1 && (v.plain || v.metric("parley_turn_allocations") == allocations)
	}
	figure := fmt.Sprintf("%+d KiB at most", rss)
	if !gone {
		return figure, fmt.Errorf("a client that does not read is kept: %s", before.grew(now))
	}
	if rss > 32<<10 {
		return figure, errors.New("too much memory for one client")
	}
	return figure + fmt.Sprintf(", closed after %v", time.Since(began).Round(time.Second)), nil
}

func brokenHellos(v *victim) (string, error) {
	before := v.usage()
	hello := append([]byte{0x16, 3, 1, 0, 200, 1, 0, 0, 196, 9, 9}, bytes.Repeat([]byte{0xaa}, 194)...)
	for range 1000 {
		c, err := net.DialTimeout("tcp", v.web, patience)
		if err != nil {
			return "", err
		}
		c.Write(hello)
		c.SetReadDeadline(time.Now().Add(patience))
		for b := make([]byte, 100); err == nil; {
			_, err = c.Read(b)
		}
		c.Close()
	}
	figure := before.grew(v.usage())
	return figure, v.settles(before)
}

func permissions(v *victim) (string, error) {
	c, err := v.allocated("udp", "127.0.0.1", "mallory")
	if err != nil {
		return "", err
	}
	before := v.usage()
	granted := 0
	for i := range 200 {
		to := peerAt(netip.AddrPortFrom(netip.AddrFrom4([4]byte{8, 8, 4, byte(i)}), 5000))
		for _, m := range []stun.Method{stun.MethodCreatePermission, stun.MethodChannelBind} {
			code, _, err := c.do(m, to, attr{attrChannel, []byte{0x40, byte(i), 0, 0}})
			if err != nil {
				return "", err
			}
			if code == 0 {
				granted++
			} else if code != 508 {
				return "", fmt.Errorf("%v: %d, want 508", m, code)
			}
		}
	}
	now := v.usage()
	figure := fmt.Sprintf("%d of 400 granted, %+d KiB", granted, now.rss-before.rss)
	if granted != 128 || now.rss-before.rss > 4<<10 {
		return figure, errors.New("want 64 of each, and flat memory")
	}
	return figure, nil
}

func listenOn(ip string) (*net.UDPConn, error) {
	return net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
}

func local(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }
