package signaling

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// direct is the connection below a WebSocket, for writing without waiting: the
// reader that queued a frame for another socket hands it to the kernel itself,
// which spares a goroutine and its wake-up for each message. What the kernel
// does not take at once is left to the writer goroutine, so a slow client
// delays nobody. Connections through TLS have none: their records cannot be
// written in part.
//
// Neither reading nor writing tells the scheduler of a system call, since none
// can block: on a server that is idle between two messages that would wake the
// runtime's monitor thread for each of them.
type direct struct {
	net.Conn
	raw syscall.RawConn

	until time.Time // deadline of the next Write; guarded by the lock of websocket.Conn

	mu     sync.Mutex // held while something is written
	rest   []byte     // of a frame that was written in part; it goes before all else
	closed bool       // a close frame was written: no data may follow, RFC 6455 5.5.1
	failed error      // a write failed, perhaps in a frame: nothing may follow either
	timed  bool       // the connection has a write deadline

	// Of the attempts under way; the functions are kept to spare their
	// allocation. The first is guarded by mu, the second owned by the reader.
	write, read attempt
}

// attempt is one system call on the descriptor, and its outcome.
type attempt struct {
	call func(fd uintptr) (done bool)
	buf  []byte
	n    int
	err  error
}

// tryWrite writes whole frames without waiting. taken is false when nothing was
// written; whole is false when flush has to write the rest.
func (d *direct) tryWrite(frames []byte) (taken, whole bool) {
	if !d.mu.TryLock() {
		return false, false
	}
	defer d.mu.Unlock()
	if d.closed || d.failed != nil || len(d.rest) > 0 {
		return false, false
	}
	if d.timed { // one that is over would end this write before it began
		d.Conn.SetWriteDeadline(time.Time{})
		d.timed = false
	}
	w := &d.write
	w.buf, w.n, w.err = frames, 0, nil
	err := d.raw.Write(w.call)
	w.buf = nil
	if err != nil || w.n <= 0 {
		return false, false
	}
	d.rest = append(d.rest, frames[w.n:]...)
	return true, w.n == len(frames)
}

// Read waits for what comes, as the connection's own Read does. It has one
// caller at a time.
func (d *direct) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	r := &d.read
	r.buf, r.n, r.err = b, 0, nil
	err := d.raw.Read(r.call)
	r.buf = nil
	switch {
	case err != nil: // closed, or too late
		return 0, err
	case r.err != nil:
		return 0, r.err
	case r.n == 0:
		return 0, io.EOF
	}
	return r.n, nil
}

// flush writes the rest of a frame, and waits for it.
func (d *direct) flush(until time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.flushLocked(until)
}

func (d *direct) flushLocked(until time.Time) error {
	if len(d.rest) == 0 {
		return d.failed
	}
	_, err := d.writeLocked(d.rest, until)
	d.rest = nil
	return err
}

func (d *direct) writeLocked(b []byte, until time.Time) (int, error) {
	if d.failed != nil {
		return 0, d.failed
	}
	d.Conn.SetWriteDeadline(until)
	d.timed = true
	n, err := d.Conn.Write(b)
	d.failed = err
	return n, err
}

// SetWriteDeadline is for the next Write alone: one that goes on, of the rest
// of a frame, has a deadline of its own.
func (d *direct) SetWriteDeadline(t time.Time) error {
	d.until = t
	return nil
}

// Write is what gorilla/websocket writes with: a frame, or a part of a long
// one, whose rest follows before it unlocks its connection.
func (d *direct) Write(b []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.flushLocked(time.Now().Add(writeWait)); err != nil {
		return 0, err
	}
	d.closed = d.closed || isClose(b)
	return d.writeLocked(b, d.until)
}

// isClose reports whether b is a close frame, which is always written at once.
// Part of a payload may look like one; that costs direct writes, no more.
func isClose(b []byte) bool {
	return len(b) >= 2 && b[0] == closeFrame && len(b) == 2+int(b[1])
}

// hijacker gives the upgrade a connection that can be written to directly, and
// a small buffer to read it with.
type hijacker struct {
	http.ResponseWriter
	direct *direct
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return c, rw, err
	}
	from := c
	if h.direct = newDirect(c); h.direct != nil {
		c, from = h.direct, h.direct
	}
	if rw.Reader.Buffered() == 0 { // else the upgrade is refused: the client did not wait for it
		rw.Reader = bufio.NewReaderSize(from, readBuffer)
	}
	return c, rw, nil
}

// First bytes of an unfragmented text frame and of a ping, RFC 6455 5.2.
const (
	textFrame = 0x81
	pingFrame = 0x89
)

// appendText appends payload as a text frame of a server, which is not masked.
func appendText(b, payload []byte) []byte {
	switch n := len(payload); {
	case n < 126:
		b = append(b, textFrame, byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, textFrame, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, textFrame, 127), uint64(n))
	}
	return append(b, payload...)
}
