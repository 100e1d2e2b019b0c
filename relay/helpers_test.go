package relay

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"
)

// patience is far more than anything here takes on an idle machine.
const patience = 10 * time.Second

// clock is a settable Now.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// testServer is a running server on port 0 over UDP and TCP.
type testServer struct {
	*Server
	t    testing.TB
	addr netip.AddrPort // of both transports
}

const testSecret = "north"

func testOptions() Options {
	return Options{
		Realm: "example.org", Secrets: []string{testSecret},
		External: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
		PortMin:  20000, PortMax: 29999,
		Reloadable: Reloadable{UnauthenticatedRate: 100000},
	}
}

// start runs a server; change may alter the options. In the end no goroutine of
// its may be left.
func start(t testing.TB, change func(*Options)) *testServer {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() { checkGoroutines(t, before) })
	return startAmong(t, change)
}

// startAmong is start for one server among several, whose goroutines cannot be
// told apart.
func startAmong(t testing.TB, change func(*Options)) *testServer {
	t.Helper()
	o := testOptions()
	o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	if change != nil {
		change(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	l, udp := listenBoth(t)
	s.SetICE(ICEOptions{Listen: l.Addr().(*net.TCPAddr).AddrPort()})
	var served sync.WaitGroup
	served.Go(func() {
		if err := s.ServeUDP(udp); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("ServeUDP: %v", err)
		}
	})
	served.Go(func() {
		if err := s.ServeTCP(l); err != nil && !errors.Is(err, ErrClosed) {
			t.Errorf("ServeTCP: %v", err)
		}
	})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		served.Wait()
	})
	return &testServer{Server: s, t: t, addr: l.Addr().(*net.TCPAddr).AddrPort()}
}

// serveTLS lets the server take TLS connections too and returns where.
func (s *testServer) serveTLS() netip.AddrPort {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{selfSigned(s.t)}}
	go func() {
		if err := s.ServeTLS(l, config); err != nil && !errors.Is(err, ErrClosed) {
			s.t.Errorf("ServeTCP: %v", err)
		}
	}()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

func dialTLS(to netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Timeout: patience}
	return tls.DialWithDialer(&d, "tcp", to.String(), &tls.Config{InsecureSkipVerify: true})
}

// listenBoth binds one port on both transports.
func listenBoth(t testing.TB) (net.Listener, *net.UDPConn) {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(l.Addr().(*net.TCPAddr).AddrPort()))
		if err == nil {
			return l, udp
		}
		_ = l.Close()
	}
	t.Fatal("no port is free for both transports")
	return nil, nil
}

func checkGoroutines(t testing.TB, before int) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if runtime.NumGoroutine() <= before {
			return
		}
		if time.Now().After(end) {
			buf := make([]byte, 1<<20)
			t.Errorf("%d goroutines before, %d after Close:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
			return
		}
	}
}

// eventually waits until f is true.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// echoPeer answers every datagram.
func echoPeer(t testing.TB) netip.AddrPort {
	t.Helper()
	c := plainPeer(t)
	go echo(c)
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func echo(c *net.UDPConn) {
	buf := make([]byte, 4096)
	for {
		n, a, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		_, _ = c.WriteToUDPAddrPort(buf[:n], a)
	}
}

func plainPeer(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func deadlineIn(d time.Duration) time.Time { return time.Now().Add(d) }
