package relay

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"parley/relay/dataplane"
)

// pionCall is one datagram on its way through pion.
type pionCall struct {
	raw    []byte
	from   net.Addr
	relay  *relayConn // of the allocation that it asks for
	answer []byte     // written by pion's goroutine before done
	done   chan struct{}
}

// ctlConn is what pion believes to be its UDP listener, and its generator of
// relay addresses. pion handles a datagram completely before it reads the next,
// so the next read tells that the last call is done.
type ctlConn struct {
	calls    chan *pionCall
	toClient func(number uint64, frame []byte)

	closeOnce sync.Once
	closed    chan struct{}
	endOnce   sync.Once
	ended     chan struct{} // pion's reader has gone

	current *pionCall // owned by pion's goroutine
}

// do hands a call to pion and waits for it.
func (c *ctlConn) do(call *pionCall) error {
	call.done = make(chan struct{})
	select {
	case c.calls <- call:
	case <-c.closed:
		return errPionClosed
	}
	<-call.done
	return nil
}

// ReadFrom implements net.PacketConn for pion's reader.
func (c *ctlConn) ReadFrom(p []byte) (int, net.Addr, error) {
	if c.current != nil {
		close(c.current.done)
		c.current = nil
	}
	select {
	case c.current = <-c.calls:
		return copy(p, c.current.raw), c.current.from, nil
	case <-c.closed:
		c.endOnce.Do(func() { close(c.ended) })
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements net.PacketConn: an answer belongs to the current call,
// anything else is data from a peer. pion's goroutine alone writes answers.
func (c *ctlConn) WriteTo(p []byte, to net.Addr) (int, error) {
	if len(p) > 0 && p[0]>>6 == 0 && binary.BigEndian.Uint16(p)&uint16(classSuccess) != 0 {
		c.current.answer = bytes.Clone(p)
	} else {
		c.toClient(virtualNumber(to), p)
	}
	return len(p), nil
}

// AllocatePacketConn implements turn.RelayAddressGenerator. pion calls it while
// it handles the current call.
func (c *ctlConn) AllocatePacketConn(string, int) (net.PacketConn, net.Addr, error) {
	if c.current == nil || c.current.relay == nil {
		return nil, nil, errors.ErrUnsupported
	}
	return c.current.relay, c.current.relay.LocalAddr(), nil
}

// AllocateConn implements turn.RelayAddressGenerator: TCP relays are not offered.
func (c *ctlConn) AllocateConn(string, int) (net.Conn, net.Addr, error) {
	return nil, nil, errors.ErrUnsupported
}

// Validate implements turn.RelayAddressGenerator.
func (c *ctlConn) Validate() error { return nil }

// Close implements net.PacketConn.
func (c *ctlConn) Close() error {
	c.closeOnce.Do(func() { close(c.closed) })
	return nil
}

// LocalAddr implements net.PacketConn.
func (c *ctlConn) LocalAddr() net.Addr { return virtualAddr(0) }

// SetDeadline implements net.PacketConn; pion sets none.
func (c *ctlConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn; pion sets none.
func (c *ctlConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn; pion sets none.
func (c *ctlConn) SetWriteDeadline(time.Time) error { return nil }

// relayConn is what pion believes to be a relay socket.
type relayConn struct {
	relay   *dataplane.Relay
	packets chan peerPacket // nil unless pion relays the data itself
	once    sync.Once
	closed  chan struct{}
}

func newRelayConn() *relayConn { return &relayConn{closed: make(chan struct{})} }

type peerPacket struct {
	src     netip.AddrPort
	payload []byte
}

// peerQueue is how many packets from peers may wait for pion.
const peerQueue = 64

// tap queues a packet from a peer for pion; a full queue loses it.
func (r *relayConn) tap(src netip.AddrPort, payload []byte) {
	select {
	case r.packets <- peerPacket{src, bytes.Clone(payload)}:
	default:
	}
}

// ReadFrom implements net.PacketConn. When the data plane reads the socket,
// pion's goroutine for it has nothing to do and ends here: it holds no lock and
// nothing waits for it.
func (r *relayConn) ReadFrom(p []byte) (int, net.Addr, error) {
	if r.packets == nil {
		runtime.Goexit()
	}
	select {
	case k := <-r.packets:
		return copy(p, k.payload), net.UDPAddrFromAddrPort(k.src), nil
	case <-r.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements net.PacketConn: to the peer, through policy and limits.
func (r *relayConn) WriteTo(p []byte, to net.Addr) (int, error) {
	r.relay.ToPeer(addrPortOf(to), p)
	return len(p), nil
}

// Close implements net.PacketConn.
func (r *relayConn) Close() error {
	r.once.Do(func() {
		r.relay.Close()
		close(r.closed)
	})
	return nil
}

// LocalAddr implements net.PacketConn.
func (r *relayConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(r.relay.Address) }

// SetDeadline implements net.PacketConn; pion sets none.
func (r *relayConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn; pion sets none.
func (r *relayConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn; pion sets none.
func (r *relayConn) SetWriteDeadline(time.Time) error { return nil }

// virtualAddr is the address under which pion knows an allocation's client.
func virtualAddr(number uint64) *net.UDPAddr {
	ip := make(net.IP, 16)
	ip[0] = 0xfd
	binary.BigEndian.PutUint64(ip[8:], number)
	return &net.UDPAddr{IP: ip, Port: 1}
}

func virtualNumber(a net.Addr) uint64 {
	u, ok := a.(*net.UDPAddr)
	if !ok || len(u.IP) != 16 {
		return 0
	}
	return binary.BigEndian.Uint64(u.IP[8:])
}

func addrOf(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

func addrPortOf(a net.Addr) netip.AddrPort {
	u, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addrOf(u.IP), uint16(u.Port))
}

func transactionID() (id [12]byte) {
	_, _ = rand.Read(id[:])
	return id
}
