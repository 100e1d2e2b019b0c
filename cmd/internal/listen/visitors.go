package listen

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Visitors bounds how many TCP connections one address has open: who holds them
// for the sake of holding must not take the descriptors of everybody else. An
// IPv6 /64 counts as one address, since one customer has all of it.
//
// Several ports may share one Visitors. It starts no goroutine; its methods may
// be called from any.
type Visitors struct {
	opt VisitorsOptions

	mu      sync.Mutex
	most    int
	open    map[netip.Prefix]int
	refused uint64
	told    time.Time // when a refusal was logged last
	untold  uint64    // refusals since
}

// VisitorsOptions is how many connections one address may have.
type VisitorsOptions struct {
	Most int // of one address; see SetMost
	// Proxies are networks whose addresses speak for many people: no bound there.
	Proxies []netip.Prefix
	Log     *slog.Logger // nil discards
}

// tellEvery keeps a flood out of the log.
const tellEvery = 10 * time.Second

// NewVisitors counts from nothing.
func NewVisitors(opt VisitorsOptions) *Visitors {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Visitors{opt: opt, most: opt.Most, open: make(map[netip.Prefix]int)}
}

// SetMost changes the bound for who comes from now on.
func (v *Visitors) SetMost(n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.most = n
}

// Refused is how many connections were closed because their address had too many.
func (v *Visitors) Refused() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.refused
}

// Bound gives those connections of l that their address may have, and closes
// the others unread.
func (v *Visitors) Bound(l net.Listener) net.Listener { return boundListener{l, v} }

type boundListener struct {
	net.Listener
	v *Visitors
}

func (l boundListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if counted, ok := l.v.enter(c); ok {
			return counted, nil
		}
		l.v.refuse(c)
	}
}

// visitor is a counted connection. It is a TCP connection in all else, so that
// who looks for one below a wrapper ends here and closes this.
type visitor struct {
	*net.TCPConn
	v    *Visitors
	from netip.Prefix
	once sync.Once
}

// Close takes the connection off the count.
func (c *visitor) Close() error {
	c.once.Do(func() { c.v.leave(c.from) })
	return c.TCPConn.Close()
}

// enter counts c until it is closed; false when its address has too many. What
// is no TCP, or comes from a proxy, is passed on as it is.
func (v *Visitors) enter(c net.Conn) (net.Conn, bool) {
	t, ok := c.(*net.TCPConn)
	if !ok || v.isProxy(c) {
		return c, true
	}
	from := network(c)
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open[from] >= v.most {
		return c, false
	}
	v.open[from]++
	return &visitor{TCPConn: t, v: v, from: from}, true
}

func (v *Visitors) leave(from netip.Prefix) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.open[from]--; v.open[from] <= 0 {
		delete(v.open, from)
	}
}

// refuse closes c at once: a reset costs neither side an answer, and the kernel
// keeps nothing of it.
func (v *Visitors) refuse(c net.Conn) {
	n := v.countRefused()
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	c.Close()
	if n > 0 {
		v.opt.Log.Warn("Connections were refused: their address has as many open as one may. Behind a proxy, name it in http.trusted_proxies.",
			"address", network(c), "refused", n)
	}
}

// countRefused answers how many refusals there were since they were last told
// of, 0 when that was just now.
func (v *Visitors) countRefused() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refused++
	v.untold++
	now := time.Now()
	if now.Sub(v.told) < tellEvery {
		return 0
	}
	n := v.untold
	v.told, v.untold = now, 0
	return n
}

func (v *Visitors) isProxy(c net.Conn) bool {
	a := remote(c)
	return slices.ContainsFunc(v.opt.Proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// network is what counts as one address: itself, or its /64 in IPv6.
func network(c net.Conn) netip.Prefix {
	a, bits := remote(c), 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// remote is the other side's address; the zero Addr where there is none.
func remote(c net.Conn) netip.Addr {
	t, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return t.AddrPort().Addr().Unmap().WithZone("")
}
