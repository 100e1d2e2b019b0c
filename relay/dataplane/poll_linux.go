//go:build linux && !portable

package dataplane

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// maxEvents is how many relay sockets are taken up in one round. Changes of the
	// tables, and everybody else who waits for the processor, wait for a round.
	maxEvents = 16
	// maxRead is how many datagrams, or groups of them, one relay socket may
	// take of a round: the others wait no longer than that.
	maxRead = 16
	// maxLooks is how many rounds a stream may wait for more packets that are
	// there already.
	maxLooks = 8
)

// readers read all relay sockets: one goroutine for each core, started with the
// first relay. The plane's mu guards it.
type readers struct {
	pollers []*poller
	next    int
	wg      sync.WaitGroup
}

// watch is a relay's place with the poller that reads it.
type watch struct {
	poller *poller
	slot   int32
}

// poller waits for many sockets with one goroutine. Its epoll descriptor is
// itself watched by Go's poller, so that waiting costs no thread.
type poller struct {
	plane *Plane
	file  *os.File
	fd    int

	// guarded by the plane's mu
	places []place
	free   []int32

	// owned by the goroutine
	events [maxEvents]unix.EpollEvent
	round  *round
	in     *receiver
	used   int // slots whose bytes are queued
	others pause
}

// place holds a relay. The generation tells an event of an earlier one.
type place struct {
	relay      *Relay
	generation int32
}

// watchLocked has a relay's socket read.
func (s *readers) watchLocked(p *Plane, r *Relay) error {
	if s.pollers == nil {
		if err := s.startLocked(p); err != nil {
			return err
		}
	}
	s.next++
	return s.pollers[s.next%len(s.pollers)].addLocked(r)
}

func (s *readers) startLocked(p *Plane) error {
	for i := range readerCount() {
		k, err := newPoller(p, i)
		if err != nil {
			for _, k := range s.pollers {
				_ = k.file.Close() // its goroutine ends
			}
			s.pollers = nil
			return err
		}
		s.pollers = append(s.pollers, k)
		s.wg.Go(k.run)
	}
	return nil
}

func (s *readers) forgetLocked(r *Relay) {
	k := r.watch.poller
	at := &k.places[r.watch.slot]
	*at = place{generation: at.generation + 1}
	k.free = append(k.free, r.watch.slot)
}

func (s *readers) close() {
	for _, k := range s.pollers {
		_ = k.file.Close() // its goroutine ends
	}
	s.wg.Wait()
}

func newPoller(p *Plane, index int) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil { // os asks: only such a file is polled
		_ = unix.Close(fd)
		return nil, err
	}
	return &poller{plane: p, fd: fd, file: os.NewFile(uintptr(fd), "relay sockets"), round: newRound(p, index), in: newReceiver()}, nil
}

func (k *poller) addLocked(r *Relay) error {
	if len(k.free) == 0 {
		k.free = append(k.free, int32(len(k.places)))
		k.places = append(k.places, place{})
	}
	slot := k.free[len(k.free)-1]
	at := &k.places[slot]
	// Level-triggered: what a round leaves in the socket, a later one finds, after
	// those of all others that have something.
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: slot, Pad: at.generation}
	if err := unix.EpollCtl(k.fd, unix.EPOLL_CTL_ADD, r.sock.fd, &e); err != nil {
		return err
	}
	k.free = k.free[:len(k.free)-1]
	at.relay = r
	r.watch = watch{k, slot}
	return nil
}

// run reads the sockets until the poller's file is closed. No other error may
// end it: relays would live on with nobody to hear their peers.
func (k *poller) run() {
	raw, err := k.file.SyscallConn()
	if err != nil {
		return // closed already
	}
	if err := k.others.open(); err != nil {
		k.plane.failed(err)
	}
	defer k.others.close()
	var failed error
	// As in UDP.serve: all work is done before the poller waits again.
	step := func(fd uintptr) (done bool) {
		done, failed = k.step(int(fd))
		return done
	}
	for {
		err := errors.Join(raw.Read(step), failed)
		if raw.Control(func(uintptr) {}) != nil {
			return // closed
		}
		if err != nil {
			k.plane.failed(fmt.Errorf("wait for relay sockets: %w", err))
			failed = nil
			k.look(raw)
			continue
		}
		k.others.take()
	}
}

// step reads what is ready and tells whether there may be more. Streams get
// theirs when nothing is left to read, or after a few rounds: each write has its
// price.
func (k *poller) step(fd int) (more bool, err error) {
	defer k.round.flushStreams()
	for range maxLooks {
		n, errno := epollNow(fd, &k.events)
		if errno != 0 {
			return true, errno
		}
		if n == 0 {
			return false, nil
		}
		more = k.read(k.events[:n])
		if len(k.round.ready) == 0 {
			break
		}
		if more {
			k.others.take()
		}
	}
	return more, nil
}

const (
	// lookPause is how often sockets are looked at when nothing tells that they
	// have something: less often would be heard in a call.
	lookPause = 5 * time.Millisecond
	// lookTime is how long that is done before waiting is tried again.
	lookTime = time.Minute
)

// look reads the sockets for a while without being woken.
func (k *poller) look(raw syscall.RawConn) {
	for end := time.Now().Add(lookTime); time.Now().Before(end); {
		more := false
		if raw.Control(func(fd uintptr) { more, _ = k.step(int(fd)) }) != nil {
			return // closed
		}
		if more {
			k.others.take()
		} else {
			time.Sleep(lookPause)
		}
	}
}

// epollNow returns what is ready, without waiting.
func epollNow(fd int, events *[maxEvents]unix.EpollEvent) (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(&events[0])), maxEvents, 0, 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// read runs a round over the sockets that have something, and tells whether
// there may be more to read.
func (k *poller) read(ready []unix.EpollEvent) (more bool) {
	k.round.begin()
	defer k.round.endWithoutStreams()
	k.used = 0
	most := 0
	for _, e := range ready {
		most = max(most, k.readSocket(e))
	}
	return most == maxRead || most > 0 && len(ready) == maxEvents
}

// readSocket takes a bounded part of what a socket has: the number of datagrams,
// or groups of them.
func (k *poller) readSocket(e unix.EpollEvent) int {
	at := &k.places[e.Fd]
	if at.relay == nil || at.generation != e.Pad {
		return 0 // closed since
	}
	if slots-k.used < maxRead {
		k.round.flush()
		k.used = 0
	}
	n, errno := k.in.read(at.relay.sock.fd, k.used, maxRead)
	if errno != 0 {
		return 0 // nothing left, or an error that a peer caused
	}
	for i := k.used; i < k.used+n; i++ {
		k.relay(at.relay, k.in.take(i))
	}
	k.used += n
	return n
}

// relay hands a peer's datagrams to the client.
func (k *poller) relay(r *Relay, a arrival) {
	b := a.whole[slotRoom:]
	if len(b) == 0 {
		k.round.fromPeer(r, a.from, nil, b)
		return
	}
	// A header fits before the first datagram and no other.
	frame := a.whole[slotRoom-channelHeader:]
	for len(b) > 0 {
		n := min(a.segment, len(b))
		if frame != nil {
			frame = frame[:channelHeader+n]
		}
		k.round.fromPeer(r, a.from, frame, b[:n])
		b, frame = b[n:], nil
	}
}
