//go:build linux

package main

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Raw sendmmsg and recvmmsg on preallocated arrays: the packages that wrap them
// allocate for each message, which would make the generator and the floor dear.

const (
	// maxSegments and maxGSO are what one UDP_SEGMENT send may carry on every
	// kernel that knows it.
	maxSegments = 64
	maxGSO      = 65507

	controlSize = 32 // room for one control message of an int
)

// mmsghdr is the kernel's struct mmsghdr.
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// receiver reads many datagrams at once. One goroutine may use it.
type receiver struct {
	msgs    []mmsghdr
	iovs    []unix.Iovec
	bufs    []byte
	names   []unix.RawSockaddrInet4
	control []byte
	size    int
}

// newReceiver makes room for count datagrams of size bytes; with UDP_GRO on the
// socket one "datagram" is a run of equal ones.
func newReceiver(count, size int) *receiver {
	r := &receiver{
		msgs: make([]mmsghdr, count), iovs: make([]unix.Iovec, count), bufs: make([]byte, count*size),
		names: make([]unix.RawSockaddrInet4, count), control: make([]byte, count*controlSize), size: size,
	}
	for i := range r.msgs {
		r.iovs[i].Base = &r.bufs[i*size]
		r.iovs[i].SetLen(size)
		h := &r.msgs[i].hdr
		h.Iov = &r.iovs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&r.names[i]))
		h.Control = &r.control[i*controlSize]
	}
	return r
}

// receive never waits. It returns how many messages came.
func (r *receiver) receive(fd int) (int, unix.Errno) {
	for i := range r.msgs {
		r.msgs[i].hdr.Namelen = unix.SizeofSockaddrInet4
		r.msgs[i].hdr.SetControllen(controlSize)
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.msgs[0])), uintptr(len(r.msgs)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// message returns the i-th message and the size of its segments.
func (r *receiver) message(i int) (b []byte, segment int) {
	b = r.bufs[i*r.size:][:r.msgs[i].n]
	if s := r.gro(i); s > 0 {
		return b, s
	}
	return b, len(b)
}

func (r *receiver) gro(i int) int {
	if int(r.msgs[i].hdr.Controllen) < unix.CmsgLen(4) {
		return 0
	}
	c := r.control[i*controlSize:]
	h := (*unix.Cmsghdr)(unsafe.Pointer(&c[0]))
	if h.Level != unix.IPPROTO_UDP || h.Type != unix.UDP_GRO {
		return 0
	}
	return int(*(*int32)(unsafe.Pointer(&c[unix.CmsgLen(0)])))
}

// sender writes many datagrams at once. One goroutine may use it.
type sender struct {
	msgs    []mmsghdr
	iovs    []unix.Iovec
	control []byte
	used    int // messages
	pieces  int // iovecs

	// of the last message, for join
	size, total int
	open        bool
}

func newSender(count int) *sender {
	return &sender{msgs: make([]mmsghdr, count), iovs: make([]unix.Iovec, count), control: make([]byte, count*controlSize)}
}

func (s *sender) reset() { s.used, s.pieces = 0, 0 }

// full tells that add has no room left.
func (s *sender) full() bool { return s.pieces == len(s.iovs) }

// add appends one message. A segment shorter than b asks the kernel to cut it.
func (s *sender) add(b []byte, segment int, to *unix.RawSockaddrInet4) {
	h := &s.msgs[s.used].hdr
	*h = unix.Msghdr{Iov: &s.iovs[s.pieces]}
	h.SetIovlen(1)
	if to != nil {
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(to)), unix.SizeofSockaddrInet4
	}
	s.piece(b)
	s.used++
	if segment < len(b) {
		s.segment(segment)
	}
}

// extend appends b to the last message, which is cut into segments from now on.
func (s *sender) extend(b []byte, segment int) {
	h := &s.msgs[s.used-1].hdr
	h.SetIovlen(int(h.Iovlen) + 1)
	s.piece(b)
	s.segment(segment)
}

func (s *sender) piece(b []byte) {
	s.iovs[s.pieces].Base = &b[0]
	s.iovs[s.pieces].SetLen(len(b))
	s.pieces++
}

func (s *sender) segment(size int) {
	i := s.used - 1
	c := s.control[i*controlSize:]
	h := (*unix.Cmsghdr)(unsafe.Pointer(&c[0]))
	h.Level, h.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	*(*uint16)(unsafe.Pointer(&c[unix.CmsgLen(0)])) = uint16(size)
	s.msgs[i].hdr.Control = &c[0]
	s.msgs[i].hdr.SetControllen(unix.CmsgSpace(2))
}

// flush sends what was added and returns how many messages the kernel took.
func (s *sender) flush(fd int) int {
	sent := 0
	for sent < s.used {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&s.msgs[sent])), uintptr(s.used-sent), unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			break
		}
		sent += int(n)
	}
	s.reset()
	return sent
}

func sockaddr(a netip.AddrPort) unix.RawSockaddrInet4 {
	return unix.RawSockaddrInet4{Family: unix.AF_INET, Port: swap16(a.Port()), Addr: a.Addr().As4()}
}

func addrPort(s *unix.RawSockaddrInet4) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(s.Addr), swap16(s.Port))
}

// swap16 turns host into network order on the little-endian machines that Go
// knows for Linux servers; the floor and the generator need no others.
func swap16(p uint16) uint16 { return p<<8 | p>>8 }
