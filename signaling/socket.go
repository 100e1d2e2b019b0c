package signaling

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// writeWait is how long one write may take: a mobile network comes back
	// from a dead spot within it, and resume covers the rest.
	writeWait = 10 * time.Second
	// closeWait is what the other side has to answer a close, and so the
	// longest that a socket whose login has ended stays open.
	closeWait = 900 * time.Millisecond
	// lingerIdle ends the wait for a client that still pushes a refused
	// message: a close before it is read would be a reset, which loses the code.
	lingerIdle = 250 * time.Millisecond
	directMost = 16 << 10 // bytes of a direct write: what is longer is no hot path
	writeBatch = 16       // frames fetched from the queue at a time
	maxPongs   = 64       // who has more pings unanswered is not waiting for each
	closeFrame = 0x88     // first byte of a close frame, RFC 6455 5.2
)

// socket is one WebSocket. Before hello it belongs to its reader goroutine
// alone; then it is attached to a peer, whose lock guards what the writer reads.
type socket struct {
	hub  *Hub
	conn *websocket.Conn
	addr netip.Addr    // what limits count it as
	from string        // address for the admin page
	req  *http.Request // what identity and ICE need of the upgrade
	seen atomic.Int64  // when something last came, Unix nanoseconds

	peer atomic.Pointer[peer] // set once, at hello

	direct *direct // set at the upgrade; nil where writing takes a goroutine

	// Owned by the reader.
	requests, signals bucket
	wrong             faults

	// Guarded by peer.mu.
	welcome  []byte        // to be written before anything else
	pongs    int           // answers to ping that are due
	ping     bool          // a WebSocket ping is due
	writing  bool          // the writer goroutine runs
	dead     bool          // nothing more is written
	idle     chan struct{} // made by who waits for the writer to end
	closing  bool          // to be closed with:
	code     int
	bye      []byte
	timer    *time.Timer
	nextPing time.Time
	iceDue   time.Time
}

// run is the reader goroutine up to the session.
func (s *socket) run() {
	s.greet()
	p := s.peer.Load()
	if p == nil {
		s.linger(true)
		s.over()
		return
	}
	go s.serve(p)
}

// greet is hello, and survives it. It may fail after the session was attached.
func (s *socket) greet() {
	defer s.recovered("hello")
	s.hello()
}

// serve is the reader goroutine. Waiting for a frame takes a stack of 2 KB,
// handling one may take 8, which the runtime would not give back: so another
// goroutine goes on after such a frame.
func (s *socket) serve(p *peer) {
	err := s.readFrames(p)
	if err == errDeep {
		go s.serve(p)
		return
	}
	p.detach(s)
	s.readFailed(p, err)
	s.waitWriter(p)
	s.over()
}

var errDeep = errors.New("the frame took a deep stack")

// over is the end of the socket and of its reader.
func (s *socket) over() {
	s.conn.Close()
	s.hub.forgetSocket(s)
	s.hub.wg.Done()
}

// readFrames handles frame after frame until the socket fails or the stack has
// grown.
func (s *socket) readFrames(p *peer) (err error) {
	defer s.recovered("reader")
	for err == nil {
		err = s.readFrame(p)
	}
	return err
}

// recovered keeps a panic in one socket's goroutine from ending the server.
func (s *socket) recovered(where string) {
	if r := recover(); r != nil {
		s.hub.failed(where, r)
		s.conn.Close()
	}
}

// recovered keeps a panic in a timer, or in a function from outside whose
// caller has more to do, from ending the server.
func (h *Hub) recovered(where string) {
	if r := recover(); r != nil {
		h.failed(where, r)
	}
}

// failed reports a panic.
func (h *Hub) failed(where string, panicked any) {
	h.drop("panic")
	h.log.Error("the hub failed and goes on", "where", where, "panic", panicked, "stack", string(debug.Stack()))
}

// inbox is where a message is read to and split. Inboxes are pooled: an idle
// socket holds none.
type inbox struct {
	buf []byte
	msg message
}

// next waits for a message and reads it into a pooled inbox, which the caller
// gives back.
func (s *socket) next() (*inbox, error) {
	kind, r, err := s.conn.NextReader()
	if err != nil {
		return nil, err
	}
	if kind != websocket.TextMessage {
		return nil, errBinary
	}
	in := s.hub.inboxes.Get().(*inbox)
	if in.buf, err = readInto(in.buf[:0], r); err != nil {
		s.hub.inboxes.Put(in)
		return nil, err
	}
	return in, nil
}

var errBinary = errors.New("binary frame")

// readInto appends what r holds to b. The socket's read limit bounds it.
func readInto(b []byte, r io.Reader) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// readFrame handles the next frame, and then writes what that made it the
// writer of.
func (s *socket) readFrame(p *peer) error {
	in, err := s.next()
	if err != nil {
		return err
	}
	woken, err := s.handle(p, in)
	if woken != nil {
		woken.writeDirect()
	}
	return err
}

