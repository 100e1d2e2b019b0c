package relay

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"parley/relay/dataplane"
)

// Times on a TURN connection; whoever is slower is not a client worth waiting for.
const (
	firstFrame  = 10 * time.Second // from accept to the first whole frame, TLS handshake included
	wholeFrame  = 10 * time.Second // from the first byte of a frame to its last
	idleStream  = 30 * time.Second // without an allocation
	writeStream = 5 * time.Second  // a client that does not read

	acceptRetry    = 5 * time.Millisecond
	acceptRetryMax = time.Second
)

// stream is one TCP or TLS connection of a client, with a goroutine that reads
// it and one that writes.
type stream struct {
	s      *Server
	conn   net.Conn
	client dataplane.Client
	key    netip.Prefix // what counts as its address
	secure bool
	since  time.Time
	out    *outQueue

	// expires is when its allocation ends on the server's clock, in nanoseconds
	// of Unix time; 0 = it has none.
	expires atomic.Int64
}

// ServeTCP accepts TURN connections on l, which may be a TLS listener, until
// Close, which closes it; then it returns nil. Running out of descriptors does
// not end it.
func (s *Server) ServeTCP(l net.Listener) error {
	if !s.adopt(l) {
		return ErrClosed
	}
	defer s.wg.Done()
	defer s.abandon(l)
	retry := acceptRetry
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			retry = acceptRetry
			go s.ServeConn(c)
		case errors.Is(err, net.ErrClosed):
			return nil
		case !transient(err):
			return err
		default:
			s.slowLog.warn("Accepting a TURN connection failed; trying again.", "error", err)
			s.evict()
			select {
			case <-time.After(retry):
			case <-s.shutdown:
				return nil
			}
			retry = min(2*retry, acceptRetryMax)
		}
	}
}

// transient tells an error of Accept that passes: no descriptors or memory, a
// client that has gone already, an error of the network that Linux reports here.
// What does not pass is that the socket is none to accept from.
func transient(err error) bool {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno != syscall.EBADF && errno != syscall.EINVAL && errno != syscall.ENOTSOCK
	}
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// ServeConn serves one accepted connection and returns when it has ended; the
// connection is closed then, and so is its allocation. It may be called from
// any goroutine.
func (s *Server) ServeConn(c net.Conn) {
	st := s.newStream(c)
	if !s.enter(st) {
		_ = c.Close()
		return
	}
	defer s.wg.Done()
	var writer sync.WaitGroup
	writer.Go(st.out.run)
	st.read()
	s.leave(st)
	writer.Wait()
}

func (s *Server) newStream(c net.Conn) *stream {
	st := &stream{s: s, conn: c, since: time.Now()}
	st.client = dataplane.Client{Link: st, Addr: tcpAddr(c.RemoteAddr()), Local: tcpAddr(c.LocalAddr()).Addr()}
	st.key = addressKey(st.client.Addr.Addr())
	st.secure = isTLS(c)
	st.out = newOutQueue(st)
	return st
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
func (st *stream) Send(frame []byte, _ dataplane.Client) { st.out.push(frame) }

// Transport implements dataplane.Link.
func (st *stream) Transport() string {
	if st.secure {
		return "tls"
	}
	return "tcp"
}

var errFrame = errors.New("neither a STUN message nor ChannelData of a permitted length")

// framer cuts a byte stream into STUN messages and ChannelData (RFC 8656
// section 12.5). It holds one frame and what came with it, never more.
type framer struct {
	conn net.Conn
	buf  [streamBuffer]byte
	r, w int
}

// streamBuffer is what is read at once: the packets of a video frame, so that
// they leave together.
const streamBuffer = 16<<10 + maxFrame

// next returns the next whole frame, valid until the following call. wait is
// the time by which it must have begun; each must be whole wholeFrame after that,
// or by wait when nothing has been received before.
func (f *framer) next(wait time.Time) ([]byte, error) {
	deadline, begun := wait, false
	for {
		n, err := frameSize(f.buf[f.r:f.w])
		if err != nil {
			return nil, err
		}
		if n > 0 && f.w-f.r >= n {
			frame := f.buf[f.r : f.r+n]
			f.r += n
			return frame, nil
		}
		if f.w > f.r && !begun {
			begun = true
			if d := time.Now().Add(wholeFrame); d.Before(deadline) {
				deadline = d
			}
		}
		if err := f.fill(deadline); err != nil {
			return nil, err
		}
	}
}

// withFollowing extends the ChannelData frame that next has just returned by the
// whole ones that came right behind it.
func (f *framer) withFollowing(frame []byte) []byte {
	start := f.r - len(frame)
	for f.r < f.w && f.buf[f.r]>>6 == 1 {
		n, err := frameSize(f.buf[f.r:f.w])
		if err != nil || n == 0 || f.w-f.r < n {
			break
		}
		f.r += n
	}
	return f.buf[start:f.r]
}

// fill reads once behind what there is.
func (f *framer) fill(deadline time.Time) error {
	if f.r > 0 {
		f.w = copy(f.buf[:], f.buf[f.r:f.w])
		f.r = 0
	}
	if err := f.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	n, err := f.conn.Read(f.buf[f.w:])
	f.w += n
	if n > 0 {
		return nil
	}
	return err
}

// frameSize returns the length of the frame that b begins with, padding
// included; 0 if that cannot be told yet.
func frameSize(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if b[0]>>6 > 1 {
		return 0, errFrame
	}
	if len(b) < 4 {
		return 0, nil
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if b[0]>>6 == 0 {
		if n&3 != 0 {
			return 0, errFrame
		}
		n += stunHeaderLen
	} else {
		n = 4 + (n+3)&^3
	}
	if n > maxFrame {
		return 0, errFrame
	}
	return n, nil
}
