//go:build linux && !portable

package dataplane

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pause lets everybody else have the processor before a reader that finds ever
// more packets goes on. While any goroutine can run, Go's scheduler asks only
// every 10 ms whom the network has woken. So the reader must wait for the network
// itself: for a descriptor that it makes readable. One goroutine uses it; the
// zero pause has no descriptor and lets those go who can run already.
type pause struct {
	file  *os.File
	raw   syscall.RawConn
	wait  func(fd uintptr) bool
	asked bool
	until time.Time // no pause before
}

const (
	// longPause is more than what many short turns of others take: somebody
	// computes, such as the hash of a password, and stops only when the scheduler
	// makes him, after 10 ms. The packets of that time must not wait for more of it.
	longPause = time.Millisecond
	// recompense is the part of a long pause that the reader then goes on for. With
	// much more, two readers would give each other ever longer turns.
	recompense = 4
)

// open makes the descriptor.
func (p *pause) open() error {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return fmt.Errorf("prepare to let others go first: %w", err)
	}
	p.file = os.NewFile(uintptr(fd), "pause")
	p.wait = p.ask // once: it would be allocated each time
	p.raw, err = p.file.SyscallConn()
	return err
}

// take returns when the others have had their turn.
func (p *pause) take() {
	began := time.Now()
	if began.Before(p.until) {
		return
	}
	if p.raw != nil {
		p.asked = false
		_ = p.raw.Read(p.wait) // without a pause the reader goes on all the same
	}
	end := time.Now()
	if took := end.Sub(began); took > longPause {
		p.until = end.Add(took / recompense)
		return
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
