//go:build linux && !portable

package dataplane

import (
	"context"
	"fmt"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// prepare makes a listener of a bound socket, which it leaves open if it fails.
func prepare(conn *net.UDPConn, may offload) (*listener, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("prepare a UDP listener: %w", err)
	}
	s := &socket{fd: -1}
	var family int
	var bad error
	err = raw.Control(func(fd uintptr) {
		// A second descriptor, which net does not close under our feet.
		if s.fd, bad = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); bad == nil {
			family, bad = unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		}
	})
	if err == nil {
		err = bad
	}
	s.isIPv6 = family == unix.AF_INET6
	if local, ok := conn.LocalAddr().(*net.UDPAddr); err == nil && ok && local.IP.IsUnspecified() {
		err = s.tellDestination()
	}
	if err != nil {
		if s.fd >= 0 {
			_ = s.Close()
		}
		return nil, fmt.Errorf("prepare a UDP listener: %w", err)
	}
	s.tune(listenerBuffer, may)
	return &listener{conn: conn, sock: s}, nil
}

// tellDestination has the kernel say which address each datagram was sent to.
func (s *socket) tellDestination() error {
	if s.isIPv6 {
		return unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	}
	return unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
}

// openTwin binds another socket to the address of conn.
func openTwin(conn *net.UDPConn, s *socket) (*net.UDPConn, error) {
	network := "udp4"
	if s.isIPv6 {
		network = "udp6"
		if only, err := unix.GetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY); err == nil && only == 0 {
			network = "udp" // both families
		}
	}
	share := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var bad error
		err := c.Control(func(fd uintptr) { bad = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
		if err == nil {
			err = bad
		}
		return err
	}}
	c, err := share.ListenPacket(context.Background(), network, conn.LocalAddr().String())
	if err != nil {
		return nil, err
	}
	return c.(*net.UDPConn), nil
}
