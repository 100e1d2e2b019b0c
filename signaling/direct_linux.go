package signaling

import (
	"crypto/tls"
	"net"
	"syscall"
	"unsafe"
)

// newDirect returns nil where c has no descriptor of its own.
func newDirect(c net.Conn) *direct {
	inner := c
	for {
		if _, ok := inner.(*tls.Conn); ok {
			return nil
		}
		if sc, ok := inner.(syscall.Conn); ok {
			raw, err := sc.SyscallConn()
			if err != nil {
				return nil
			}
			// The wrappers have done their work once the request was read.
			d := &direct{Conn: inner, raw: raw}
			d.write.call = func(fd uintptr) bool {
				d.write.n, d.write.err = writeNow(fd, d.write.buf)
				return true
			}
			d.read.call = func(fd uintptr) bool {
				d.read.n, d.read.err = readNow(fd, d.read.buf)
				return d.read.err != syscall.EAGAIN
			}
			return d
		}
		wrapper, ok := inner.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		inner = wrapper.NetConn()
	}
}

// writeNow is one write on a non-blocking descriptor. It cannot block, so the
// scheduler need not hear of it (RawSyscall): that costs a tenth of the write.
func writeNow(fd uintptr, b []byte) (int, error) { return rawCall(syscall.SYS_WRITE, fd, b) }

// readNow is one read on a non-blocking descriptor, in the same way.
func readNow(fd uintptr, b []byte) (int, error) { return rawCall(syscall.SYS_READ, fd, b) }

// rawCall moves bytes between b and the descriptor.
func rawCall(call, fd uintptr, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, _, errno := syscall.RawSyscall(call, fd, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}