// handle handles the frame in the inbox and gives that back.
func (s *socket) handle(p *peer, in *inbox) (woken *socket, err error) {
	defer s.hub.inboxes.Put(in)
	in.msg.woken = nil // the inbox served another socket before
	now := s.hub.now()
	s.seen.Store(now.UnixNano())
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.holds(s) && !s.hub.dispatch(p, s, in, now) {
		err = errDeep
	}
	return in.msg.woken, err
}

// readFailed answers what ended the reading, as far as it can be answered.
func (s *socket) readFailed(p *peer, err error) {
	switch {
	case errors.Is(err, errBinary):
		s.hub.drop("binary")
		p.closeSocket(s, closeBinary, nil)
		s.linger(false)
	case errors.Is(err, websocket.ErrReadLimit): // the close was sent by the reading itself
		s.hub.drop("too_big")
		s.linger(false)
	}
}

// linger reads away what still comes, so that the close frame arrives before
// the connection is gone. Between frames the other side's close ends it.
func (s *socket) linger(between bool) {
	raw := s.conn.NetConn()
	end := time.Now().Add(closeWait)
	for buf := make([]byte, 4096); time.Now().Before(end); {
		raw.SetReadDeadline(time.Now().Add(lingerIdle))
		if n, err := raw.Read(buf); err != nil || between && n > 0 && buf[0] == closeFrame {
			return
		}
	}
}

// pinged is the ping handler. It has the writer's patience: the pong may have to
// wait until a frame that is under way was written.
func (s *socket) pinged(data string) error {
	err := s.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeWait))
	if err == websocket.ErrCloseSent {
		return nil
	}
	return err
}

// heard is the pong handler.
func (s *socket) heard(string) error {
	s.seen.Store(s.hub.now().UnixNano())
	return nil
}

// refuseHello says why there will be no session, and closes. Only the reader
// writes at this time.
func (s *socket) refuseHello(err error) {
	r := asRefusal(err)
	s.hub.drop("hello_" + r.code)
	s.conn.SetWriteDeadline(time.Now().Add(writeWait))
	body, _ := json.Marshal(errorFields{Code: r.code, Message: r.message, RetryMS: wholeMS(r.retry)})
	s.conn.WriteMessage(websocket.TextMessage, append([]byte(`{"t":"error",`), body[1:]...))
	if r.code == "version" {
		s.conn.WriteMessage(websocket.TextMessage, []byte(`{"t":"bye","code":"version"}`))
	}
	s.writeClose(r.closeCode(), r.code)
}

func (s *socket) writeClose(code int, reason string) {
	s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(closeWait))
}

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
	p.mu.Lock()
	s.dead = true
	s.timer.Stop()
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

// writeDirect is write in the reader of another socket, which must not wait:
// frames that the kernel takes at once are written, and for anything else the
// writer goroutine goes on.
func (s *socket) writeDirect() {
	if s.direct == nil {
		go s.write()
		return
	}
	out := s.hub.outboxes.Get().(*outbox)
	p := s.peer.Load()
	if !p.nextJob(s, out) {
		s.hub.outboxes.Put(out)
		return
	}
	if due := !s.tryJob(out); due || p.nextJob(s, out) {
		go s.writeOn(out, true)
		return
	}
	s.hub.outboxes.Put(out)
}

// tryJob writes a job that consists of frames alone; false leaves it to writeOn.
func (s *socket) tryJob(out *outbox) bool {
	if out.welcome != nil || out.ping || out.pongs > 0 || out.close {
		return false
	}
	out.wire = out.wire[:0]
	for i := range out.frames {
		out.buf = out.frames[i].appendTo(out.buf[:0])
		out.wire = appendText(out.wire, out.buf)
		if len(out.wire) > directMost {
			return false
		}
	}
	taken, whole := s.direct.tryWrite(out.wire)
	if !taken {
		return false
	}
	clear(out.frames)
	out.frames = nil
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
	batch  [writeBatch]numbered
	frames []numbered // part of batch
	buf    []byte
	wire   []byte // WebSocket frames for a direct write
	rest   bool   // the last of them was taken in part
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
	for i := range out.frames {
		out.buf = out.frames[i].appendTo(out.buf[:0])
		if err := s.conn.WriteMessage(websocket.TextMessage, out.buf); err != nil {
			return err
		}
		out.frames[i] = numbered{}
	}
	for range out.pongs {
		out.buf = appendPong(out.buf[:0], out.ack)
		if err := s.conn.WriteMessage(websocket.TextMessage, out.buf); err != nil {
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

// watch is the socket's timer: pings, silence, fresh ICE, and the end of a
// close that was not answered.
func (s *socket) watch() {
	if !s.hub.enter() {
		s.cutIfClosing()
		return
	}
	defer s.hub.wg.Done()
	defer s.recovered("timer")
	p := s.peer.Load()
	switch wait, act := p.checkSocket(s, s.hub.now(), s.hub.halfLife()); act {
	case actCut:
		s.conn.Close()
	case actICE:
		s.hub.pushICE(p, s)
		fallthrough
	default:
		p.restartTimer(s, wait)
	}
}

// cutIfClosing is watch at shutdown, which waits for nobody's answer for longer
// than that.
func (s *socket) cutIfClosing() {
	if p := s.peer.Load(); p.closes(s) {
		s.conn.Close()
	}
}
