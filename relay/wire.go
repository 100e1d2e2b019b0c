package relay

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

const (
	// bufferSize is how much is read ahead of TLS in one call, and how much of a
	// stream is written in one: a burst of a video call.
	bufferSize = 64 << 10
	// pendingMost is what may wait in a wire for the socket to take more: a write
	// of bufferSize and what TLS says besides. More comes only from a client that
	// has TLS answer it and does not read.
	pendingMost = 2 * bufferSize
)

// buffer is memory that a wire uses while bytes flow; a quiet one has none.
type buffer struct{ b []byte }

type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{sync.Pool{New: func() any { return &buffer{make([]byte, 0, bufferSize)} }}}
}

func (p *buffers) get() *buffer { return p.pool.Get().(*buffer) }

func (p *buffers) put(x *buffer) {
	if cap(x.b) <= pendingMost {
		x.b = x.b[:0]
		p.pool.Put(x)
	}
}

// wire is the socket below a stream, and below its TLS. Writes go to the kernel
// at once, without a goroutine and without a deadline, in their order; what the
// socket does not take waits, bounded, for a goroutine that lives until all of it
// is written. So a Write never blocks. Reads take all that has come into a
// borrowed buffer, so that one call brings many TLS records.
//
// One goroutine reads; any may write.
type wire struct {
	net.Conn // the socket
	raw      syscall.RawConn
	memory   *buffers
	// set before anything is written
	writers *sync.WaitGroup // counts the goroutine
	emptied func()          // called, without a lock, when nothing waits any more

	// owned by the reader
	ahead    *buffer // nil when rest is empty
	rest     []byte
	patchy   bool   // Read gives what has been read ahead and waits for nothing
	into     []byte // what receive reads into; nil = ahead
	got      int
	gotError error
	receive  func(fd uintptr) bool

	timing sync.Mutex
	until  time.Time // when Read gives up
	armed  time.Time // what the socket was told: no later than until

	mu      sync.Mutex
	held    bool    // writes wait for letGo
	waiting bool    // the goroutine lives
	pending *buffer // nil = empty
	err     error
	out     []byte // what transmit writes
	sent    int
	outErr  error
	send    func(fd uintptr) bool
}

// newWire returns nil where c has no descriptor that can be used so.
func newWire(c net.Conn, memory *buffers, writers *sync.WaitGroup) *wire {
	sc, ok := c.(syscall.Conn)
	if !ok || !directCalls {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	w := &wire{Conn: c, raw: raw, memory: memory, writers: writers, emptied: func() {}}
	w.receive = func(fd uintptr) bool {
		w.got, w.gotError = w.readOnce(fd)
		return !errors.Is(w.gotError, syscall.EAGAIN)
	}
	w.send = func(fd uintptr) bool {
		w.sent, w.outErr = writeNow(fd, w.out)
		return true
	}
	return w
}

// NetConn is the socket, as with tls.Conn.
func (w *wire) NetConn() net.Conn { return w.Conn }

// SetReadDeadline implements net.Conn. The socket is told only of an earlier time
// than the one it has: Read looks again when that comes.
func (w *wire) SetReadDeadline(t time.Time) error {
	w.timing.Lock()
	defer w.timing.Unlock()
	w.until = t
	if !w.armed.IsZero() && !t.Before(w.armed) {
		return nil
	}
	w.armed = t
	return w.Conn.SetReadDeadline(t)
}

// late tells whether the time to read is over, and has the socket wait on if not.
func (w *wire) late() bool {
	w.timing.Lock()
	defer w.timing.Unlock()
	if !w.until.IsZero() && !w.until.After(time.Now()) {
		return true
	}
	w.armed = w.until
	return w.Conn.SetReadDeadline(w.until) != nil
}

// SetWriteDeadline implements net.Conn. It does nothing: no Write waits, and what
// waits behind it is bounded by the wire itself.
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline implements net.Conn, for reads.
func (w *wire) SetDeadline(t time.Time) error { return w.SetReadDeadline(t) }

// Read implements net.Conn.
func (w *wire) Read(b []byte) (int, error) {
	if len(w.rest) == 0 {
		if w.patchy {
			return 0, os.ErrDeadlineExceeded // TLS keeps what it has of a record
		}
		w.into = nil
		if len(b) >= bufferSize/4 {
			w.into = b
		}
		if n, err := w.fill(); err != nil || w.into != nil {
			return n, err
		}
	}
	n := copy(b, w.rest)
	if w.rest = w.rest[n:]; len(w.rest) == 0 {
		w.memory.put(w.ahead)
		w.ahead, w.rest = nil, nil
	}
	return n, nil
}

// fill waits for bytes and takes them.
func (w *wire) fill() (int, error) {
	err := w.raw.Read(w.receive)
	for errors.Is(err, os.ErrDeadlineExceeded) && !w.late() {
		err = w.raw.Read(w.receive)
	}
	switch {
	case err != nil:
		return 0, err
	case w.gotError != nil:
		return 0, os.NewSyscallError("read", w.gotError)
	case w.got == 0:
		return 0, io.EOF
	}
	return w.got, nil
}

// readOnce takes what is there, into memory that is borrowed only if there is
// something.
func (w *wire) readOnce(fd uintptr) (int, error) {
	if w.into != nil {
		return readNow(fd, w.into)
	}
	x := w.memory.get()
	n, err := readNow(fd, x.b[:bufferSize])
	if n <= 0 {
		w.memory.put(x)
		return n, err
	}
	w.ahead, w.rest = x, x.b[:n]
	return n, nil
}

// errNotRead ends a connection whose client has TLS write and takes nothing.
var errNotRead = errors.New("the client does not read")

// Write implements net.Conn. It takes all of b or breaks the connection.
func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	if w.pending == nil && !w.held && !w.waiting {
		n = w.transmitLocked(b)
	}
	if w.err == nil && n < len(b) {
		w.keepLocked(b[n:])
		if !w.held {
			w.waitLocked()
		}
	}
	if w.err != nil {
		return 0, w.err
	}
	return len(b), nil
}

