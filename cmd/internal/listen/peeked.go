package listen

import (
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// peekSize holds the whole head of a usual request, and a TLS ClientHello.
const peekSize = 2048

// peeked gives back what was read to decide.
type peeked struct {
	net.Conn
	ahead []byte // what is still to be given back; of buf
	buf   *[peekSize]byte
	pool  *sync.Pool

	accepted time.Time // of what was decided
}

// peek waits for the first bytes and takes what has come.
func (m *Mux) peek(c net.Conn) (*peeked, error) {
	buf := m.ahead.Get().(*[peekSize]byte)
	n, err := c.Read(buf[:])
	if n == 0 {
		m.ahead.Put(buf)
		return nil, err
	}
	return &peeked{Conn: c, ahead: buf[:n], buf: buf, pool: &m.ahead}, nil
}

// Read has one caller at a time, as with any connection that is parsed.
func (p *peeked) Read(b []byte) (int, error) {
	if p.buf == nil || len(b) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.ahead)
	if p.ahead = p.ahead[n:]; len(p.ahead) == 0 {
		p.release()
	}
	return n, nil
}

// release drops what has not been given back.
func (p *peeked) release() {
	if p.buf != nil {
		p.pool.Put(p.buf)
		p.ahead, p.buf = nil, nil
	}
}

// NetConn is the connection below, as with tls.Conn. It misses nothing once a
// Read with room for peekSize has returned, such as the first one of net/http.
func (p *peeked) NetConn() net.Conn { return p.Conn }

// Rewire puts what f makes of the connection below in its place, while nobody
// reads or writes: a relay has another way to use a socket.
func (p *peeked) Rewire(f func(net.Conn) net.Conn) { p.Conn = f(p.Conn) }

// Accepted is when the connection came: who judges its first message counts what
// it took to say what it speaks.
func (p *peeked) Accepted() time.Time { return p.accepted }

// TLSState tells whether c came through TLS, and with which parameters.
func TLSState(c net.Conn) (tls.ConnectionState, bool) {
	p, ok := c.(*peeked)
	if !ok {
		return tls.ConnectionState{}, false
	}
	t, ok := p.Conn.(*tls.Conn)
	if !ok {
		return tls.ConnectionState{}, false
	}
	return t.ConnectionState(), true
}
