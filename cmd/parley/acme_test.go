package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pion/turn/v4"

	"parley/cmd/internal/config"
)

const (
	// pebbleModule is the test authority of Let's Encrypt, run as a program: as a
	// dependency it would bring a dozen modules into go.mod.
	pebbleModule = "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1"
	acmeName     = "call.example.org"
	// shortLife is that of a certificate in these tests, in seconds; it is renewed
	// at two thirds.
	shortLife = 24
)

// pebble is a running authority that validates at ports of 127.0.0.1.
type pebble struct {
	directory, caFile string
	roots             *x509.CertPool // of what it issues
}

func startPebble(t *testing.T, tlsPort, httpPort int) pebble {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "install", pebbleModule)
	build.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		if os.Getenv("INTEROP") == "required" {
			t.Fatalf("%v: %s", err, out)
		}
		t.Skipf("the test authority cannot be built here: %v", err)
	}
	where, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/letsencrypt/pebble/v2@v2.10.1").Output()
	if err != nil {
		t.Fatal(err)
	}
	certs := filepath.Join(strings.TrimSpace(string(where)), "test", "certs")
	api, manage := freePort(t), freePort(t)
	file := filepath.Join(dir, "pebble.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{"pebble":{"listenAddress":"127.0.0.1:%d","managementListenAddress":"127.0.0.1:%d",
		"certificate":%q,"privateKey":%q,"tlsPort":%d,"httpPort":%d,"profiles":{"default":{"description":"short","validityPeriod":%d}}}}`,
		api, manage, certs+"/localhost/cert.pem", certs+"/localhost/key.pem", tlsPort, httpPort, shortLife), 0o600); err != nil {
		t.Fatal(err)
	}
	c := bound(exec.Command(filepath.Join(dir, "pebble"), "-config", file, "-dnsserver", everyNameIsLoopback(t)))
	c.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	var log lockedBuffer
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	p := pebble{fmt.Sprintf("https://localhost:%d/dir", api), certs + "/pebble.minica.pem", x509.NewCertPool()}
	p.roots.AppendCertsFromPEM(fetchRoot(t, fmt.Sprintf("https://localhost:%d/roots/0", manage)))
	return p
}

// fetchRoot waits until the authority runs, and asks for its root.
func fetchRoot(t *testing.T, url string) (pem []byte) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	eventually(t, "the authority runs", func() bool {
		resp, err := client.Get(url)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		pem, err = io.ReadAll(resp.Body)
		return err == nil && resp.StatusCode == http.StatusOK
	})
	return pem
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// everyNameIsLoopback is a DNS server over TCP (RFC 1035) with one answer.
func everyNameIsLoopback(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			answerDNS(c)
			c.Close()
		}
	}()
	return l.Addr().String()
}

func answerDNS(c net.Conn) {
	c.SetDeadline(time.Now().Add(patience))
	var size [2]byte
	if _, err := io.ReadFull(c, size[:]); err != nil {
		return
	}
	q := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(c, q); err != nil || len(q) < 12 {
		return
	}
	end := 12
	for end < len(q) && q[end] != 0 {
		end += 1 + int(q[end])
	}
	if end += 5; end > len(q) { // the root label, type and class
		return
	}
	answers := byte(0)
	if q[end-3] == 1 { // an A record is asked for
		answers = 1
	}
	a := append([]byte{q[0], q[1], 0x85, 0x80, 0, 1, 0, answers, 0, 0, 0, 0}, q[12:end]...)
	if answers == 1 {
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)
	}
	c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...))
}

// acmeSettings are those of a server whose authority is p.
func (p pebble) settings(c *config.Config) {
	c.HTTP.PublicURL = "https://" + acmeName
	c.TLS = config.TLS{Mode: "acme", ACMEDirectory: p.directory, ACMECAFile: p.caFile}
	c.Relay.TLSListen = "127.0.0.1:0"
}

// shown is the certificate that a TLS port shows, once it is a valid one.
func (p pebble) shown(addr string) (*x509.Certificate, error) {
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: p.roots, ServerName: acmeName})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0], nil
}

func (p pebble) waitForAnother(t *testing.T, addr string, old *x509.Certificate) (shown *x509.Certificate) {
	t.Helper()
	for deadline := time.Now().Add(shortLife*time.Second + patience); ; time.Sleep(100 * time.Millisecond) {
		var err error
		if shown, err = p.shown(addr); err == nil && (old == nil || !shown.Equal(old)) {
			return shown
		}
		if time.Now().After(deadline) {
			t.Fatalf("no certificate, or no other one, at %s: %v", addr, err)
		}
	}
}

// A certificate is obtained on the port that serves everybody, and its renewal
// touches no call.
func TestACMERenewsUnderALiveCall(t *testing.T) {
	t.Parallel()
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	authority := startPebble(t, web.Addr().(*net.TCPAddr).Port, freePort(t))
	p := startWith(t, map[string][]net.Listener{"http": {web}}, authority.settings)
	ports := map[string]string{"web": web.Addr().String(), "relay": p.socks.RelayTLS.Addr().String()}
	first := authority.waitForAnother(t, ports["web"], nil)
	if got := p.readiness(); got != `200 {"ready":true,"reasons":[]}` {
		t.Errorf("with a certificate /readyz is %s", got)
	}

	ann, bob := p.signInOverTLS(authority, "Ann"), p.signInOverTLS(authority, "Bob")
	a, b := ann.allocateTLS(authority, ports["web"]), bob.allocateTLS(authority, ports["relay"])
	exchange(t, a, b)
	end := p.certs.NotAfter()

	for _, addr := range ports {
		if next := authority.waitForAnother(t, addr, first); !next.NotAfter.After(first.NotAfter) {
			t.Errorf("renewed until %v, before %v", next.NotAfter, first.NotAfter)
		}
	}
	if !p.certs.NotAfter().After(end) {
		t.Errorf("the metric says %v still", end)
	}
	exchange(t, a, b)
}

func TestACMEOverPlainHTTP(t *testing.T) {
	t.Parallel()
	plain := freePort(t)
	// Nothing listens where the authority looks for TLS, as with a proxy in front.
	authority := startPebble(t, freePort(t), plain)
	p := start(t, authority.settings, func(c *config.Config) { c.TLS.ACMEHTTPListen = "127.0.0.1:" + strconv.Itoa(plain) })
	authority.waitForAnother(t, p.socks.HTTP.Addr().String(), nil)
}

// While the authority is out of reach the server says what it waits for.
func TestReadyzTellsThatTheCertificateIsMissing(t *testing.T) {
	nobody := pebble{directory: fmt.Sprintf("https://127.0.0.1:%d/dir", freePort(t))}
	p := start(t, nobody.settings)
	if got := p.readiness(); got != `503 {"ready":false,"reasons":["certificate"]}` {
		t.Errorf("without a certificate /readyz is %s", got)
	}
	if got := p.metric("parley_tls_certificate_expiry_timestamp_seconds"); got != "0" {
		t.Errorf("without a certificate the metric is %q, want 0", got)
	}
}

// readiness is status and body of /readyz on the admin listener.
func (p *program) readiness() string {
	p.t.Helper()
	resp, err := http.Get("http://" + p.socks.Admin.Addr().String() + "/readyz")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSpace(string(b)))
}

// signInOverTLS signs in as a client does that trusts the authority.
func (p *program) signInOverTLS(authority pebble, name string) *visitor {
	p.t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.roots, ServerName: acmeName}}
	p.t.Cleanup(transport.CloseIdleConnections)
	return p.signInWith(&http.Client{Timeout: patience, Transport: transport}, name)
}

// allocateTLS makes a relayed address over TLS at addr.
func (v *visitor) allocateTLS(authority pebble, addr string) net.PacketConn {
	t := v.p.t
	t.Helper()
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: authority.roots, ServerName: acmeName})
	if err != nil {
		t.Fatal(err)
	}
	relay := v.login.ICEServers[len(v.login.ICEServers)-1]
	client, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: addr, Conn: turn.NewSTUNConn(c), Username: relay.Username, Password: relay.Credential, RTO: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.Listen(); err != nil {
		t.Fatal(err)
	}
	relayed, err := client.Allocate()
	if err != nil {
		t.Fatal(err)
	}
	return relayed
}