// hold has writes wait for letGo, so that they leave together.
func (w *wire) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = true
}

func (w *wire) letGo() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = false
	if w.pending == nil || w.waiting {
		return
	}
	n := w.transmitLocked(w.pending.b)
	if n == len(w.pending.b) || w.err != nil {
		w.memory.put(w.pending)
		w.pending = nil
		return
	}
	w.pending.b = w.pending.b[:copy(w.pending.b, w.pending.b[n:])]
	w.waitLocked()
}

// full tells that what was written waits for the socket.
func (w *wire) full() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.waiting
}

// transmitLocked gives the socket what it takes of b now.
func (w *wire) transmitLocked(b []byte) int {
	if w.err != nil {
		return 0
	}
	w.out, w.sent, w.outErr = b, 0, nil
	err := w.raw.Write(w.send)
	w.out = nil
	if err == nil && !errors.Is(w.outErr, syscall.EAGAIN) {
		err = w.outErr
	}
	if err != nil {
		w.breakLocked(err)
	}
	return w.sent
}

// keepLocked has b wait.
func (w *wire) keepLocked(b []byte) {
	if w.pending == nil {
		w.pending = w.memory.get()
	}
	if len(w.pending.b)+len(b) > pendingMost {
		w.breakLocked(errNotRead)
		return
	}
	w.pending.b = append(w.pending.b, b...)
}

// breakLocked ends the connection, so that its reader ends too.
func (w *wire) breakLocked(err error) {
	w.err = err
	_ = w.Conn.Close()
}

// end is for whoever has closed the connection: nothing is started afterwards.
func (w *wire) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.breakLocked(net.ErrClosed)
}

// waitLocked starts the goroutine that writes what waits.
func (w *wire) waitLocked() {
	if !w.waiting {
		w.waiting = true
		w.writers.Go(w.writePending)
	}
}

// writePending writes until nothing waits.
func (w *wire) writePending() {
	for x := w.takePending(); x != nil; x = w.takePending() {
		err := w.writeSlowly(x.b)
		w.memory.put(x)
		if err != nil {
			w.mu.Lock()
			w.breakLocked(err)
			w.mu.Unlock()
		}
	}
	w.emptied()
}

// takePending returns what waits; nil ends the goroutine.
func (w *wire) takePending() *buffer {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.pending
	w.pending = nil
	if x != nil && w.err == nil {
		return x
	}
	if x != nil {
		w.memory.put(x)
	}
	_ = w.Conn.SetWriteDeadline(time.Time{}) // an old one would fail the next write
	w.waiting = false
	return nil
}

// writeSlowly writes as fast as the client reads, in pieces that each have
// their time.
func (w *wire) writeSlowly(b []byte) error {
	for len(b) > 0 {
		n := min(len(b), writeSize)
		_ = w.Conn.SetWriteDeadline(time.Now().Add(writeStream))
		if _, err := w.Conn.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
