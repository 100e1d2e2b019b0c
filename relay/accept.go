package relay

import (
	"crypto/tls"
	"errors"
	"net"
	"syscall"
	"time"
)

// Accepting is tried again after a pause that doubles from acceptRetry on.
const (
	acceptRetry    = 5 * time.Millisecond
	acceptRetryMax = time.Second
)

// ServeTCP accepts TURN connections on l until Close, which closes it; then it
// returns nil. Running out of descriptors does not end it. l may be a TLS
// listener, but ServeTLS costs less.
func (s *Server) ServeTCP(l net.Listener) error { return s.serve(l, s.ServeConn) }

// ServeTLS is ServeTCP for TURN over TLS.
func (s *Server) ServeTLS(l net.Listener, config *tls.Config) error {
	return s.serve(l, func(c net.Conn) {
		below := &under{c}
		s.ServeConn(tls.Server(below, config))
	})
}

// under lies between TLS and the socket.
type under struct{ net.Conn }

// NetConn is the connection below, as with tls.Conn.
func (u *under) NetConn() net.Conn { return u.Conn }

// Rewire puts what f makes of the connection below in its place.
func (u *under) Rewire(f func(net.Conn) net.Conn) { u.Conn = f(u.Conn) }

func (s *Server) serve(l net.Listener, each func(net.Conn)) error {
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
			go each(c)
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
