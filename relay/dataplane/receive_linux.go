//go:build linux && !portable

package dataplane

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// slots is how many datagrams, or groups of them that the kernel has put
	// together, are read at once.
	slots = 32
	// slotSize is what the kernel puts together at most. slotStride is not a
	// power of two: else all slots would compete for the same cache lines. Pages
	// that no datagram reaches cost no memory.
	slotSize   = 64 << 10
	slotRoom   = 64 // before the payload, for a header
	slotStride = slotRoom + slotSize + 2240

	controlSize = 128
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	unix.Msghdr
	n uint32
}

// receiver reads datagrams into memory of its own.
type receiver struct {
	headers [slots]mmsghdr
	iovecs  [slots]unix.Iovec
	names   [slots]unix.RawSockaddrInet6
	control [slots][controlSize]byte
	memory  []byte

	lastName [unix.SizeofSockaddrInet6]byte
	lastFrom netip.AddrPort
}

// arrival is one datagram, or several of segment bytes each (the last may be
// shorter) from one sender. There are slotRoom bytes to write on before it.
type arrival struct {
	from  netip.AddrPort
	local netip.Addr // where it was sent to, if the socket is asked to say
	// whole begins slotRoom bytes before the payload.
	whole   []byte
	segment int
}

func newReceiver() *receiver {
	x := &receiver{memory: make([]byte, slots*slotStride)}
	for i := range slots {
		x.iovecs[i].Base = &x.memory[i*slotStride+slotRoom]
		x.iovecs[i].SetLen(slotSize)
		h := &x.headers[i]
		h.Iov = &x.iovecs[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&x.names[i]))
		h.Control = &x.control[i][0]
		x.ready(i)
	}
	return x
}

// ready undoes what reading has written into a slot's header.
func (x *receiver) ready(i int) {
	x.headers[i].Namelen = unix.SizeofSockaddrInet6
	x.headers[i].SetControllen(controlSize)
}

// read fills slots from at on, as many as there are datagrams for but no more
// than most, and returns how many. It never blocks.
func (x *receiver) read(fd, at, most int) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&x.headers[at])),
			uintptr(min(most, slots-at)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// take returns what was read into a slot.
func (x *receiver) take(i int) arrival {
	h := &x.headers[i]
	at := i * slotStride
	a := arrival{from: x.sender(i), whole: x.memory[at : at+slotRoom+int(h.n)], segment: int(h.n)}
	x.readControl(x.control[i][:h.Controllen], &a)
	x.ready(i)
	return a
}

// sender decodes a socket address; one client's datagrams often follow each other.
func (x *receiver) sender(i int) netip.AddrPort {
	raw := (*[unix.SizeofSockaddrInet6]byte)(unsafe.Pointer(&x.names[i]))
	n := x.headers[i].Namelen
	if [16]byte(raw[:16]) == [16]byte(x.lastName[:16]) && (n <= 16 || *raw == x.lastName) {
		return x.lastFrom
	}
	s := &x.names[i]
	port := binary.BigEndian.Uint16(raw[2:])
	var a netip.Addr
	if s.Family == unix.AF_INET {
		a = netip.AddrFrom4([4]byte(raw[4:]))
	} else {
		a = netip.AddrFrom16(s.Addr).Unmap()
		if s.Scope_id != 0 && a.Is6() {
			a = a.WithZone(strconv.Itoa(int(s.Scope_id)))
		}
	}
	x.lastName = [unix.SizeofSockaddrInet6]byte{}
	copy(x.lastName[:], raw[:n])
	x.lastFrom = netip.AddrPortFrom(a, port)
	return x.lastFrom
}

// readControl looks for the segments' size and the destination.
func (x *receiver) readControl(b []byte, a *arrival) {
	for len(b) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
		n := int(h.Len)
		if n < unix.SizeofCmsghdr || n > len(b) {
			return
		}
		v := b[unix.CmsgLen(0):n]
		switch {
		case h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO && len(v) >= 4:
			if s := int(binary.NativeEndian.Uint32(v)); s > 0 {
				a.segment = s
			}
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(v) >= unix.SizeofInet4Pktinfo:
			a.local = netip.AddrFrom4([4]byte(v[8:]))
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(v) >= unix.SizeofInet6Pktinfo:
			a.local = netip.AddrFrom16([16]byte(v)).Unmap()
		}
		b = b[min(unix.CmsgSpace(n-unix.CmsgLen(0)), len(b)):]
	}
}
