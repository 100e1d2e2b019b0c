//go:build linux && !portable

package dataplane

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pause lets everybody else have the processor before a reader that finds ever
// more packets goes on. While any goroutine can run, Go's scheduler asks only
// every 10 ms whom the network has woken. So the reader must wait for the network
// itself: for a descriptor that it makes readable. One goroutine uses it.
type pause struct {
	file  *os.File
	raw   syscall.RawConn
	wait  func(fd uintptr) bool
	asked bool
}

// newPause needs a descriptor. When there is none, its pause is of use
// nevertheless: the reader steps behind those who can run already.
func newPause() (*pause, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return &pause{}, fmt.Errorf("prepare to let others go first: %w", err)
	}
	p := &pause{file: os.NewFile(uintptr(fd), "pause")}
	if p.raw, err = p.file.SyscallConn(); err != nil {
		return &pause{}, err
	}
	p.wait = p.ask // once: it would be allocated each time
	return p, nil
}

// take returns when all who were ready to run have run.
func (p *pause) take() {
	if p.raw != nil {
		p.asked = false
		_ = p.raw.Read(p.wait) // without a pause the reader goes on all the same
	}
	// Of those whom the network has woken, the scheduler starts the last one first.
	runtime.Gosched()
}

// ask makes the descriptor readable, which it stays: every write wakes.
func (p *pause) ask(fd uintptr) (woken bool) {
	if p.asked {
		return true
	}
	p.asked = true
	one := [8]byte{}
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _, errno := unix.RawSyscall(unix.SYS_WRITE, fd, uintptr(unsafe.Pointer(&one)), unsafe.Sizeof(one))
	return errno != 0
}

func (p *pause) close() {
	if p.file != nil {
		_ = p.file.Close() // nothing is in it
	}
}
