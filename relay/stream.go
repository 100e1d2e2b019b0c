package relay

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"parley/relay/dataplane"
)

// Times on a TURN connection; whoever is slower is not a client worth waiting for.
const (
	firstFrame  = 10 * time.Second // from accept to the first whole frame, TLS handshake included
	wholeFrame  = 10 * time.Second // from the first byte of a frame to its last
	idleStream  = 30 * time.Second // without an allocation
	writeStream = 5 * time.Second  // a client that does not read
)

// stream is one TCP or TLS connection of a client, with a goroutine that reads
// it. Whoever has something for the client writes it; what the client is slow to
// take is left to a goroutine that ends when it is written.
type stream struct {
	s       *Server
	conn    net.Conn
	wire    *wire // below conn; nil where conn is to be had by blocking calls alone
	client  dataplane.Client
	key     netip.Prefix // what counts as its address
	secure  bool
	since   time.Time
	out     *outQueue
	writers sync.WaitGroup

	// expires is when its allocation ends on the server's clock, in nanoseconds
	// of Unix time; 0 = it has none.
	expires atomic.Int64
}

// ServeConn serves one accepted connection and returns when it has ended; the
// connection is closed then, and so is its allocation. It may be called from
// any goroutine.
//
// A connection that lies over others, as TLS does, tells them by NetConn. The one
// right above the socket should have a method
//
//	Rewire(func(socket net.Conn) net.Conn)
//
// that puts what the function returns in the place of the socket; without it each
// packet over TLS costs system calls of its own. A connection that was accepted a
// while ago has a method
//
//	Accepted() time.Time
//
// that tells when: the first frame is due from then on.
func (s *Server) ServeConn(c net.Conn) {
	st := s.newStream(c)
	if !s.enter(st) {
		_ = c.Close()
		return
	}
	defer s.wg.Done()
	st.read()
	s.leave(st)
	st.writers.Wait()
}

func (s *Server) newStream(c net.Conn) *stream {
	st := &stream{s: s, conn: c, since: time.Now()}
	if known, ok := c.(interface{ Accepted() time.Time }); ok {
		st.since = known.Accepted()
	}
	st.client = dataplane.Client{Link: st, Addr: tcpAddr(c.RemoteAddr()), Local: tcpAddr(c.LocalAddr()).Addr()}
	st.key = addressKey(st.client.Addr.Addr())
	st.secure = isTLS(c)
	st.out = newOutQueue(st)
	st.rewire()
	return st
}

// rewirer is a connection that lies right above a socket.
type rewirer interface {
	Rewire(func(socket net.Conn) net.Conn)
}

// rewire puts a wire above the socket if there is a place for it.
func (st *stream) rewire() {
	var above rewirer
	socket := st.conn
	for {
		w, ok := socket.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		above, _ = socket.(rewirer)
		socket = w.NetConn()
	}
	if socket != st.conn && above == nil {
		return
	}
	w := newWire(socket, st.s.buffers, &st.writers)
	if w == nil {
		return
	}
	w.emptied = st.out.flush
	st.wire = w
	if above == nil {
		st.conn = w
	} else {
		above.Rewire(func(net.Conn) net.Conn { return w })
	}
}

// isTLS looks through what wraps a connection.
func isTLS(c net.Conn) bool {
	for {
		if _, ok := c.(interface{ ConnectionState() tls.ConnectionState }); ok {
			return true
		}
		w, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			return false
		}
		c = w.NetConn()
	}
}

