package listen

import (
	"container/list"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// firstBytes is how long a new connection may take to say what it speaks, a
// TLS handshake included. Ten seconds let the slowest phone through and keep
// silent connections from piling up.
const firstBytes = 10 * time.Second

// maxSilent bounds the connections that have not said yet what they speak. One
// more ends the oldest: who only holds connections open must not keep others out.
const maxSilent = 4096

// Mux shares one TCP port. The first byte tells the protocols apart: 0x16
// opens a TLS handshake, after which the first decrypted byte is judged in the
// same way; 0x00 to 0x03 opens a STUN message (RFC 8489 section 5), and a TURN
// connection always starts with one; everything else is HTTP. Which ALPN a TLS
// client offered does not matter.
//
// Serve runs one goroutine for each undecided connection. It ends by handing
// the connection to HTTP's Accept, or by serving it through Turn or Upgrade.
type Mux struct {
	inner net.Listener
	opt   MuxOptions
	http  chan net.Conn
	done  chan struct{}
	stop  sync.Once

	served chan struct{} // closed when Serve accepts nobody any more
	wg     sync.WaitGroup

	ahead sync.Pool // of *[peekSize]byte

	mu        sync.Mutex
	undecided map[net.Conn]struct{} // not handed on yet
	silent    list.List             // those of them that have not spoken, oldest first
}

// MuxOptions is what a Mux does with the connections of its port.
type MuxOptions struct {
	TLS  *tls.Config    // nil: TLS is not spoken
	Turn func(net.Conn) // serves one TURN connection, with a method Accepted() time.Time, and returns when it has ended
	// Upgrade may take an HTTP connection of which head is all that came yet. It
	// answers on c and returns true, or touches nothing and returns false: then
	// the connection goes to HTTP, head included. It must not keep head. Nil
	// takes none.
	Upgrade  func(c net.Conn, head []byte) bool
	Visitors *Visitors    // bounds the connections of one address; nil does not
	Log      *slog.Logger // nil discards
}

// NewMux shares l.
func NewMux(l net.Listener, opt MuxOptions) *Mux {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Mux{
		inner: l, opt: opt,
		http:      make(chan net.Conn),
		done:      make(chan struct{}),
		served:    make(chan struct{}),
		ahead:     sync.Pool{New: func() any { return new([peekSize]byte) }},
		undecided: make(map[net.Conn]struct{}),
	}
}

// Serve accepts until Drain or Close; it is called once. A failing Accept is retried
// with a growing pause. When descriptors have run out the oldest silent connection
// makes room: who only holds connections open must not keep others out.
func (m *Mux) Serve() error {
	defer close(m.served)
	var pause time.Duration
	var told time.Time
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
			if time.Since(told) >= tellEvery {
				told = time.Now()
				m.opt.Log.Warn("A connection could not be accepted; the port keeps listening.", "error", err, "pause", pause)
			}
			if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
				m.evict()
			}
			if !m.sleep(pause) {
				return net.ErrClosed
			}
		}
	}
}

