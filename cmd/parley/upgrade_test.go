package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"parley/cmd/internal/config"
)

// asked sends a request for /ws in so many writes and returns the answer.
func (p *program) asked(t *testing.T, head string, writes ...string) (*http.Response, string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(p.web, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	for _, w := range append([]string{head}, writes...) {
		if _, err := io.WriteString(c, w); err != nil {
			t.Fatal(err)
		}
		if len(writes) > 0 {
			time.Sleep(20 * time.Millisecond) // so that the parts come apart; together they would test less
		}
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: http.MethodGet})
	if err != nil {
		t.Fatal(err)
	}
	var body []byte
	if resp.StatusCode != http.StatusSwitchingProtocols {
		if body, err = io.ReadAll(resp.Body); err != nil {
			t.Fatal(err)
		}
	}
	return resp, string(body)
}

const wsHeaders = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: parley.v1\r\n"

// A request for /ws gets the same answer whether its head comes at once or in
// parts.
func TestUpgradeAnswersTheSameHoweverTheRequestComes(t *testing.T) {
	p := start(t, func(c *config.Config) { c.Signaling.MaxSessionsPerIP = 3 })
	host := "Host: " + strings.TrimPrefix(p.web, "http://") + "\r\n"
	for _, c := range []struct {
		name, headers string
		status        int
		says          string
	}{
		{"upgrade", host + wsHeaders, http.StatusSwitchingProtocols, ""},
		{"not an upgrade", host, http.StatusBadRequest, "bad_message"},
		{"another protocol", host + strings.Replace(wsHeaders, "parley.v1", "chat", 1), http.StatusBadRequest, "parley.v1"},
		{"foreign origin", host + wsHeaders + "Origin: https://elsewhere.example\r\n", http.StatusForbidden, "bad_origin"},
		{"cookie without an origin", host + wsHeaders + "Cookie: parley=x\r\n", http.StatusForbidden, "bad_origin"},
		{"wrong token", host + wsHeaders + "Authorization: Bearer no\r\n", http.StatusUnauthorized, "unauthorized"},
		{"no host", wsHeaders, http.StatusBadRequest, ""},
		{"two hosts", host + host + wsHeaders, http.StatusBadRequest, ""},
		{"broken header", host + "Broken Header: x\r\n" + wsHeaders, http.StatusBadRequest, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			const line = "GET /ws HTTP/1.1\r\n"
			whole, body := p.asked(t, line+c.headers+"\r\n")
			parts, partBody := p.asked(t, line, c.headers+"\r\n")
			if whole.StatusCode != c.status || parts.StatusCode != c.status {
				t.Errorf("status %d at once, %d in parts, want %d", whole.StatusCode, parts.StatusCode, c.status)
			}
			if body != partBody || !strings.Contains(body, c.says) {
				t.Errorf("answers %q at once, %q in parts, want %q", body, partBody, c.says)
			}
			for _, h := range []string{"Content-Type", "Sec-Websocket-Protocol", "Sec-Websocket-Accept", "X-Content-Type-Options", "Retry-After"} {
				if c.status != http.StatusBadRequest && whole.Header.Get(h) != parts.Header.Get(h) {
					t.Errorf("%s is %q at once, %q in parts", h, whole.Header.Get(h), parts.Header.Get(h))
				}
			}
		})
	}
}
