package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/turn/v4"

	"parley/cmd/internal/config"
)

// eventually waits for something that happens by itself.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func TestLogoutEndsSocketsRelaysAndCredentials(t *testing.T) {
	p := start(t)
	ann := p.signIn("Ann")
	s := ann.socket()
	addr, user, pass := ann.turnURL(t, "udp")
	if _, _, err := ann.allocate(t, "udp"); err != nil {
		t.Fatal(err)
	}
	if n := len(p.turn.Allocations()); n != 1 {
		t.Fatalf("%d allocations before the logout", n)
	}
	begin := time.Now()
	if resp := ann.post("/logout", ""); resp.StatusCode != http.StatusNoContent {
		t.Fatalf("logout: %s", resp.Status)
	}
	if code := s.closeCode(); code != 4003 {
		t.Errorf("the socket closed with %d, want 4003", code)
	}
	eventually(t, "relay gone", func() bool { return len(p.turn.Allocations()) == 0 })
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("logout took effect after %v", took)
	}
	if resp := ann.get("/me"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("/me after the logout: %s", resp.Status)
	}
	if err := allocateWith(t, addr, user, pass); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a credential of an ended login: %v, want 401", err)
	}
	if resp := ann.post("/logout", ""); resp.StatusCode != http.StatusNoContent {
		t.Errorf("logout without a login: %s", resp.Status)
	}
}

func (s *socket) closeCode() int {
	s.c.SetReadDeadline(time.Now().Add(patience))
	for {
		_, _, err := s.c.ReadMessage()
		var ce *websocket.CloseError
		if errors.As(err, &ce) {
			return ce.Code
		}
		if err != nil {
			return 0
		}
	}
}

func allocateWith(t *testing.T, addr, user, pass string) error {
	t.Helper()
	c, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: addr, Conn: dialTURN(t, "udp", addr), Username: user, Password: pass})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	_, err = c.Allocate()
	return err
}

// The loopback default must not open this machine's own ports to whoever may
// use the relay.
func TestRelayDoesNotReachThePortsOfThisMachine(t *testing.T) {
	p := start(t)
	victim, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	_, relayed, err := p.signIn("Ann").allocate(t, "udp")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		relayed.WriteTo([]byte("hello"), victim.LocalAddr())
	}
	// What follows goes through the relay after the packets above: when it has
	// come back, they would have arrived.
	echoThroughRelay(t, p.signIn("Bob"), p.signIn("Cara"), "udp")
	victim.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, from, err := victim.ReadFrom(make([]byte, 100)); err == nil {
		t.Errorf("%d bytes reached a port of this machine from %v", n, from)
	}
}

func TestExpiryIsJudgedAtAllocateOnly(t *testing.T) {
	p := start(t, func(c *config.Config) { c.Relay.CredentialTTL = time.Second })
	ann, bob := p.signIn("Ann"), p.signIn("Bob")
	addr, user, pass := ann.turnURL(t, "udp")
	_, a, err := ann.allocate(t, "udp")
	if err != nil {
		t.Fatal(err)
	}
	_, b, err := bob.allocate(t, "udp")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the credential expired", func() bool {
		err := allocateWith(t, addr, user, pass)
		return err != nil && strings.Contains(err.Error(), "401")
	})
	// CreatePermission on both sides, then data: all after the expiry.
	exchange(t, a, b)
}

// exchange passes one packet from a to b through the relay.
func exchange(t *testing.T, a, b net.PacketConn) {
	t.Helper()
	buf := make([]byte, 100)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		b.WriteTo([]byte("open"), a.LocalAddr())
		a.WriteTo([]byte("ping"), b.LocalAddr())
		b.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		if n, _, err := b.ReadFrom(buf); err == nil && string(buf[:n]) == "ping" {
			return
		}
	}
	t.Fatal("no packet came through the relay")
}