func tcpAddr(a net.Addr) netip.AddrPort {
	if t, ok := a.(*net.TCPAddr); ok {
		return netip.AddrPortFrom(addrOf(t.IP), uint16(t.Port))
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return netip.AddrPortFrom(ap.Addr().WithZone("").Unmap(), ap.Port())
}

// enter registers a stream unless its address has too many. When the server has,
// the oldest without an allocation makes room: who only holds connections open,
// from however many addresses, must not keep those out who want to call.
func (s *Server) enter(st *stream) bool {
	limits := s.limits.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	full := len(s.streams) >= maxStreams(limits.MaxAllocations)
	if s.perPeer[st.key] >= limits.MaxTCPPerAddress || full && !s.evictLocked() {
		s.count.dropped.add("connections")
		return false
	}
	s.streams[st] = struct{}{}
	s.perPeer[st.key]++
	s.wg.Add(1)
	return true
}

// maxStreams is how many connections there may be at once. Each allocation over
// TCP needs one; twice that is room for those that are just beginning. But half
// of the process's descriptors stay for what is not TURN over TCP: relay sockets
// and the web.
func maxStreams(allocations int) int {
	n := max(2*allocations, 64)
	if limit := descriptorLimit(); limit > 0 && uint64(n) > limit/2 {
		n = int(limit / 2)
	}
	return n
}

// leave ends the stream's allocation and forgets it.
func (s *Server) leave(st *stream) {
	st.out.close()
	if st.wire != nil {
		st.wire.end()
	}
	s.ctl.Lock()
	if a := s.allocs[st.client]; a != nil {
		s.endLocked(a, "connection closed")
	}
	s.ctl.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetLocked(st)
}

// forgetLocked takes a stream off the list, once.
func (s *Server) forgetLocked(st *stream) {
	if _, ok := s.streams[st]; !ok {
		return
	}
	delete(s.streams, st)
	if s.perPeer[st.key]--; s.perPeer[st.key] <= 0 {
		delete(s.perPeer, st.key)
	}
}

// evict frees a descriptor when there are none.
func (s *Server) evict() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.evictLocked()
}

// evictLocked ends the oldest connection without an allocation; false means that
// there is none.
func (s *Server) evictLocked() bool {
	var oldest *stream
	for st := range s.streams {
		if st.expires.Load() == 0 && (oldest == nil || st.since.Before(oldest.since)) {
			oldest = st
		}
	}
	if oldest == nil {
		return false
	}
	s.count.dropped.add("evicted")
	s.forgetLocked(oldest)
	oldest.hangUp()
	return true
}

// hangUp closes the connection at once. Closing a TLS connection would wait for
// a client that does not read, to say goodbye to it.
func (st *stream) hangUp() {
	for c := st.conn; ; {
		w, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			_ = c.Close()
			break
		}
		c = w.NetConn()
	}
	_ = st.conn.Close() // what wraps it may have something of its own to end
}

// read takes whole frames from the connection until it ends or breaks a rule.
func (st *stream) read() {
	rd := &reader{control: st.s.serveRequest}
	f := framer{conn: st.conn}
	if st.secure {
		f.wire = st.wire
	}
	deadline := st.since.Add(firstFrame)
	_ = st.conn.SetWriteDeadline(deadline) // reading first writes, if TLS has yet to shake hands
	for {
		frame, err := f.next(deadline)
		if err != nil {
			if errors.Is(err, errFrame) {
				st.s.count.dropped.add("bad_frame")
			}
			return
		}
		if frame[0]>>6 == 1 && st.s.o.Engine != enginePion {
			st.s.plane.FromChannels(st.client, f.withFollowing(frame))
		} else {
			st.s.receive(rd, st.client, frame)
		}
		deadline = time.Now().Add(st.idle())
	}
}

// idle is how long the client may be silent: as long as its allocation lives.
func (st *stream) idle() time.Duration {
	left := time.Duration(st.expires.Load() - st.s.o.Now().UnixNano())
	return max(left+housekeepingPause, idleStream)
}

// released is called when the allocation has ended: silence is limited again.
func (st *stream) released() {
	st.expires.Store(0)
	_ = st.conn.SetReadDeadline(time.Now().Add(idleStream))
}

// Send implements dataplane.Link.
func (st *stream) Send(frame []byte, _ dataplane.Client) {
	if st.out.push(frame, nil) {
		st.out.flush()
	}
}

// Queue implements dataplane.Stream.
func (st *stream) Queue(head, body []byte) bool { return st.out.push(head, body) }

// Flush implements dataplane.Stream.
func (st *stream) Flush() { st.out.flush() }

// write writes a batch of frames: into TLS as many to a record as fit.
func (st *stream) write(b *batch) error {
	most := writeSize
	switch {
	case !st.secure:
		most = len(b.data)
	case len(b.data) <= fewFrames:
		most = 0 // a single frame
	}
	if st.secure && st.wire != nil {
		st.wire.hold()
		defer st.wire.letGo()
	}
	at, end := 0, 0
	for i, f := range b.frames {
		end += f.n
		if i+1 < len(b.frames) && end+b.frames[i+1].n-at <= most {
			continue
		}
		_ = st.conn.SetWriteDeadline(time.Now().Add(writeStream)) // not for a wire
		if _, err := st.conn.Write(b.data[at:end]); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// Transport implements dataplane.Link.
func (st *stream) Transport() string {
	if st.secure {
		return "tls"
	}
	return "tcp"
}
