package relay

import (
	"syscall"
	"unsafe"
)

// directCalls tells that readNow and writeNow work.
const directCalls = true

// readNow is one read on a non-blocking descriptor. It cannot block, so the
// scheduler need not hear of it (RawSyscall).
func readNow(fd uintptr, b []byte) (int, error) { return callNow(syscall.SYS_READ, fd, b) }

// writeNow is one write in the same way.
func writeNow(fd uintptr, b []byte) (int, error) { return callNow(syscall.SYS_WRITE, fd, b) }

func callNow(call, fd uintptr, b []byte) (int, error) {
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
