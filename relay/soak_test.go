package relay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// soakTime is how long TestSoak runs: a minute in make test, whose packages run
// side by side, a moment elsewhere.
func soakTime() time.Duration {
	switch {
	case testing.Short():
		return 2 * time.Second
	case os.Getenv("INTEROP") == "required":
		return time.Minute
	}
	return 10 * time.Second
}

// TestSoak has 200 clients live call after call over all transports: allocate,
// permit, bind, relay, refresh, and end in one of five ways. Afterwards
// everything is as it was. The race detector looks on: permissions have timers
// that meet the end of their allocation.
func TestSoak(t *testing.T) {
	s := start(t, func(o *Options) { o.AllowOwn, o.MaxPerAddress, o.MaxTCPPerAddress = true, 10000, 10000 })
	secure := s.serveTLS()
	peer := echoPeer(t)
	play := func(d time.Duration, least int64) {
		t.Helper()
		var calls, failures atomic.Int64
		var clients sync.WaitGroup
		end := time.Now().Add(d)
		for i := range 200 {
			clients.Go(func() {
				for n := i; time.Now().Before(end); n++ {
					c := soakCall{s: s, login: fmt.Sprint("soak", i), secure: secure, peer: peer, way: n % 5}
					if err := c.play([]string{"udp", "tcp", "udp", "tls"}[i%4]); err != nil && failures.Add(1) < 5 {
						t.Errorf("call %d of client %d: %v", n, i, err)
					}
					calls.Add(1)
				}
			})
		}
		clients.Wait()
		if calls.Load() < least {
			t.Fatalf("%d calls", calls.Load())
		}
		t.Logf("%d calls, %d failed", calls.Load(), failures.Load())
		for _, a := range s.Allocations() { // clients that went without a word
			s.End(a.ID)
		}
		eventually(t, "the connections are gone", func() bool { return s.Snapshot().Streams == 0 })
	}
	play(time.Second, 1)
	goroutines, files, heap := runtime.NumGoroutine(), openFiles(), liveHeap()
	play(soakTime(), 400)
	eventually(t, "goroutines and files are as before", func() bool {
		return runtime.NumGoroutine() <= goroutines+2 && openFiles() <= files+2
	})
	t.Logf("heap %d -> %d bytes, %d goroutines, %d files", heap, liveHeap(), goroutines, files)
	if now := liveHeap(); now > heap+4<<20 {
		t.Errorf("the heap has grown from %d to %d bytes", heap, now)
	}
	s.ctl.Lock()
	defer s.ctl.Unlock()
	if n := len(s.allocs) + len(s.byID) + len(s.logins) + len(s.perAddress) + len(s.reservations); n > 0 || len(s.ports.free) != 10000 {
		t.Errorf("%d entries left, %d ports free", n, len(s.ports.free))
	}
}

func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first has put aside
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// soakCall is one call of one client.
type soakCall struct {
	s      *testServer
	login  string
	secure netip.AddrPort
	peer   netip.AddrPort
	way    int // how it ends

	conn  net.Conn
	frame framer
	user  user
	nonce []byte
}

func (c *soakCall) play(network string) error {
	if err := c.dial(network); err != nil {
		return err
	}
	defer func() { _ = c.conn.Close() }()
	c.user, c.frame = c.s.user(c.login), framer{conn: c.conn}
	for _, step := range []struct {
		m     method
		attrs func(*builder)
	}{
		{methodAllocate, udpTransport},
		{methodCreatePermission, peerAttr(c.peer)},
		{methodChannelBind, bindAttrs(0x4000, c.peer)},
		{methodChannelBind, bindAttrs(0x4001, netip.MustParseAddrPort("8.8.8.8:5000"))},
	} {
		if err := c.want(step.m, step.attrs); err != nil {
			return err
		}
	}
	if err := c.echo(); err != nil {
		return err
	}
	if err := c.want(methodRefresh, lifetimeAttr(3600)); err != nil {
		return err
	}
	switch c.way {
	case 0:
		return c.want(methodRefresh, lifetimeAttr(0))
	case 1:
		c.s.EndLogin(c.login)
	case 2:
		for _, a := range c.s.Allocations() {
			if a.Login == c.login {
				c.s.End(a.ID)
			}
		}
	case 3: // the end meets a permission that is just being made
		_, _ = c.conn.Write(c.signed(methodCreatePermission, peerAttr(netip.MustParseAddrPort("8.8.4.4:5000"))))
		c.s.EndLogin(c.login)
	}
	return nil
}

// dial connects. A port that another call has left behind with its allocation
// comes again soon, so over UDP what is left there is ended first.
func (c *soakCall) dial(network string) (err error) {
	if network == "tls" {
		c.conn, err = dialTLS(c.secure)
		return err
	}
	if c.conn, err = net.Dial(network, c.s.addr.String()); err == nil {
		c.s.endOf(c.conn.LocalAddr())
	}
	return err
}

func (c *soakCall) signed(m method, attrs func(*builder)) []byte {
	w := newMessage(m, classRequest, transactionID())
	if attrs(w); c.nonce == nil {
		return w.b
	}
	w.add(attrUsername, []byte(c.user.name)).add(attrRealm, []byte(c.user.realm)).add(attrNonce, c.nonce)
	return w.sign(c.user.key()).b
}

// want does a request that must succeed, once a nonce is known.
func (c *soakCall) want(m method, attrs func(*builder)) error {
	for {
		raw := c.signed(m, attrs)
		answer, err := c.ask(raw, func(b []byte) bool { return len(b) >= 20 && slices.Equal(b[8:20], raw[8:20]) })
		if err != nil {
			return fmt.Errorf("method %d: %w", m, err)
		}
		r, err := parse(answer, nil)
		if err != nil {
			return err
		}
		if nonce, has := r.get(attrNonce); has && c.nonce == nil && code(&r) == 401 {
			c.nonce = slices.Clone(nonce)
			continue
		}
		if n := code(&r); n != 0 {
			return fmt.Errorf("method %d: code %d", m, n)
		}
		return nil
	}
}

func (c *soakCall) echo() error {
	data := append([]byte{0x40, 0, 0, 8}, c.login...)[:12]
	_, err := c.ask(data, func(b []byte) bool { return slices.Equal(b, data) })
	return err
}

// ask sends until what is wanted comes.
func (c *soakCall) ask(b []byte, wanted func([]byte) bool) ([]byte, error) {
	_, stream := c.conn.(*net.UDPConn)
	stream = !stream
	for end := deadlineIn(patience); time.Now().Before(end); {
		if _, err := c.conn.Write(b); err != nil {
			return nil, err
		}
		next := deadlineIn(time.Second)
		if stream {
			next = end
		}
		for {
			in, err := c.read(stream, next)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return nil, err
			}
			if wanted(in) {
				return in, nil
			}
		}
	}
	return nil, errors.New("no answer")
}

func (c *soakCall) read(stream bool, by time.Time) ([]byte, error) {
	if stream {
		return c.frame.next(by)
	}
	_ = c.conn.SetReadDeadline(by)
	b := make([]byte, 2000)
	n, err := c.conn.Read(b)
	return b[:n], err
}
