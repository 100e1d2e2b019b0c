//go:build !linux || portable

package dataplane

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

const (
	listenerBuffer = 4 << 20
	relayBuffer    = 1 << 20

	// longest is what is read of a datagram; the longest that is relayed, its
	// header included, is shorter.
	longest = 4 << 10
)

func segmentationWorks() bool { return false }

func cardsOfHosts() []string { return nil }

// socket is what rounds send on.
type socket struct {
	conn *net.UDPConn

	mu      sync.Mutex
	control map[netip.Addr][]byte // control message that sets the source address
}

// single tells that each datagram needs a message of its own.
func (s *socket) single() bool { return true }

func (s *socket) Close() error { return s.conn.Close() }

func openSocket(bind netip.AddrPort, _ offload) (*socket, error) {
	network := "udp6"
	if bind.Addr().Is4() { // "udp" would bind 0.0.0.0 for both families
		network = "udp4"
	}
	c, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(bind))
	if err != nil {
		return nil, err
	}
	_ = c.SetReadBuffer(relayBuffer) // the kernel gives what it may
	return &socket{conn: c}, nil
}

// maxSources bounds the memory for local addresses; a machine has few.
const maxSources = 1024

// source returns the control message that makes a datagram leave from a.
func (s *socket) source(a netip.Addr) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cm, ok := s.control[a]; ok {
		return cm
	}
	cm := (&ipv6.ControlMessage{Src: net.IP(a.AsSlice())}).Marshal()
	if a.Is4() {
		cm = (&ipv4.ControlMessage{Src: net.IP(a.AsSlice())}).Marshal()
	}
	if s.control == nil {
		s.control = make(map[netip.Addr][]byte)
	}
	if len(s.control) < maxSources {
		s.control[a] = cm
	}
	return cm
}

// wire is the memory for a datagram in the making.
type wire struct{ b []byte }

func (w *wire) init() { w.b = make([]byte, 0, longest) }

// transmit sends the queue.
func (d *round) transmit() {
	w := &d.wire
	for i := range d.queue.messages {
		m := &d.queue.messages[i]
		if m.count == 0 {
			continue
		}
		p := &d.queue.packets[m.first]
		w.b = append(append(append(w.b[:0], p.head...), p.body...), d.zeros[:p.pad]...)
		var err error
		if m.local.IsValid() {
			_, _, err = m.sock.conn.WriteMsgUDPAddrPort(w.b, m.sock.source(m.local), m.to)
		} else {
			_, err = m.sock.conn.WriteToUDPAddrPort(w.b, m.to)
		}
		if err != nil {
			d.unsent(m)
		} else {
			d.sent(m)
		}
	}
}

// listener is the socket of a UDP.
type listener struct {
	sock     *socket
	wildcard bool
	v4       bool

	// owned by the reader
	oob      []byte
	lastOOB  []byte
	lastAddr netip.Addr
}

func (l *listener) stop() error { return l.sock.Close() }

func (l *listener) release() {}

func openListeners(conn *net.UDPConn, _ offload) ([]*listener, error) {
	local, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("prepare a UDP listener: unexpected address %v", conn.LocalAddr())
	}
	_ = conn.SetReadBuffer(listenerBuffer) // the kernel gives what it may
	l := &listener{sock: &socket{conn: conn}, wildcard: local.IP.IsUnspecified(), v4: local.IP.To4() != nil, oob: make([]byte, 128)}
	var err error
	switch {
	case !l.wildcard:
	case l.v4:
		err = ipv4.NewPacketConn(conn).SetControlMessage(ipv4.FlagDst, true)
	default:
		err = ipv6.NewPacketConn(conn).SetControlMessage(ipv6.FlagDst, true)
	}
	if err != nil {
		return nil, fmt.Errorf("prepare a UDP listener: %w", err)
	}
	return []*listener{l}, nil
}

// read reads one datagram and says who sent it and where to.
func (l *listener) read(b []byte) (int, netip.AddrPort, netip.Addr, error) {
	if !l.wildcard {
		n, src, err := l.sock.conn.ReadFromUDPAddrPort(b)
		return n, unmap(src), netip.Addr{}, err
	}
	n, nc, _, src, err := l.sock.conn.ReadMsgUDPAddrPort(b, l.oob)
	if err != nil {
		return n, netip.AddrPort{}, netip.Addr{}, err
	}
	return n, unmap(src), l.asked(l.oob[:nc]), nil
}

// asked returns the destination address of a datagram. Consecutive datagrams
// mostly have the same, which spares the parsing.
func (l *listener) asked(oob []byte) netip.Addr {
	if l.lastAddr.IsValid() && bytes.Equal(oob, l.lastOOB) {
		return l.lastAddr
	}
	var ip net.IP
	if l.v4 {
		var cm ipv4.ControlMessage
		if cm.Parse(oob) == nil {
			ip = cm.Dst
		}
	} else {
		var cm ipv6.ControlMessage
		if cm.Parse(oob) == nil {
			ip = cm.Dst
		}
	}
	a, _ := netip.AddrFromSlice(ip)
	l.lastOOB, l.lastAddr = append(l.lastOOB[:0], oob...), a.Unmap()
	return l.lastAddr
}

// serve reads the socket until it is closed.
func (u *UDP) serve(l *listener, d *round, handle Handler, failed func(error)) {
	buf := make([]byte, longest)
	for {
		n, from, local, err := l.read(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			failed(err)
			time.Sleep(readRetry)
		case n > 0:
			c := Client{Link: u, Addr: from, Local: local}
			d.begin()
			done := d.datagram(c, d.plane.clients[c], buf[:n])
			d.end()
			if !done {
				handle(c, buf[:n])
			}
		}
	}
}

// readers read relay sockets, a goroutine each.
type readers struct{ wg sync.WaitGroup }

// watch is a relay's place with its reader: it needs none.
type watch struct{}

func (s *readers) watchLocked(_ *Plane, r *Relay) error {
	s.wg.Go(r.read)
	return nil
}

func (s *readers) forgetLocked(*Relay) {}

func (s *readers) close() { s.wg.Wait() }

// read reads the relay socket until it is closed.
func (r *Relay) read() {
	buf := make([]byte, longest)
	for {
		n, src, err := r.sock.conn.ReadFromUDPAddrPort(buf[channelHeader:])
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// An error that a peer caused must not end the relay, nor spin.
			time.Sleep(time.Millisecond)
		default:
			r.fromNetwork(unmap(src), buf[:channelHeader+n])
		}
	}
}

// fromNetwork runs a round for a datagram; frame has room for a header before it.
func (r *Relay) fromNetwork(src netip.AddrPort, frame []byte) {
	d := r.plane.takeRound()
	defer r.plane.putRound(d)
	if !r.closed {
		d.fromPeer(r, src, frame, frame[channelHeader:])
	}
}