// Drain stops accepting, so that the next process of a service manager's socket
// gets whoever comes now, and waits until those who came before have said what
// they speak. Who says nothing until ctx ends is left to Close.
func (m *Mux) Drain(ctx context.Context) {
	m.inner.Close()
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for accepting := m.served; accepting != nil || m.deciding() > 0; {
		select {
		case <-accepting:
			accepting = nil
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// drainTick is how often Drain looks: a handshake takes a few of these.
const drainTick = 10 * time.Millisecond

// deciding counts the connections that are not handed on yet.
func (m *Mux) deciding() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.undecided)
}

// Close stops accepting and drops the connections that are still undecided.
// Those that were handed on belong to HTTP and TURN. Closing twice is harmless.
func (m *Mux) Close() (err error) {
	m.stop.Do(func() {
		close(m.done)
		err = m.inner.Close()
	})
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
	c, ok := m.enter(c)
	if !ok {
		m.opt.Visitors.refuse(c)
		return
	}
	at, oldest := m.track(c)
	if oldest != nil {
		oldest.Close()
	}
	if at == nil {
		c.Close()
		return
	}
	m.wg.Go(func() {
		decided := m.decide(c)
		m.spoken(at)
		if decided == nil {
			m.untrack(c)
			c.Close()
			return
		}
		m.handOn(c, decided)
	})
}

// handOn serves a connection whose protocol is known, or gives it to HTTP.
func (m *Mux) handOn(c net.Conn, p *peeked) {
	switch {
	case p.ahead[0] <= 0x03:
		m.untrack(c)
		m.opt.Turn(p)
	case m.opt.Upgrade == nil || !m.upgraded(p):
		m.give(p)
		m.untrack(c)
	default:
		m.untrack(c)
	}
}

// upgraded offers a connection to Upgrade, which reads on behind the head. Once
// it is taken it belongs to somebody else, who may be reading it already.
func (m *Mux) upgraded(p *peeked) bool {
	head, buf := p.ahead, p.buf
	p.ahead, p.buf = nil, nil
	if m.opt.Upgrade(p, head) {
		m.ahead.Put(buf)
		return true
	}
	p.ahead, p.buf = head, buf
	return false
}

// enter counts c among its address's connections, the oldest silent one of which
// makes room when there are too many; false means that all of them have spoken.
func (m *Mux) enter(c net.Conn) (net.Conn, bool) {
	if m.opt.Visitors == nil {
		return c, true
	}
	for {
		counted, ok := m.opt.Visitors.enter(c)
		if ok {
			return counted, true
		}
		oldest := m.takeSilent(network(c))
		if oldest == nil {
			return c, false
		}
		oldest.Close()
	}
}

// takeSilent takes the oldest silent connection of an address off the list.
func (m *Mux) takeSilent(from netip.Prefix) net.Conn {
	m.mu.Lock()
	defer m.mu.Unlock()
	for e := m.silent.Front(); e != nil; e = e.Next() {
		if v, ok := e.Value.(*visitor); ok && v.from == from {
			m.silent.Remove(e)
			return v
		}
	}
	return nil
}

// evict ends the oldest silent connection, if there is one.
func (m *Mux) evict() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.silent.Front(); e != nil {
		m.silent.Remove(e).(net.Conn).Close()
	}
}

// track returns the place of c among the silent, nil after Close, and the
// connection that must make room for it, if any.
func (m *Mux) track(c net.Conn) (at *list.Element, oldest net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed() {
		return nil, nil
	}
	if m.silent.Len() >= maxSilent {
		oldest = m.silent.Remove(m.silent.Front()).(net.Conn)
	}
	m.undecided[c] = struct{}{}
	return m.silent.PushBack(c), oldest
}

// spoken takes a connection off the silent, if it has not had to make room.
func (m *Mux) spoken(at *list.Element) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.silent.Remove(at)
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

// decide reads the first bytes, through TLS where that is spoken. Nil is for a
// connection that said nothing in time.
func (m *Mux) decide(raw net.Conn) *peeked {
	accepted := time.Now()
	raw.SetDeadline(accepted.Add(firstBytes))
	p, err := m.peek(raw)
	if err != nil {
		return nil
	}
	if p.ahead[0] == tlsHandshakeByte && m.opt.TLS != nil {
		if p, err = m.handshake(p); err != nil {
			return nil
		}
	}
	raw.SetDeadline(time.Time{})
	p.accepted = accepted
	return p
}

func (m *Mux) handshake(p *peeked) (*peeked, error) {
	t := tls.Server(p, m.opt.TLS)
	ctx, cancel := context.WithTimeout(context.Background(), firstBytes)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		p.release()
		m.opt.Log.Debug("A TLS handshake failed.", "client", p.RemoteAddr(), "error", err)
		return nil, err
	}
	return m.peek(t)
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
