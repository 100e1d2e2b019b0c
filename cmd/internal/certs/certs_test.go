package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is far beyond what a handshake on loopback takes.
const patience = 30 * time.Second

// serve accepts TLS connections, tells each client the protocol that was
// negotiated, and closes.
func serve(t *testing.T, config *tls.Config) string {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(patience))
				c := conn.(*tls.Conn)
				if c.Handshake() == nil {
					_, _ = io.WriteString(c, "protocol "+c.ConnectionState().NegotiatedProtocol)
				}
			})
		}
	})
	t.Cleanup(func() { listener.Close(); group.Wait() })
	return listener.Addr().String()
}

// dial makes one handshake and returns what the server said, and its leaf.
func dial(t *testing.T, addr string, config *tls.Config) (string, *x509.Certificate, error) {
	t.Helper()
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: patience}, Config: config}
	conn, err := dialer.Dial("tcp", addr)
	if err != nil {
		return "", nil, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	said, err := io.ReadAll(conn)
	return string(said), conn.(*tls.Conn).ConnectionState().PeerCertificates[0], err
}

// trusting is a client that believes the leaf in use and asks for name.
func trusting(t *testing.T, p *Provider, name string, protos ...string) *tls.Config {
	t.Helper()
	cert, err := p.certificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	return &tls.Config{RootCAs: pool, ServerName: name, NextProtos: protos}
}

// selfSignedOptions are those of a machine "box" with two addresses.
func selfSignedOptions(dir string) Options {
	return Options{
		Mode: "self-signed", DataDir: dir, PublicURL: "https://Call.example.org:8443",
		Hostname: func() (string, error) { return "Box", nil },
		Addresses: func() ([]net.Addr, error) {
			return []net.Addr{
				&net.IPNet{IP: net.IPv4(192, 168, 7, 9), Mask: net.CIDRMask(24, 32)},
				&net.IPNet{IP: net.ParseIP("fd00::9"), Mask: net.CIDRMask(64, 128)},
				&net.IPNet{IP: net.ParseIP("fe80::9"), Mask: net.CIDRMask(64, 128)},
			}, nil
		},
	}
}

