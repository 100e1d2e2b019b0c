package dataplane

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"sync"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// UDP is a listener for clients whose answers leave from the address that was
// asked: a socket bound to every address would otherwise answer from the one
// that routing picks, and clients drop such an answer. One goroutine may Read,
// any number may Send.
type UDP struct {
	// set at construction
	conn     *net.UDPConn
	wildcard bool
	v4       bool

	// owned by the reader
	oob      []byte
	lastOOB  []byte
	lastAddr netip.Addr

	mu      sync.RWMutex
	control map[netip.Addr][]byte // control message that sets the source address
}

// maxSources bounds the memory for local addresses; a machine has few.
const maxSources = 1024

// NewUDP prepares a socket. The UDP owns it from then on.
func NewUDP(conn *net.UDPConn) (*UDP, error) {
	local, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return nil, fmt.Errorf("prepare a UDP listener: unexpected address %v", conn.LocalAddr())
	}
	u := &UDP{conn: conn, wildcard: local.IP.IsUnspecified(), v4: local.IP.To4() != nil,
		oob: make([]byte, 128), control: make(map[netip.Addr][]byte)}
	if !u.wildcard {
		return u, nil
	}
	var err error
	if u.v4 {
		err = ipv4.NewPacketConn(conn).SetControlMessage(ipv4.FlagDst, true)
	} else {
		err = ipv6.NewPacketConn(conn).SetControlMessage(ipv6.FlagDst, true)
	}
	if err != nil {
		return nil, fmt.Errorf("prepare a UDP listener: %w", err)
	}
	return u, nil
}

// Read reads one datagram into b and names its client.
func (u *UDP) Read(b []byte) (int, Client, error) {
	if !u.wildcard {
		n, src, err := u.conn.ReadFromUDPAddrPort(b)
		return n, Client{Link: u, Addr: unmap(src)}, err
	}
	n, nc, _, src, err := u.conn.ReadMsgUDPAddrPort(b, u.oob)
	if err != nil {
		return n, Client{}, err
	}
	return n, Client{Link: u, Addr: unmap(src), Local: u.asked(u.oob[:nc])}, nil
}

// asked returns the destination address of a datagram. Consecutive datagrams
// mostly have the same, which spares the parsing.
func (u *UDP) asked(oob []byte) netip.Addr {
	if u.lastAddr.IsValid() && bytes.Equal(oob, u.lastOOB) {
		return u.lastAddr
	}
	var ip net.IP
	if u.v4 {
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
	u.lastOOB, u.lastAddr = append(u.lastOOB[:0], oob...), a.Unmap()
	return u.lastAddr
}

// Send implements Link. A datagram that the system refuses is lost, as any may be.
func (u *UDP) Send(frame []byte, to Client) {
	if !to.Local.IsValid() {
		_, _ = u.conn.WriteToUDPAddrPort(frame, to.Addr)
		return
	}
	_, _, _ = u.conn.WriteMsgUDPAddrPort(frame, u.source(to.Local), to.Addr)
}

// source returns the control message that makes a datagram leave from a.
func (u *UDP) source(a netip.Addr) []byte {
	u.mu.RLock()
	cm, ok := u.control[a]
	u.mu.RUnlock()
	if ok {
		return cm
	}
	if a.Is4() { // on a socket for both families too: Linux sends such a datagram by its IPv4 half
		cm = (&ipv4.ControlMessage{Src: net.IP(a.AsSlice())}).Marshal()
	} else {
		cm = (&ipv6.ControlMessage{Src: net.IP(a.AsSlice())}).Marshal()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.control) < maxSources {
		u.control[a] = cm
	}
	return cm
}

// Transport implements Link.
func (u *UDP) Transport() string { return "udp" }

// LocalAddr returns the address that the socket is bound to.
func (u *UDP) LocalAddr() net.Addr { return u.conn.LocalAddr() }

// Close closes the socket; a pending Read fails with net.ErrClosed.
func (u *UDP) Close() error { return u.conn.Close() }

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
