//go:build linux && !portable

package dataplane

import (
	"net"
	"net/netip"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	// listenerBuffer takes the bursts of all clients that arrive while the
	// reader is busy; relayBuffer those of one client's peers. The kernel uses
	// memory only for what waits.
	listenerBuffer = 8 << 20
	relayBuffer    = 2 << 20

	// maxReaders bounds the goroutines for one listener, and those for relay
	// sockets: more cores than that are not busy with packets.
	maxReaders = 8
)

// readerCount is one for each core that Go may use.
func readerCount() int { return min(runtime.GOMAXPROCS(0), maxReaders) }

// socket is a descriptor that rounds send on. It is closed under the plane's
// write lock; a closed one has the descriptor -1.
type socket struct {
	fd       int
	isIPv6   bool
	oneByOne atomic.Bool // segmentation has failed or is not wanted
}

// single tells that each datagram needs a message of its own.
func (s *socket) single() bool { return s.oneByOne.Load() }

func (s *socket) Close() error {
	fd := s.fd
	s.fd = -1
	return unix.Close(fd)
}

// openSocket makes a relay socket. It stays unconnected, and ICMP errors are not
// asked for: one dead peer must not be an error for the others.
func openSocket(bind netip.AddrPort, may offload) (*socket, error) {
	family := unix.AF_INET6
	if bind.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	var addr unix.Sockaddr = &unix.SockaddrInet4{Addr: bind.Addr().As4(), Port: int(bind.Port())}
	if family == unix.AF_INET6 {
		addr = &unix.SockaddrInet6{Addr: bind.Addr().As16(), Port: int(bind.Port())}
	}
	if err := unix.Bind(fd, addr); err != nil {
		_ = unix.Close(fd) // nothing is in it
		return nil, err
	}
	s := &socket{fd: fd, isIPv6: family == unix.AF_INET6}
	s.tune(relayBuffer, may)
	return s, nil
}

// tune asks for what makes a socket faster; the kernel gives what it may.
func (s *socket) tune(buffer int, may offload) {
	for _, o := range [][2]int{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
		if unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, o[0], buffer) != nil {
			_ = unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, o[1], buffer)
		}
	}
	s.oneByOne.Store(!may.send)
	if may.receive {
		_ = unix.SetsockoptInt(s.fd, unix.SOL_UDP, unix.UDP_GRO, 1)
	}
}

// listener is one socket of a UDP: conn waits, sock is a second descriptor of
// it for sending.
type listener struct {
	conn *net.UDPConn
	sock *socket
}

// stop ends the reading; it waits for a round that is being read.
func (l *listener) stop() error { return l.conn.Close() }

// release closes the descriptor for sending; the plane's write lock is held.
func (l *listener) release() {
	if l.sock.fd >= 0 {
		_ = l.sock.Close() // nothing is buffered that a failure could lose
	}
}

// openListeners prepares conn and as many sockets at its address as there are
// cores, among which the kernel spreads the clients. It makes do with fewer.
func openListeners(conn *net.UDPConn, may offload) ([]*listener, error) {
	first, err := prepare(conn, may)
	if err != nil {
		return nil, err
	}
	list := []*listener{first}
	if unix.SetsockoptInt(first.sock.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) != nil {
		return list, nil
	}
	for len(list) < readerCount() {
		next, err := openTwin(conn, first.sock)
		if err != nil {
			break
		}
		l, err := prepare(next, may)
		if err != nil {
			_ = next.Close()
			break
		}
		list = append(list, l)
	}
	return list, nil
}
