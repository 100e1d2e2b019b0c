//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// generator sends a schedule and counts what arrives, from one thread: sockets
// are read while it waits for the next burst. Streams have a reader each.
type generator struct {
	flows []*flow
	plan  schedule
	gso   bool // bursts over UDP leave in one piece
	tally *tally
	quiet time.Duration

	epoll   int
	sockets []*udpSocket
	framing []framing   // of sockets
	ways    []direction // in which packets come to sockets
	events  []unix.EpollEvent
	in      *receiver
	out     *sender
	scratch []byte
}

// sent is what a run of the generator did.
type sent struct {
	traffic
	packets int
	took    time.Duration
	late    time.Duration // the most that a burst was behind
}

const (
	sinkBatch  = 64
	sinkBuffer = 2048
	groBuffer  = 64 << 10
	// longestWait bounds one wait for packets, so that an end is noticed.
	longestWait = time.Millisecond
	// quiet is how long nothing may arrive before the rest counts as lost.
	quiet = 100 * time.Millisecond
	// longQuiet is the same where all depends on it and time on nothing.
	longQuiet = 3 * time.Second
)

func newGenerator(c relayCase, flows []*flow, gso, gro bool) (*generator, error) {
	g := &generator{
		flows: flows, plan: c.schedule(), gso: gso, tally: newTally(), quiet: quiet,
		events: make([]unix.EpollEvent, 64), out: newSender(maxSegments), in: newReceiver(sinkBatch, sinkBuffer),
		scratch: make([]byte, 0, groBuffer),
	}
	if gro {
		g.in = newReceiver(sinkBatch, groBuffer)
	}
	var err error
	if g.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	for _, f := range flows {
		if f.stream != nil {
			go f.stream.drain(f.framing, g.tally) // ends when the flow is closed
		}
		err = errors.Join(err, g.watch(f.udp, f.framing, down), g.watch(f.peer, bare, up))
	}
	if err != nil {
		g.close()
		return nil, err
	}
	return g, nil
}

func (g *generator) watch(s *udpSocket, f framing, way direction) error {
	if s == nil {
		return nil
	}
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(g.sockets))}
	g.sockets, g.framing, g.ways = append(g.sockets, s), append(g.framing, f), append(g.ways, way)
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, s.fd, &e))
}

func (g *generator) close() { unix.Close(g.epoll) }

// drops is what the generator's own sockets lost.
func (g *generator) drops() (n int64) {
	for _, s := range g.sockets {
		n += s.drops()
	}
	return n
}

// run sends for a while and waits for what is under way.
func (g *generator) run(ctx context.Context, duration time.Duration) (s sent, err error) {
	start := g.tally.now()
	for i := 0; ctx.Err() == nil; i++ {
		n := len(g.plan.bursts)
		b := g.plan.bursts[i%n]
		due := start + g.plan.period*time.Duration(i/n) + b.at
		if due-start >= duration {
			break
		}
		now := g.tally.now()
		s.late = max(s.late, now-due)
		for ; now < due; now = g.tally.now() {
			g.poll(min(due-now, longestWait))
		}
		if i%pollEvery == 0 {
			g.poll(0)
		}
		k, err := g.send(b)
		s.packets += k
		way := down
		if b.up {
			way = up
		}
		s.traffic[way].add(k, k*b.size)
		if err != nil {
			return s, err
		}
	}
	s.took = g.tally.now() - start
	g.settle(s.packets, g.quiet)
	return s, ctx.Err()
}

// pollEvery is how many bursts a generator that is behind may send before it
// reads its sockets.
const pollEvery = 4

// settle reads until everything has arrived or nothing more does.
func (g *generator) settle(want int, quiet time.Duration) {
	last, since := g.tally.count(), g.tally.now()
	for last < want && g.tally.now()-since < quiet {
		g.poll(longestWait)
		if n := g.tally.count(); n != last {
			last, since = n, g.tally.now()
		}
	}
}

