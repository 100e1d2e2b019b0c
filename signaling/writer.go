package signaling

import (
	"errors"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

// wakeLocked starts the writer unless it runs; the caller holds peer.mu.
func (s *socket) wakeLocked() {
	if s.claimLocked() {
		go s.write()
	}
}

// claimLocked makes the caller the writer unless there is one.
func (s *socket) claimLocked() bool {
	if s.writing || s.dead {
		return false
	}
	s.writing = true
	return true
}

// endWriterLocked notes that the writer writes no more.
func (s *socket) endWriterLocked() {
	s.writing = false
	if s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// waitWriter returns when the writer has ended and none will start. The
// connection is closed before, so a blocked write fails.
func (s *socket) waitWriter(p *peer) {
	s.conn.Close()
	s.hub.sweeper.remove(s)
	p.mu.Lock()
	s.dead = true
	if s.timer != nil {
		s.timer.Stop()
	}
	var idle chan struct{}
	if s.writing {
		idle = make(chan struct{})
		s.idle = idle
	}
	p.mu.Unlock()
	if idle != nil {
		<-idle
	}
}

// write is the writer goroutine: it writes until nothing is due.
func (s *socket) write() { s.writeOn(s.hub.outboxes.Get().(*outbox), false) }

// writeDirect is write in a reader, this socket's or another's, which must not
// wait: frames that the kernel takes at once are written, and for anything else
// the writer goroutine goes on.
func (s *socket) writeDirect() {
	if s.direct == nil {
		go s.write()
		return
	}
	out := s.hub.outboxes.Get().(*outbox)
	p := s.peer.Load()
	ended := false
	defer func() {
		if !ended { // a panic: the socket must not wait for this writer for ever
			p.stopWriting(s)
		}
	}()
	if p.nextJob(s, out) {
		if due := !s.tryJob(out); due || p.nextJob(s, out) {
			ended = true
			go s.writeOn(out, true)
			return
		}
	}
	ended = true
	s.hub.outboxes.Put(out)
}

// tryJob writes a job that consists of a welcome, a ping and frames alone; false
// leaves it to writeOn.
func (s *socket) tryJob(out *outbox) bool {
	if out.pongs > 0 || out.close || len(out.welcome)+len(out.frames.buf) > directMost {
		return false
	}
	out.wire = out.wire[:0]
	if out.welcome != nil {
		out.wire = appendText(out.wire, out.welcome)
	}
	if out.ping {
		out.wire = append(out.wire, pingFrame, 0)
	}
	for frame := range out.frames.all {
		out.wire = appendText(out.wire, frame)
	}
	taken, whole := s.direct.tryWrite(out.wire)
	if !taken {
		return false
	}
	out.frames.reset()
	out.welcome, out.ping = nil, false
	out.rest = !whole
	return whole
}

// writeOn writes until nothing is due, beginning with the job in out if that is
// due.
func (s *socket) writeOn(out *outbox, due bool) {
	p := s.peer.Load()
	drained := false
	defer func() {
		if !drained {
			p.stopWriting(s)
		}
	}()
	defer s.recovered("writer")
	defer s.hub.outboxes.Put(out)
	for ; due || p.nextJob(s, out); due = false {
		if err := s.writeJob(out); err != nil {
			if !errors.Is(err, websocket.ErrCloseSent) {
				s.conn.Close()
			}
			return
		}
	}
	drained = true
}

// writeJob is what the writer does between two looks at the queue.
type writeJob struct {
	welcome []byte
	pongs   int
	ack     int64 // for the pongs
	ping    bool
	close   bool // after all else
	code    int
	bye     []byte
}

// outbox is what a writer works with. Outboxes are pooled: a socket that has
// nothing to write holds none.
type outbox struct {
	writeJob
	frames frames
	wire   []byte // WebSocket frames for a direct write, or a pong
	rest   bool   // the last of them was taken in part
}

// frames are some that are to be written, one after the other. They are copies:
// before they are written the queue may have forgotten them (an early ack, its
// bounds, a resume) and used their memory for others.
type frames struct {
	buf  []byte
	ends []int
}

func (f *frames) reset() { f.buf, f.ends = f.buf[:0], f.ends[:0] }

func (f *frames) full() bool { return len(f.ends) == writeBatch || len(f.buf) >= directMost }

// add takes one from the queue; false when there is none.
func (f *frames) add(q *queue) bool {
	b, more := q.next(f.buf)
	if more {
		f.buf, f.ends = b, append(f.ends, len(b))
	}
	return more
}

func (f *frames) all(yield func([]byte) bool) {
	from := 0
	for _, end := range f.ends {
		if !yield(f.buf[from:end]) {
			return
		}
		from = end
	}
}

func (s *socket) writeJob(out *outbox) error {
	s.conn.SetWriteDeadline(time.Now().Add(writeWait))
	if out.rest {
		out.rest = false
		if err := s.direct.flush(time.Now().Add(writeWait)); err != nil {
			return err
		}
	}
	if out.welcome != nil {
		if err := s.conn.WriteMessage(websocket.TextMessage, out.welcome); err != nil {
			return err
		}
	}
	if out.ping {
		if err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWait)); err != nil {
			return err
		}
	}
	for frame := range out.frames.all {
		if err := s.conn.WriteMessage(websocket.TextMessage, frame); err != nil {
			return err
		}
	}
	for range out.pongs {
		out.wire = appendPong(out.wire[:0], out.ack)
		if err := s.conn.WriteMessage(websocket.TextMessage, out.wire); err != nil {
			return err
		}
	}
	if out.close {
		s.finish(out)
	}
	return nil
}

func appendPong(b []byte, ack int64) []byte {
	b = append(b, `{"t":"pong","ack":`...)
	b = strconv.AppendInt(b, ack, 10)
	return append(b, '}')
}

// finish says bye and closes; the reader ends with the other side's answer or
// with closeWait.
func (s *socket) finish(out *outbox) {
	if out.bye != nil {
		s.conn.WriteMessage(websocket.TextMessage, out.bye)
	}
	s.writeClose(out.code, "")
	s.conn.SetReadDeadline(time.Now().Add(closeWait))
}
