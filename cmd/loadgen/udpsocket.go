//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// udpSocket is a raw socket on the loopback address. It blocks with a timeout
// for the control messages; data goes through receiver and sender.
type udpSocket struct{ fd int }

const (
	// answerTime is how long an answer is waited for before the request is sent
	// again; servers on this machine answer within a millisecond.
	answerTime = 500 * time.Millisecond
	// socketBuffer holds what arrives while the generator sends: at 100,000
	// packets a second, tens of milliseconds.
	socketBuffer = 8 << 20
)

func newUDPSocket() (*udpSocket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &udpSocket{fd}
	wait := unix.NsecToTimeval(answerTime.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		s.Close()
		return nil, err
	}
	growBuffers(fd)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback().As4()}); err != nil {
		s.Close()
		return nil, os.NewSyscallError("bind", err)
	}
	return s, nil
}

// growBuffers takes what it can get: all of it as root, the limit else.
func growBuffers(fd int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, socketBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer)
	}
}

func loopback() netip.Addr { return netip.AddrFrom4([4]byte{127, 0, 0, 1}) }

func (s *udpSocket) connect(to netip.AddrPort) error {
	return os.NewSyscallError("connect", unix.Connect(s.fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}))
}

func (s *udpSocket) local() (netip.AddrPort, error) {
	a, err := unix.Getsockname(s.fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	v4, ok := a.(*unix.SockaddrInet4)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("unexpected local address %v", a)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), uint16(v4.Port)), nil
}

// Write implements io.Writer: one datagram.
func (s *udpSocket) Write(b []byte) (int, error) { return unix.Write(s.fd, b) }

// Read implements io.Reader: one datagram, or an error after answerTime.
func (s *udpSocket) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(s.fd, b)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// Close implements io.Closer.
func (s *udpSocket) Close() error { return unix.Close(s.fd) }

// drops is how many datagrams this socket has lost for want of room.
func (s *udpSocket) drops() int64 {
	var info [9]uint32 // SK_MEMINFO_VARS of them
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.RawSyscall6(unix.SYS_GETSOCKOPT, uintptr(s.fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	return int64(info[8]) // SK_MEMINFO_DROPS
}

// gro lets equal neighbours arrive in one piece.
func (s *udpSocket) gro() { _ = unix.SetsockoptInt(s.fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1) }
