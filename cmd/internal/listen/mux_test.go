package listen_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"parley/cmd/internal/listen"
)

// site serves HTTP and a TURN stand-in ("turn:" and what was sent) on one port.
func site(t *testing.T, conf *tls.Config) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return siteOn(t, l, conf)
}

func siteOn(t *testing.T, l net.Listener, conf *tls.Config) (addr string) {
	t.Helper()
	m := listen.NewMux(l, listen.MuxOptions{TLS: conf, Turn: func(c net.Conn) {
		defer c.Close()
		b := make([]byte, 4)
		if _, err := io.ReadFull(c, b); err == nil {
			c.Write(append([]byte("turn:"), b...))
		}
	}})
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Proto)
	}), Protocols: new(http.Protocols)}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(true)
	go m.Serve()
	go srv.Serve(m.HTTP())
	t.Cleanup(func() {
		srv.Close()
		m.Close()
		m.Wait()
	})
	return l.Addr().String()
}

// certificate borrows httptest's, which clients of its server trust.
func certificate(t *testing.T) (*tls.Config, *http.Client) {
	s := httptest.NewUnstartedServer(nil)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return &tls.Config{Certificates: s.TLS.Certificates, NextProtos: []string{"h2", "http/1.1", "stun.turn"}}, s.Client()
}

func body(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, _ := io.ReadAll(r.Body)
	return string(b)
}

func TestPlainPortServesHTTPAndTURN(t *testing.T) {
	addr := site(t, nil)
	if got := body(t, http.DefaultClient, "http://"+addr+"/"); got != "HTTP/1.1" {
		t.Errorf("plain HTTP answered %q", got)
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	wantTURN(t, c)
}

func TestTLSPortServesHTTP2AndTURNWithAnyALPN(t *testing.T) {
	conf, client := certificate(t)
	addr := site(t, conf)
	if got := body(t, client, "https://"+addr+"/"); got != "HTTP/2.0" {
		t.Errorf("HTTPS answered %q, want HTTP/2.0", got)
	}
	for _, alpn := range [][]string{nil, {"stun.turn"}, {"http/1.1"}, {"h2"}} {
		c, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: alpn})
		if err != nil {
			t.Fatalf("ALPN %v: %v", alpn, err)
		}
		wantTURN(t, c)
	}
	plain, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	wantTURN(t, plain)
}

func wantTURN(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	c.Write([]byte{0, 3, 0, 8})
	got, err := bufio.NewReader(c).ReadString(8)
	if err != nil || got != "turn:\x00\x03\x00\x08" {
		t.Errorf("TURN answered %q, %v", got, err)
	}
}

func TestWhoTakesAConnectionReadsOnBehindTheHead(t *testing.T) {
	conf, _ := certificate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken := make(chan string, 2)
	m := listen.NewMux(l, listen.MuxOptions{TLS: conf, Upgrade: func(c net.Conn, head []byte) bool {
		defer c.Close()
		b := make([]byte, 4)
		io.ReadFull(c, b)
		taken <- string(head) + "|" + string(b)
		return true
	}})
	go m.Serve()
	t.Cleanup(func() { m.Close(); m.Wait() })
	plain, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	secure, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{plain, secure} {
		defer c.Close()
		io.WriteString(c, "HEAD")
		time.Sleep(50 * time.Millisecond) // so that the rest is not read with the head
		io.WriteString(c, "rest")
		select {
		case got := <-taken:
			if got != "HEAD|rest" {
				t.Errorf("got %q", got)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("nobody took the connection")
		}
	}
}

func TestCloseDropsUndecidedConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := listen.NewMux(l, listen.MuxOptions{Turn: func(c net.Conn) { c.Close() }})
	served := make(chan error, 1)
	go func() { served <- m.Serve() }()
	silent, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	m.Close()
	m.Wait()
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve returned %v", err)
	}
	silent.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := silent.Read(make([]byte, 1)); err == nil || errors.Is(err, errTimeout(err)) {
		t.Errorf("the silent connection is still open: %v", err)
	}
}

func errTimeout(err error) error {
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return err
	}
	return errors.New("no timeout")
}

func TestPortInUseNamesKeyAndAdvice(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = listen.Open(listen.Options{HTTP: l.Addr().String()})
	var le *listen.Error
	if !errors.As(err, &le) || le.Key != "http.listen" {
		t.Fatalf("got %v", err)
	}
}

func TestRelayHasOnePortForUDPAndTCP(t *testing.T) {
	s, err := listen.Open(listen.Options{Relay: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	u, tc := s.RelayUDP.LocalAddr().(*net.UDPAddr).Port, s.RelayTCP.Addr().(*net.TCPAddr).Port
	if u != tc {
		t.Errorf("UDP on %d, TCP on %d", u, tc)
	}
}

func TestSilentConnectionsMakeRoom(t *testing.T) {
	addr := site(t, nil)
	const more = 4096 + 10 // than a Mux keeps
	for range more {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Skipf("not enough descriptors for this test: %v", err)
		}
		defer c.Close()
	}
	if got := body(t, http.DefaultClient, "http://"+addr+"/"); got != "HTTP/1.1" {
		t.Errorf("behind silent connections HTTP answered %q", got)
	}
}

// scarce has run out of descriptors when it is asked the second time.
type scarce struct {
	net.Listener
	asked int
}

func (l *scarce) Accept() (net.Conn, error) {
	if l.asked++; l.asked == 2 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestASilentConnectionGivesUpItsDescriptor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := siteOn(t, &scarce{Listener: l}, nil)
	silent, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	silent.SetReadDeadline(time.Now().Add(patience / 2)) // it would be closed after ten seconds in any case
	if _, err := silent.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the silent connection keeps its descriptor: %v", err)
	}
	if got := body(t, http.DefaultClient, "http://"+addr+"/"); got != "HTTP/1.1" {
		t.Errorf("behind it HTTP answered %q", got)
	}
}
