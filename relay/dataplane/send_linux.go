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

// wire is the memory for sendmsg(2) and sendmmsg(2). All of it is set anew for
// each call.
type wire struct {
	headers [maxMessages]mmsghdr
	index   [maxMessages]int // of the message in the queue
	names   [maxMessages]unix.RawSockaddrInet6
	control [maxMessages][controlSize]byte
	iovecs  []unix.Iovec
	done    [maxMessages]bool
	zeros   [3]byte
}

func (w *wire) init() { w.iovecs = make([]unix.Iovec, 0, 3*maxPackets) }

// transmit sends the queue: the messages of one socket together, in their order.
func (d *round) transmit() {
	q, w := &d.queue, &d.wire
	for i := range q.messages {
		if w.done[i] {
			w.done[i] = false
			continue
		}
		sock := q.messages[i].sock
		w.iovecs = w.iovecs[:0]
		n := 0
		for j := i; j < len(q.messages); j++ {
			m := &q.messages[j]
			if m.sock != sock || w.done[j] {
				continue
			}
			w.done[j] = true
			if m.count > 0 {
				w.put(n, q, j)
				n++
			}
		}
		w.done[i] = false
		d.sendAll(sock, n)
	}
}

// sendAll passes the first n headers to the kernel. What it refuses for now is
// lost and counted: nothing waits for room.
func (d *round) sendAll(sock *socket, n int) {
	w := &d.wire
	for at := 0; at < n; {
		k, errno := w.call(sock.fd, at, n-at)
		if errno == unix.EINTR {
			continue
		}
		for _, i := range w.index[at : at+k] {
			d.sent(&d.queue.messages[i])
		}
		at += k
		if errno != 0 {
			d.refused(&d.queue.messages[w.index[at]], at, errno)
			at++
		}
	}
}

// call sends n messages from at on and returns how many went. An error concerns
// the one after those.
func (w *wire) call(fd, at, n int) (int, syscall.Errno) {
	if n == 1 {
		_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&w.headers[at].Msghdr)), unix.MSG_DONTWAIT)
		if errno != 0 {
			return 0, errno
		}
		return 1, 0
	}
	k, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&w.headers[at])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(k), 0
}

// refused tries a segmented message once more as single datagrams where that
// may help, and remembers whose have to be single from now on.
func (d *round) refused(m *message, at int, errno syscall.Errno) {
	switch {
	case m.count == 1:
		d.unsent(m)
		return
	case errno == unix.EIO: // the network card cannot compute checksums
		m.sock.oneByOne.Store(true)
	case errno == unix.EMSGSIZE || errno == unix.EINVAL: // a segment is larger than this path takes; older kernels say EINVAL
		if whole := m.whole(); whole != nil {
			whole.Store(true)
		}
	default:
		d.unsent(m)
		return
	}
	h := d.wire.headers[at]
	setControl(&h.Msghdr, &d.wire.control[at], m, 0)
	left := m.payload
	for i, n := m.first, m.count; n > 0; i, n = d.queue.packets[i].next, n-1 {
		one := *m
		one.count, one.payload = 1, min(m.length, left)
		left -= one.payload
		if d.sendOne(m.sock.fd, &h.Msghdr, &d.queue.packets[i]) {
			d.sent(&one)
		} else {
			d.unsent(&one)
		}
	}
}

// sendOne sends a packet alone.
func (d *round) sendOne(fd int, h *unix.Msghdr, p *packet) bool {
	var iov [3]unix.Iovec
	list := appendPacket(iov[:0], p, &d.wire.zeros)
	h.Iov = &iov[0]
	h.SetIovlen(len(list))
	for {
		_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(h)), unix.MSG_DONTWAIT)
		if errno != unix.EINTR {
			return errno == 0
		}
	}
}

// put writes message j of the queue into header n.
func (w *wire) put(n int, q *queue, j int) {
	m := &q.messages[j]
	w.index[n] = j
	h := &w.headers[n].Msghdr
	h.Name = (*byte)(unsafe.Pointer(&w.names[n]))
	h.Namelen = putAddress(&w.names[n], m.to, m.sock.isIPv6)
	start := len(w.iovecs)
	for i, k := m.first, m.count; k > 0; k-- {
		p := &q.packets[i]
		w.iovecs = appendPacket(w.iovecs, p, &w.zeros)
		i = p.next
	}
	if len(w.iovecs) == start { // an empty datagram
		h.Iov = nil
	} else {
		h.Iov = &w.iovecs[start]
	}
	h.SetIovlen(len(w.iovecs) - start)
	size := 0
	if m.count > 1 {
		size = m.size
	}
	setControl(h, &w.control[n], m, size)
}

// appendPacket adds the parts of a packet.
func appendPacket(list []unix.Iovec, p *packet, zeros *[3]byte) []unix.Iovec {
	if len(p.head) > 0 {
		list = appendPart(list, &p.head[0], len(p.head))
	}
	if len(p.body) > 0 {
		list = appendPart(list, &p.body[0], len(p.body))
	}
	if p.pad > 0 {
		list = appendPart(list, &zeros[0], p.pad)
	}
	return list
}

func appendPart(list []unix.Iovec, base *byte, n int) []unix.Iovec {
	v := unix.Iovec{Base: base}
	v.SetLen(n)
	return append(list, v)
}

// putAddress encodes a destination for a socket of either family.
func putAddress(name *unix.RawSockaddrInet6, to netip.AddrPort, isIPv6 bool) uint32 {
	raw := (*[unix.SizeofSockaddrInet6]byte)(unsafe.Pointer(name))
	*raw = [unix.SizeofSockaddrInet6]byte{}
	binary.BigEndian.PutUint16(raw[2:], to.Port())
	if !isIPv6 {
		name.Family = unix.AF_INET
		a := to.Addr().As4()
		copy(raw[4:], a[:])
		return unix.SizeofSockaddrInet4
	}
	name.Family = unix.AF_INET6
	name.Addr = to.Addr().As16()
	if zone := to.Addr().Zone(); zone != "" {
		if n, err := strconv.Atoi(zone); err == nil {
			name.Scope_id = uint32(n)
		}
	}
	return unix.SizeofSockaddrInet6
}

// setControl asks for segments of the given size (0 = none) and for the source
// address.
func setControl(h *unix.Msghdr, b *[controlSize]byte, m *message, size int) {
	at := 0
	if size > 0 {
		v := putControl(b[at:], unix.SOL_UDP, unix.UDP_SEGMENT, 2)
		binary.NativeEndian.PutUint16(v, uint16(size))
		at += unix.CmsgSpace(2)
	}
	switch {
	case !m.local.IsValid():
	case m.local.Is4(): // on a socket for both families too: Linux sends such a datagram by its IPv4 half
		v := putControl(b[at:], unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
		clear(v)
		a := m.local.As4()
		copy(v[4:], a[:])
		at += unix.CmsgSpace(unix.SizeofInet4Pktinfo)
	default:
		v := putControl(b[at:], unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
		clear(v)
		a := m.local.As16()
		copy(v, a[:])
		at += unix.CmsgSpace(unix.SizeofInet6Pktinfo)
	}
	h.Control = nil
	if at > 0 {
		h.Control = &b[0]
	}
	h.SetControllen(at)
}

// putControl writes the header of a control message and returns its value.
func putControl(b []byte, level, kind int32, n int) []byte {
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[0]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(n))
	return b[unix.CmsgLen(0):unix.CmsgLen(n)]
}