func TestSelfSignedServesWebAndTURNOnOnePort(t *testing.T) {
	p := start(t, func(c *config.Config) { c.TLS.Mode = "self-signed" })
	insecure := &tls.Config{InsecureSkipVerify: true}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: insecure, ForceAttemptHTTP2: true}, Timeout: patience}
	resp, err := client.Post(p.web+"/login", "application/json", strings.NewReader(`{"name":"Ann"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 {
		t.Errorf("HTTP/%d", resp.ProtoMajor)
	}
	if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("the answer may be sniffed")
	}
	if c := resp.Header.Get("Set-Cookie"); !strings.HasPrefix(c, "__Host-parley=") || !strings.Contains(c, "Secure") {
		t.Errorf("cookie %q", c)
	}
	var login struct {
		ICEServers []struct {
			URLs                 []string
			Username, Credential string
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&login); err != nil {
		t.Fatal(err)
	}
	relay := login.ICEServers[len(login.ICEServers)-1]
	addr := p.socks.HTTP.Addr().String()
	if want := "turns:" + addr + "?transport=tcp"; relay.URLs[len(relay.URLs)-1] != want {
		t.Errorf("URLs %v, want %s among them", relay.URLs, want)
	}
	conn, err := tls.Dial("tcp", addr, insecure)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c, err := turn.NewClient(&turn.ClientConfig{TURNServerAddr: addr, Conn: turn.NewSTUNConn(conn), Username: relay.Username, Password: relay.Credential})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Allocate(); err != nil {
		t.Errorf("Allocate over TLS on the web port: %v", err)
	}
}

func TestPlainHTTPOnTheTLSPortGivesNothingAway(t *testing.T) {
	p := start(t, func(c *config.Config) { c.TLS.Mode = "self-signed" })
	addr := p.socks.HTTP.Addr().String()
	client := &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get("http://" + addr + "/r/kitchen?a=1")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if want := "https://" + addr + "/r/kitchen?a=1"; resp.StatusCode != http.StatusTemporaryRedirect || resp.Header.Get("Location") != want {
		t.Errorf("GET: %s to %q, want %s", resp.Status, resp.Header.Get("Location"), want)
	}
	resp, err = client.Post("http://"+addr+"/login", "application/json", strings.NewReader(`{"name":"Ann"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Set-Cookie") != "" {
		t.Errorf("POST /login: %s, cookie %q", resp.Status, resp.Header.Get("Set-Cookie"))
	}
}

func TestDrainLetsRelayedCallsGoOn(t *testing.T) {
	p := start(t)
	ann, bob := p.signIn("Ann"), p.signIn("Bob")
	s := ann.socket()
	ca, a, err := ann.allocate(t, "udp")
	if err != nil {
		t.Fatal(err)
	}
	cb, b, err := bob.allocate(t, "tcp")
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- p.stop() }()
	if bye := s.until("bye"); bye["code"] != "shutdown" {
		t.Errorf("bye %v", bye)
	}
	if code := s.closeCode(); code != 4010 {
		t.Errorf("the socket closed with %d, want 4010", code)
	}
	admin := "http://" + p.socks.Admin.Addr().String()
	eventually(t, "/readyz says draining", func() bool {
		resp, err := http.Get(admin + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode == 503 && strings.Contains(string(body), "draining")
	})
	stranger := &visitor{p: p, http: http.DefaultClient} // a cookie at /ws would need an Origin
	for path, method := range map[string]string{"/readyz": http.MethodGet, "/login": http.MethodPost, "/ws": http.MethodGet} {
		resp := stranger.do(method, path, "")
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), "draining") {
			t.Errorf("%s %s while draining: %s %s", method, path, resp.Status, body)
		}
	}
	exchange(t, a, b)
	select {
	case err := <-stopped:
		t.Fatalf("the server stopped before the last relay ended: %v", err)
	default:
	}
	a.Close()
	b.Close()
	ca.Close()
	cb.Close()
	select {
	case err := <-stopped:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Error("the server did not stop after the last relay had ended")
	}
}

func TestWelcomeIsForPeopleAlone(t *testing.T) {
	t.Setenv("INVOCATION_ID", "")
	for format, want := range map[string]bool{"text": true, "json": false} {
		p := start(t, func(c *config.Config) { c.Log.Format = format })
		var out strings.Builder
		if announce(&out, p.server); strings.Contains(out.String(), p.address()) != want {
			t.Errorf("with log.format = %q people see %q", format, out.String())
		}
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	p := start(t, func(c *config.Config) { c.Shutdown.Grace = time.Hour })
	if _, _, err := p.signIn("Ann").allocate(t, "udp"); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- p.stop() }()
	p.now()
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Error("the server still waits for a relay")
	}
}

func TestStopLeavesNothingRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	p := start(t)
	ann := p.signIn("Ann")
	ann.socket()
	if _, _, err := ann.allocate(t, "tcp"); err != nil {
		t.Fatal(err)
	}
	p.now()
	p.stop()
	ann.http.CloseIdleConnections()
	var stacks string
	defer func() {
		if t.Failed() {
			t.Log(stacks)
		}
	}()
	eventually(t, "goroutines ended", func() bool {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		for _, g := range strings.Split(stacks, "\n\n") {
			if strings.Contains(g, "parley/relay") || strings.Contains(g, "parley/signaling") || strings.Contains(g, "parley/cmd/internal") {
				return false
			}
		}
		return runtime.NumGoroutine() <= before+10 // the clients of this test
	})
}

