package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"
)

// firstBytes is how long a new connection may take to say what it speaks, a
// TLS handshake included. Ten seconds let the slowest phone through and keep
// silent connections from piling up.
const firstBytes = 10 * time.Second

// maxUndecided bounds the connections that have not said yet what they speak.
const maxUndecided = 4096

// Mux shares one TCP port. The first byte tells the protocols apart: 0x16
// opens a TLS handshake, after which the first decrypted byte is judged in the
// same way; 0x00 to 0x03 opens a STUN message (RFC 8489 section 5), and a TURN
// connection always starts with one; everything else is HTTP. Which ALPN a TLS
// client offered does not matter.
//
// Serve runs one goroutine for each undecided connection. It ends by handing
// the connection to HTTP's Accept, or by serving it through Options.Turn.
type Mux struct {
	inner net.Listener
	tls   *tls.Config
	turn  func(net.Conn)
	log   *slog.Logger
	http  chan net.Conn
	slots chan struct{}
	done  chan struct{}
	stop  sync.Once
	wg    sync.WaitGroup

	mu        sync.Mutex
	undecided map[net.Conn]struct{}
}

// NewMux shares l. A nil config means that TLS is not spoken; turn serves one
// TURN connection and returns when it has ended.
func NewMux(l net.Listener, config *tls.Config, turn func(net.Conn), log *slog.Logger) *Mux {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Mux{
		inner: l, tls: config, turn: turn, log: log,
		http:      make(chan net.Conn),
		slots:     make(chan struct{}, maxUndecided),
		done:      make(chan struct{}),
		undecided: make(map[net.Conn]struct{}),
	}
}

// Serve accepts until Close. A failing Accept (out of descriptors, say) is
// retried with a growing pause: the port must come back when they do.
func (m *Mux) Serve() error {
	var pause time.Duration
	for {
		c, err := m.inner.Accept()
		switch {
		case err == nil:
			pause = 0
			m.start(c)
		case m.closed() || errors.Is(err, net.ErrClosed):
			return net.ErrClosed
		default:
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			m.log.Warn("A connection could not be accepted; the port keeps listening.", "error", err, "pause", pause)
			if !m.sleep(pause) {
				return net.ErrClosed
			}
		}
	}
}

// Close stops accepting and drops the connections that are still undecided.
// Those that were handed on belong to HTTP and TURN.
func (m *Mux) Close() error {
	m.stop.Do(func() { close(m.done) })
	err := m.inner.Close()
	m.mu.Lock()
	for c := range m.undecided {
		c.Close()
	}
	m.mu.Unlock()
	return err
}

// Wait returns when every goroutine of the Mux has ended, TURN connections
// included: close the relay first.
func (m *Mux) Wait() { m.wg.Wait() }

func (m *Mux) closed() bool {
	select {
	case <-m.done:
		return true
	default:
		return false
	}
}

func (m *Mux) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-m.done:
		return false
	}
}

func (m *Mux) start(c net.Conn) {
	select {
	case m.slots <- struct{}{}:
	default:
		c.Close()
		return
	}
	if !m.track(c) {
		return
	}
	m.wg.Go(func() {
		decided, turn := m.decide(c)
		m.untrack(c)
		<-m.slots
		switch {
		case decided == nil:
			c.Close()
		case turn:
			m.turn(decided)
		default:
			m.give(decided)
		}
	})
}

func (m *Mux) track(c net.Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed() {
		<-m.slots
		c.Close()
		return false
	}
	m.undecided[c] = struct{}{}
	return true
}

func (m *Mux) untrack(c net.Conn) {
	m.mu.Lock()
	delete(m.undecided, c)
	m.mu.Unlock()
}

func (m *Mux) give(c net.Conn) {
	select {
	case m.http <- c:
	case <-m.done:
		c.Close()
	}
}

const tlsHandshakeByte = 0x16

// decide reads the first byte, through TLS where that is spoken. A nil
// connection is one that said nothing in time.
func (m *Mux) decide(raw net.Conn) (c net.Conn, turn bool) {
	raw.SetDeadline(time.Now().Add(firstBytes))
	p, err := peek(raw)
	if err != nil {
		return nil, false
	}
	if p.first == tlsHandshakeByte && m.tls != nil {
		if p, err = m.handshake(p); err != nil {
			return nil, false
		}
	}
	raw.SetDeadline(time.Time{})
	return p, p.first <= 0x03
}

func (m *Mux) handshake(p *peeked) (*peeked, error) {
	t := tls.Server(p, m.tls)
	ctx, cancel := context.WithTimeout(context.Background(), firstBytes)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		m.log.Debug("A TLS handshake failed.", "client", p.RemoteAddr(), "error", err)
		return nil, err
	}
	return peek(t)
}

// HTTP is the listener of the connections that speak HTTP. A connection that
// came through TLS answers TLSState.
func (m *Mux) HTTP() net.Listener { return httpListener{m} }

type httpListener struct{ m *Mux }

func (l httpListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.m.http:
		return c, nil
	case <-l.m.done:
		return nil, net.ErrClosed
	}
}

func (l httpListener) Close() error   { return l.m.Close() }
func (l httpListener) Addr() net.Addr { return l.m.inner.Addr() }

// peeked gives back the one byte that was read to decide.
type peeked struct {
	net.Conn
	first byte
	given bool
}

func peek(c net.Conn) (*peeked, error) {
	var b [1]byte
	if _, err := c.Read(b[:]); err != nil {
		return nil, err
	}
	return &peeked{Conn: c, first: b[0]}, nil
}

// Read has one caller at a time, as with any connection that is parsed.
func (p *peeked) Read(b []byte) (int, error) {
	if p.given || len(b) == 0 {
		return p.Conn.Read(b)
	}
	p.given = true
	b[0] = p.first
	return 1, nil
}

// NetConn is the connection below, as with tls.Conn. It misses nothing once the
// first byte has been read here.
func (p *peeked) NetConn() net.Conn { return p.Conn }

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