func (g *generator) send(b burst) (int, error) {
	f := g.flows[b.flow]
	p := f.packets[burstKey{b.up, b.size}]
	p.mark(g.tally.now())
	if b.up && f.stream != nil {
		return f.stream.send(p, b.n, g.scratch)
	}
	socket := f.udp
	if !b.up {
		socket = f.peer
	}
	sent := 0
	for left := b.n; left > 0; {
		n := min(left, maxSegments)
		if g.gso {
			n = min(n, maxGSO/len(p.b))
		}
		sent += g.write(socket.fd, p.b, n)
		left -= n
	}
	return sent, nil
}

// write sends the same bytes n times.
func (g *generator) write(fd int, b []byte, n int) int {
	for i := range n {
		if g.gso && i > 0 {
			g.out.extend(b, len(b))
		} else {
			g.out.add(b, len(b), nil)
		}
	}
	k := g.out.flush(fd)
	if g.gso {
		return k * n
	}
	return k
}

// poll waits for packets and counts them. The wait does not pass through Go's
// scheduler: its hand-offs would wake other threads on the machine under test.
func (g *generator) poll(wait time.Duration) {
	ts := unix.NsecToTimespec(wait.Nanoseconds())
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(g.epoll), uintptr(unsafe.Pointer(&g.events[0])), uintptr(len(g.events)),
		uintptr(unsafe.Pointer(&ts)), 0, 0)
	if errno != 0 {
		return
	}
	for _, e := range g.events[:n] {
		g.read(g.sockets[e.Fd], g.framing[e.Fd], g.ways[e.Fd])
	}
}

func (g *generator) read(s *udpSocket, f framing, way direction) {
	n, _ := g.in.receive(s.fd)
	for i := range n {
		b, segment := g.in.message(i)
		for len(b) > 0 {
			k := min(segment, len(b))
			if at, size, ok := sentAt(f, b[:k]); ok {
				g.tally.arrived(at, way, size)
			}
			b = b[k:]
		}
	}
}

// stayOn keeps all threads of this process, and those to come, on one processor
// until leave is called: what Go's runtime does in the background must not take
// the server's.
func stayOn(cpu int) (leave func(), err error) {
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, os.NewSyscallError("sched_getaffinity", err)
	}
	// The generator waits in calls that Go's scheduler does not hear of. Said
	// here, for the runtime would take one processor to mean one goroutine.
	runtime.GOMAXPROCS(runtime.NumCPU() + 1)
	one.Set(cpu)
	leave = func() {
		if err := setThreads(&before); err != nil {
			fmt.Fprintf(os.Stderr, "loadgen stays on processor %d: %v\n", cpu, err)
		}
		runtime.SetDefaultGOMAXPROCS()
	}
	if err := setThreads(&one); err != nil {
		leave()
		return nil, fmt.Errorf("stay on processor %d: %w", cpu, err)
	}
	return leave, nil
}

func setThreads(cpus *unix.CPUSet) error {
	return eachThread(os.Getpid(), func(id int) error { return unix.SchedSetaffinity(id, cpus) })
}

// eachThread calls f for every thread of a process, also for those that are
// made meanwhile.
func eachThread(process int, f func(id int) error) error {
	for done := make(map[int]bool); ; {
		threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", process))
		if err != nil {
			return err
		}
		before := len(done)
		for _, t := range threads {
			id, err := strconv.Atoi(t.Name())
			if err != nil {
				return err
			}
			if done[id] {
				continue
			}
			done[id] = true
			if err := f(id); err != nil && !errors.Is(err, unix.ESRCH) { // it has ended
				return err
			}
		}
		if len(done) == before {
			return nil
		}
	}
}

// onCPU runs f on one processor, and what it starts too; -1 means any. Timers
// are exact meanwhile.
func onCPU(cpu int, f func() error) error {
	if cpu < 0 {
		return f()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return os.NewSyscallError("sched_getaffinity", err)
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("run on processor %d: %w", cpu, err)
	}
	defer func() { _ = unix.SchedSetaffinity(0, &before) }()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	defer func() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0) }() // 0: the default again
	return f()
}