func TestFirstStartMakesSecretsAndReusesThem(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fresh")
	keep := func(c *config.Config) { c.DataDir = dir; c.TLS.Mode = "self-signed" }
	start(t, keep).stop()
	first := contents(t, dir)
	for _, name := range []string{"turn-secrets", "session-key", "admin-token"} {
		if len(first[name]) < 20 {
			t.Errorf("%s has %d bytes", name, len(first[name]))
		}
	}
	start(t, keep).stop()
	for name, text := range contents(t, dir) {
		if old, ok := first[name]; ok && old != text {
			t.Errorf("%s was made anew", name)
		}
	}
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("data_dir has mode %v", info.Mode())
	}
}

func TestNamedSecretsAreMadeAndReusedToo(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	keep := func(c *config.Config) {
		c.DataDir, c.Relay.SecretsFile, c.Admin.TokenFile = dir, filepath.Join(elsewhere, "relay"), filepath.Join(elsewhere, "admin")
	}
	p := start(t, keep)
	p.stop()
	if !strings.Contains(p.log.String(), "key=relay.secrets_file") {
		t.Errorf("a secret that nobody else knows is made in silence:\n%s", p.log)
	}
	first := contents(t, elsewhere)
	if len(first["relay"]) < 20 || len(first["admin"]) < 20 {
		t.Fatalf("made %d and %d bytes", len(first["relay"]), len(first["admin"]))
	}
	start(t, keep).stop()
	if again := contents(t, elsewhere); !maps.Equal(first, again) {
		t.Error("the second start made other secrets")
	}
}

// contents reads the files of data_dir, which nobody else may.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || e.IsDir() {
			continue
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		out[e.Name()] = string(b)
	}
	return out
}

func TestReloadRotatesSecretsAndNamesWhatNeedsARestart(t *testing.T) {
	p := start(t)
	ann := p.signIn("Ann")
	addr, user, pass := ann.turnURL(t, "udp")
	file := p.cfg.RelaySecretsFile()
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	reload := func(secrets string) {
		if err := os.WriteFile(file, []byte(secrets), 0o600); err != nil {
			t.Fatal(err)
		}
		next := p.cfg
		next.HTTP.Listen = "127.0.0.1:1"
		p.reload(func() (config.Config, error) { return next, nil })
	}
	reload("a new secret that signs\n" + string(old))
	if err := allocateWith(t, addr, user, pass); err != nil {
		t.Errorf("a credential of the previous secret: %v", err)
	}
	if _, _, err := ann.allocate(t, "udp"); err != nil {
		t.Errorf("a credential of the new secret: %v", err)
	}
	reload("a new secret that signs\n")
	if err := allocateWith(t, addr, user, pass); err == nil {
		t.Error("a credential of a secret that is gone still works")
	}
	if !strings.Contains(p.log.String(), "key=http.listen") {
		t.Errorf("the log does not say that http.listen needs a restart:\n%s", p.log)
	}
}

func TestPortInUseStopsTheStart(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	code, _, errs := parley(t, t.TempDir(), "", []string{"serve"}, "PARLEY_HTTP_LISTEN="+l.Addr().String())
	if code != exitFailed || !strings.Contains(errs, "http.listen") || !strings.Contains(errs, "in use") {
		t.Errorf("exit %d: %s", code, errs)
	}
}

func TestPublicConfigAndHealth(t *testing.T) {
	p := start(t)
	v := &visitor{p: p, http: http.DefaultClient}
	var conf struct {
		Name, Build string
		Auth        struct{ Mode string }
		Limits      map[string]int
		Features    []string
	}
	if err := json.NewDecoder(v.get("/config").Body).Decode(&conf); err != nil {
		t.Fatal(err)
	}
	if conf.Name != "Parley" || conf.Build == "" || conf.Auth.Mode != "open" || conf.Limits["ring_ms"] != 45000 || len(conf.Features) == 0 {
		t.Errorf("/config: %+v", conf)
	}
	if b, _ := io.ReadAll(v.get("/healthz").Body); string(b) != "ok" {
		t.Errorf("/healthz: %q", b)
	}
	if b, _ := io.ReadAll(v.get("/readyz").Body); strings.TrimSpace(string(b)) != `{"ready":true,"reasons":[]}` {
		t.Errorf("/readyz: %q", b)
	}
	if resp := v.get("/login"); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET /login: %s", resp.Status)
	}
	if resp := v.get("/ice-config"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("/ice-config without a login: %s", resp.Status)
	}
}
