package signaling

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"runtime/debug"
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
	directMost = 16 << 10    // bytes of a direct write: what is longer is no hot path
	writeBatch = 16          // frames fetched from the queue at a time; fewer once they have directMost bytes
	maxPongs   = queueFrames // who has more pings unanswered is not waiting for each
	closeFrame = 0x88        // first byte of a close frame, RFC 6455 5.2
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
	timer    *time.Timer // cuts a close that is not answered
	nextPing time.Time
	iceDue   time.Time

	due int64 // the tick of the next look; guarded by sweeper.mu
}

// run is the reader up to the session, in the goroutine of the request.
func (s *socket) run() {
	s.greet()
	p := s.peer.Load()
	if p == nil {
		s.linger(true)
		s.over()
		return
	}
	if p.claim(s) {
		s.writeDirect()
	}
	s.hub.sweeper.put(s, 0)
	go s.serve(p)
}

// greet is hello, and survives it. It may fail after the session was attached.
func (s *socket) greet() {
	defer s.recovered("hello")
	s.hello()
}

// serve is the reader goroutine. Waiting for a frame takes a stack of 2 KB, and
// just so: it is done here, with nothing of ours between. Handling a frame may
// take 8 KB, which the runtime would not give back: so another goroutine goes on
// after such a frame.
func (s *socket) serve(p *peer) {
	for {
		kind, r, err := s.conn.NextReader()
		if err == nil {
			err = s.receive(p, kind, r)
		}
		if err != nil {
			s.served(p, err)
			return
		}
	}
}

// served is the end of a reader goroutine.
func (s *socket) served(p *peer, err error) {
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
	h.log.Error("The hub failed in one place and goes on.", "where", where, "panic", panicked, "stack", string(debug.Stack()))
}

// inbox is where a message is read to and split. Inboxes are pooled: an idle
// socket holds none.
type inbox struct {
	buf []byte
	msg message
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

// receive reads and handles the frame that has begun, and then writes what that
// made it the writer of.
func (s *socket) receive(p *peer, kind int, r io.Reader) (err error) {
	defer s.recovered("reader")
	if kind != websocket.TextMessage {
		return errBinary
	}
	in := s.hub.inboxes.Get().(*inbox)
	if in.buf, err = readInto(in.buf[:0], r); err != nil {
		s.hub.inboxes.Put(in)
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
	handled := false
	defer func() {
		if !handled && in.msg.woken != nil { // a panic: somebody has to write
			go in.msg.woken.write()
		}
	}()
	now := s.hub.now()
	s.seen.Store(now.UnixNano())
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.holds(s) && !s.hub.dispatch(p, s, in, now) {
		err = errDeep
	}
	handled = true
	return in.msg.woken, err
}

// readFailed answers what ended the reading, as far as it can be answered.
func (s *socket) readFailed(p *peer, err error) {
	switch {
	case errors.Is(err, errBinary):
		s.hub.drop("binary")
		p.closeSocket(s, closeBinary, nil)
		s.linger(false)
	case errors.Is(err, websocket.ErrReadLimit):
		s.hub.drop("too_big")
		s.writeClose(closeTooBig, "") // the reading has sent it, but not where the length overflowed
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

// check looks at a socket that is due: pings, silence, fresh ICE.
func (s *socket) check() {
	defer s.recovered("timer")
	p := s.peer.Load()
	wait, act := p.checkSocket(s, s.hub.now(), s.hub.halfLife())
	switch act {
	case actEnd:
		return
	case actCut:
		s.conn.Close()
		return
	case actICE:
		s.hub.pushICE(p, s)
	case actWrite:
		s.writeDirect()
	}
	s.hub.sweeper.put(s, wait)
}
