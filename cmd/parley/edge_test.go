package main

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/cmd/internal/config"
)

// Old and weak TLS is refused on the web port and on relay.tls_listen, and any
// ALPN is taken, or none: TURN clients send what they like.
func TestTLSOfEveryPort(t *testing.T) {
	p := start(t, func(c *config.Config) { c.TLS.Mode, c.Relay.TLSListen = "self-signed", "127.0.0.1:0" })
	for port, addr := range map[string]string{"web": p.socks.HTTP.Addr().String(), "turns": p.socks.RelayTLS.Addr().String()} {
		for _, c := range []struct {
			name   string
			config *tls.Config
			works  bool
		}{
			{"TLS 1.1", &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
			{"TLS 1.2", &tls.Config{MaxVersion: tls.VersionTLS12}, true},
			{"TLS 1.3", &tls.Config{MinVersion: tls.VersionTLS13}, true},
			{"CBC", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA}}, false},
			{"without forward secrecy", &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, false},
			{"ALPN stun.turn", &tls.Config{NextProtos: []string{"stun.turn"}}, true},
			{"ALPN http/1.1", &tls.Config{NextProtos: []string{"http/1.1"}}, true},
			{"ALPN of nobody", &tls.Config{NextProtos: []string{"nobody"}}, true},
		} {
			c.config.InsecureSkipVerify = true
			conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", addr, c.config)
			if err == nil {
				conn.Close()
			}
			if (err == nil) != c.works {
				t.Errorf("%s, %s: %v", port, c.name, err)
			}
		}
	}
}

// Where a request comes from is judged before what it asks for.
func TestForeignPagesAreRefusedFirst(t *testing.T) {
	p := start(t)
	for _, path := range []string{"/ws", "/reports", "/login", "/logout", "/me", "/ice-config", "/config", "/admin/api/relays", "/admin/api/nothing"} {
		for _, method := range []string{"GET", "POST", "DELETE", "OPTIONS"} {
			req, _ := http.NewRequest(method, p.web+path, nil)
			req.Header.Set("Origin", "https://elsewhere.example")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusForbidden || !strings.Contains(string(body), `"bad_origin"`) {
				t.Errorf("%s %s: %s %s", method, path, resp.Status, body)
			}
		}
	}
}

// A WebSocket through TLS is as good as one without.
func TestWebSocketOverTLS(t *testing.T) {
	p := start(t, func(c *config.Config) { c.TLS.Mode = "self-signed" })
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Subprotocols: []string{"parley.v1"}, HandshakeTimeout: patience}
	c, _, err := dialer.Dial("wss://"+p.socks.HTTP.Addr().String()+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(patience))
	if err := c.WriteMessage(websocket.TextMessage, []byte(`{"t":"hello","v":[1],"key":"0123456789abcdef0123456789abcdef","name":"Ann"}`)); err != nil {
		t.Fatal(err)
	}
	if _, answer, err := c.ReadMessage(); err != nil || !strings.HasPrefix(string(answer), `{"t":"welcome"`) {
		t.Fatalf("hello was answered by %.80q, %v", answer, err)
	}
}

// Slow requests, in the head or in the body, are ended, and keep nobody out
// meanwhile.
func TestSlowRequestsKeepNobodyOut(t *testing.T) {
	t.Parallel()
	p := start(t)
	addr := strings.TrimPrefix(p.web, "http://")
	heads := []string{
		"GET / HTTP/1.1\r\nHost: " + addr + "\r\nX-A: ",
		"POST /login HTTP/1.1\r\nHost: " + addr + "\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
		"GET /ws HTTP/1.1\r\nHost: " + addr + "\r\n",
	}
	var slow []net.Conn
	for i := range 300 {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, heads[i%len(heads)]); err != nil {
			t.Fatal(err)
		}
		slow = append(slow, c)
	}
	client := &http.Client{Timeout: 5 * time.Second} // a thousand times what it takes
	for range 20 {
		resp, err := client.Get(p.web + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for i, c := range slow {
		if i%len(heads) == 1 {
			continue // a body may take bodyTime
		}
		c.SetReadDeadline(time.Now().Add(headerTime + patience))
		if _, err := io.Copy(io.Discard, c); err != nil {
			t.Fatalf("a request whose head does not end is kept: %v", err)
		}
	}
}

// One address has so many connections to the web port and no more, and what has
// ended counts no longer, whoever served it: HTTP, the hub or the relay.
func TestOneAddressCannotHoldTheWebPort(t *testing.T) {
	p := start(t, func(c *config.Config) { c.Signaling.MaxSessionsPerIP, c.Relay.MaxTCPPerAddress = 8, 8 })
	most := visitorsOf(p.cfg)
	host := "Host: " + strings.TrimPrefix(p.web, "http://") + "\r\n"
	for range most / 2 {
		p.asked(t, "GET /healthz HTTP/1.1\r\n"+host+"\r\n")
		p.asked(t, "GET /ws HTTP/1.1\r\n"+host+wsHeaders+"\r\n")             // by upgrades
		p.asked(t, "GET /ws HTTP/1.1\r\n"+host+"A_: b\r\n"+wsHeaders+"\r\n") // by net/http
		if err := askSTUN(p.socks.HTTP.Addr().String()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 * most {
		c, err := net.Dial("tcp", p.socks.HTTP.Addr().String())
		n := 0
		if err == nil { // else it was refused at once
			defer c.Close()
			c.SetDeadline(time.Now().Add(patience))
			io.WriteString(c, "GET /healthz HTTP/1.1\r\n"+host+"\r\n")
			n, _ = c.Read(make([]byte, 100))
		}
		if n == 0 {
			if i < most/2 || i > most { // those above were more than that, and the last may be under way
				t.Errorf("connection %d is refused, want %d", i, most)
			}
			break
		}
	}
	var elsewhere net.Dialer
	elsewhere.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: elsewhere.DialContext, DisableKeepAlives: true}}
	resp, err := client.Get(p.web + "/healthz")
	if err != nil {
		t.Fatalf("another address is kept out: %v", err)
	}
	resp.Body.Close()
	if got := p.metric("parley_ws_dropped_total{reason=\"connections\"}"); got != "1" {
		t.Errorf("%s refusals are counted, want 1", got)
	}
	if log := p.log.String(); !strings.Contains(log, "Connections were refused") {
		t.Errorf("the log does not tell of it:\n%s", log)
	}
}

// A web port that only a proxy on this machine reaches is not announced as a
// relay over TLS to everybody: visitors would wait for it in vain.
func TestPortBehindAProxyIsNoRelay(t *testing.T) {
	for listen, announced := range map[string]int{"127.0.0.1:0": 1, "0.0.0.0:0": 2} {
		p := start(t, func(c *config.Config) {
			c.HTTP.Listen, c.TLS.Mode = listen, "self-signed"
			c.Relay.Listen, c.Relay.TLSListen, c.Relay.ExternalIP = "0.0.0.0:0", "0.0.0.0:0", []netip.Addr{netip.MustParseAddr("203.0.113.9")}
		})
		text := string(marshal(p.turn.ICEServers("call.example.org", "login", true)))
		if got := strings.Count(text, "turns:"); got != announced {
			t.Errorf("http.listen = %q: %d URLs over TLS, want %d: %s", listen, got, announced, text)
		}
		if own := "turns:call.example.org:" + strconv.Itoa(port(p.socks.RelayTLS)); !strings.Contains(text, own) {
			t.Errorf("http.listen = %q: %s is missing: %s", listen, own, text)
		}
	}
}