func newProvider(t *testing.T, opts Options) *Provider {
	t.Helper()
	p, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSelfSignedNamesThisMachine(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p := newProvider(t, selfSignedOptions(dir))
	addr := serve(t, p.TLSConfig())
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "box", "box.local", "call.example.org", "192.168.7.9", "fd00::9"} {
		if _, _, err := dial(t, addr, trusting(t, p, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"example.org", "192.168.7.8", "fe80::9"} {
		if _, _, err := dial(t, addr, trusting(t, p, name)); err == nil {
			t.Errorf("the certificate names %s", name)
		}
	}
	info, err := os.Stat(filepath.Join(dir, selfSignedName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key is stored as %v (%v), want 0600", info.Mode(), err)
	}
	if left := time.Until(p.NotAfter()); left < 300*24*time.Hour || left > 398*24*time.Hour {
		t.Errorf("the certificate lasts %v; browsers accept up to 398 days", left)
	}
}

func TestSelfSignedIsKeptAndRemade(t *testing.T) {
	dir := t.TempDir()
	leaf := func(change func(*Options)) string {
		opts := selfSignedOptions(dir)
		change(&opts)
		cert, err := newProvider(t, opts).certificate(&tls.ClientHelloInfo{})
		if err != nil {
			t.Fatal(err)
		}
		return cert.Leaf.SerialNumber.String()
	}
	same := func(*Options) {}
	later := func(d time.Duration) func(*Options) {
		return func(o *Options) { o.Now = func() time.Time { return time.Now().Add(d) } }
	}
	first := leaf(same)
	if leaf(same) != first || leaf(later(300*24*time.Hour)) != first {
		t.Error("a new certificate was made though the old one would do")
	}
	if leaf(func(o *Options) { o.Addresses = func() ([]net.Addr, error) { return nil, errors.New("none") } }) != first {
		t.Error("an address that went away made a new certificate")
	}
	renamed := leaf(func(o *Options) { o.PublicURL = "https://new.example.org" })
	if renamed == first {
		t.Error("the certificate does not follow the public name")
	}
	if leaf(func(o *Options) {
		o.PublicURL = "https://new.example.org"
		later(368 * 24 * time.Hour)(o)
	}) == renamed {
		t.Error("a certificate within 30 days of its end was kept")
	}
	if err := os.WriteFile(filepath.Join(dir, selfSignedName), []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if leaf(same) == first {
		t.Error("a broken file did not make a new certificate")
	}
}

func TestALPN(t *testing.T) {
	p := newProvider(t, selfSignedOptions(t.TempDir()))
	web, turn := serve(t, p.TLSConfig()), serve(t, p.TURNConfig())
	for _, c := range []struct {
		addr   string
		offers []string
		want   string
	}{
		{web, []string{"h2", "http/1.1"}, "h2"},
		{web, []string{"http/1.1"}, "http/1.1"},
		{web, []string{"stun.turn"}, "stun.turn"},
		{web, nil, ""},
		{web, []string{"stun.nat-discovery"}, ""}, // nothing in common
		{web, []string{"acme-tls/1"}, ""},         // no ACME here
		{web, []string{"x", "stun.turn"}, "stun.turn"},
		{turn, []string{"stun.turn"}, "stun.turn"},
		{turn, []string{"h2", "http/1.1"}, ""},
		{turn, nil, ""},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			config := trusting(t, p, "localhost", c.offers...)
			config.MinVersion, config.MaxVersion = version, version
			said, _, err := dial(t, c.addr, config)
			if err != nil || said != "protocol "+c.want {
				t.Errorf("%s offering %q: %q, %v; want %q", tls.VersionName(version), c.offers, said, err, c.want)
			}
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	p := newProvider(t, selfSignedOptions(t.TempDir()))
	addr := serve(t, p.TLSConfig())
	old := trusting(t, p, "localhost")
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, _, err := dial(t, addr, old); err == nil {
		t.Error("TLS 1.1 was accepted")
	}
	for _, protos := range [][]string{nil, {"something"}} { // both configurations
		weak := trusting(t, p, "localhost", protos...)
		weak.MaxVersion = tls.VersionTLS12
		weak.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		if _, _, err := dial(t, addr, weak); err == nil {
			t.Error("a cipher without authenticated encryption was accepted")
		}
	}
}

func TestHTTP2IsServed(t *testing.T) {
	p := newProvider(t, selfSignedOptions(t.TempDir()))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	server.EnableHTTP2 = true
	server.TLS = p.TLSConfig()
	server.StartTLS()
	defer server.Close()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: trusting(t, p, "localhost"), ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	response, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "HTTP/2.0" {
		t.Errorf("served over %s", body)
	}
}

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// journal is a log that a test reads.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) count(what string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), what)
}

// pair is a fresh certificate in PEM, with its key in the same text.
func pair(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	newProvider(t, selfSignedOptions(dir))
	text, err := os.ReadFile(filepath.Join(dir, selfSignedName))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestFilesAreFollowedWhileServing(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	put := func(certText, keyText []byte) {
		t.Helper()
		for path, text := range map[string][]byte{cert: certText, key: keyText} {
			if err := writeFile(path, text); err != nil {
				t.Fatal(err)
			}
		}
	}
	first, second, third := pair(t), pair(t), pair(t)
	put(first, first)
	log, time0 := &journal{}, &clock{at: time.Now()}
	p := newProvider(t, Options{Mode: "files", Cert: cert, Key: key, Now: time0.now, Log: slog.New(slog.NewTextHandler(log, nil))})
	addr := serve(t, p.TLSConfig())
	served := func() string {
		t.Helper()
		_, leaf, err := dial(t, addr, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.String()
	}
	is := func(text []byte) string {
		t.Helper()
		c, err := tls.X509KeyPair(text, text)
		if err != nil {
			t.Fatal(err)
		}
		return c.Leaf.SerialNumber.String()
	}

	if served() != is(first) {
		t.Error("the first pair is not served")
	}
	put(second, second)
	time0.add(lookEvery / 2)
	if served() != is(first) {
		t.Error("the files were looked at twice within a second")
	}
	time0.add(lookEvery)
	if served() != is(second) {
		t.Error("the changed pair is not served")
	}

	put(third, second) // a key that does not fit
	for range 3 {
		time0.add(2 * lookEvery)
		if served() != is(second) {
			t.Error("a broken pair replaced a good one")
		}
	}
	if n := log.count("level=ERROR"); n != 1 {
		t.Errorf("one broken pair was logged %d times", n)
	}
	if err := p.Reload(); err == nil {
		t.Error("Reload does not report the broken pair")
	}
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	time0.add(2 * lookEvery)
	if served() != is(second) {
		t.Error("a missing file ended the service")
	}

	put(third, third)
	if err := p.Reload(); err != nil || served() != is(third) {
		t.Errorf("Reload did not take the mended pair: %v", err)
	}
}

func TestFilesMustBeUsableAtStart(t *testing.T) {
	dir := t.TempDir()
	if _, err := New(Options{Mode: "files", Cert: filepath.Join(dir, "c"), Key: filepath.Join(dir, "k")}); err == nil {
		t.Error("missing files do not stop the start")
	}
	if _, err := New(Options{Mode: "off"}); err == nil {
		t.Error("an unknown mode does not stop the start")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	p := newProvider(t, selfSignedOptions(t.TempDir()))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("Run does not end")
	}
}

func TestBackoff(t *testing.T) {
	for failures, want := range map[int]time.Duration{1: time.Minute, 2: 2 * time.Minute, 6: 32 * time.Minute, 7: time.Hour, 1000: time.Hour} {
		if got := backoff(failures); got != want {
			t.Errorf("after %d failures: %v, want %v", failures, got, want)
		}
	}
}
