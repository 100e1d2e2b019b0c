package signaling_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"parley/signaling"
)

func TestWelcomeSaysWhatAClientNeeds(t *testing.T) {
	s := start(t, options())
	c := s.join(t, "ann")
	w := c.hello
	you := w["you"].(obj)
	if you["user"] != "u_ann" || you["name"] != "Ann" || you["guest"] != false || you["relay"] != true || you["room"] != nil {
		t.Errorf("you %v", you)
	}
	if p := c.peer(); len(p) != 18 || !strings.HasPrefix(p, "p_") {
		t.Errorf("peer %q", p)
	}
	limits := w["limits"].(obj)
	if limits["room_max"] != 6.0 || limits["msg_bytes"] != 65536.0 || limits["ring_ms"] != 45000.0 || limits["offer_ttl_ms"] != 600000.0 {
		t.Errorf("limits %v", limits)
	}
	if w["v"] != 1.0 || w["resumed"] != false || w["last_id"] != 0.0 || w["ping_ms"] != 15000.0 || w["grace_ms"] != 60000.0 || w["build"] != "b1" || w["epoch"] == "" {
		t.Errorf("welcome %v", w)
	}
	if _, ok := w["ice"].(obj)["iceServers"]; !ok {
		t.Errorf("ice %v", w["ice"])
	}
	if len(w["features"].([]any)) != 5 || len(w["missed"].([]any)) != 0 || len(w["rooms"].([]any)) != 0 {
		t.Errorf("welcome %v", w)
	}
}

func TestHelloIsRefused(t *testing.T) {
	opt := options()
	opt.MaxPerUser = 1
	opt.Identify = func(r *http.Request, token, name, key string) (signaling.Identity, error) {
		if token == "late" {
			return signaling.Identity{}, refusal{code: "draining", retry: time.Second}
		}
		return identify(r, token, name, key)
	}
	s := start(t, opt)
	s.join(t, "bob")
	key := newKey()
	for _, c := range []struct {
		name, hello, code string
		close             int
	}{
		{"not hello", `{"t":"ping"}`, "bad_message", 4000},
		{"not JSON", `hello`, "bad_message", 4000},
		{"short key", `{"t":"hello","v":[1],"key":"abc","token":"ann"}`, "bad_message", 4000},
		{"key that is no hex", `{"t":"hello","v":[1],"key":"` + strings.Repeat("x", 32) + `","token":"ann"}`, "bad_message", 4000},
		{"v no array", `{"t":"hello","v":1,"key":"` + key + `","token":"ann"}`, "bad_message", 4000},
		{"build no text", `{"t":"hello","v":[1],"key":"` + key + `","token":"ann","build":5}`, "bad_message", 4000},
		{"version", `{"t":"hello","v":[2,3],"key":"` + key + `","token":"ann"}`, "version", 4009},
		{"nobody", `{"t":"hello","v":[1],"key":"` + key + `"}`, "unauthorized", 4003},
		{"too many tabs", `{"t":"hello","v":[1],"key":"` + key + `","token":"bob"}`, "rate_limited", 1013},
		{"shutting down", `{"t":"hello","v":[1],"key":"` + key + `","token":"late"}`, "draining", 4010},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := s.raw(t)
			x.sendText(c.hello)
			e := x.until("error")
			if e["code"] != c.code || e["n"] != nil {
				t.Errorf("error %v, want %s", e, c.code)
			}
			if later := c.close == 1013 || c.close == 4010; later != (e["retry_ms"] != nil) {
				t.Errorf("error %v: retry_ms says whether to come back", e)
			}
			x.closed(c.close)
		})
	}
}

func TestNameIsHeldWhileThereIsASocket(t *testing.T) {
	s := start(t, options())
	hello := func(c *client, name string) {
		c.send(obj{"t": "hello", "v": []int{1}, "key": newKey(), "name": name})
	}
	first, second := s.raw(t), s.raw(t)
	hello(first, "Ann")
	first.until("welcome")
	hello(second, "Ann")
	second.until("error", "code", "name_taken")
	second.closed(4003)
	first.cut()
	eventually(t, "the name is free again", func() bool {
		c := s.raw(t)
		hello(c, "Ann")
		return c.next()["t"] == "welcome"
	})
}

func TestHelloInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, options())
		c := s.raw(t)
		begin := time.Now()
		c.closed(4000)
		if d := time.Since(begin); d < 4*time.Second || d > 7*time.Second {
			t.Errorf("closed after %v", d)
		}
	})
}

// A name in other letters is another name, and what is unknown is ignored.
func TestNamesOfFieldsAreExact(t *testing.T) {
	s := start(t, options())
	bob := s.join(t, "bob")
	ann := s.raw(t)
	ann.sendText(`{"t":"hello","v":[1],"V":[9],"key":"` + newKey() + `","KEY":"x","token":"ann","Token":"bob"}`)
	if w := ann.until("welcome"); w["you"].(obj)["user"] != "u_ann" {
		t.Fatalf("welcome %v", w)
	}
	media := obj{"audio": true, "Audio": "yes", "\u017fhare": 1, "pip": obj{"On": true}}
	snap := ann.ask("room.join", obj{"room": "aa1", "Room": "bb1", "ROOM": 5, "create": true, "Max": 1, "media": media})["room"].(obj)
	if snap["room"] != "aa1" || snap["max"] != 6.0 {
		t.Fatalf("snapshot %v", snap)
	}
	to := obj{"user": "u_bob", "U\u017fer": "u_dave", "Peer": "p_gone"}
	ann.ask("call.start", obj{"to": to, "To": 5, "media": media})
	if got := bob.until("call.ring")["media"]; !reflect.DeepEqual(got, obj{"audio": true, "Audio": "yes", "\u017fhare": 1.0, "pip": obj{"On": true}}) {
		t.Errorf("media %v", got)
	}
	ann.refused("bad_message", "room.join", obj{"room": "aa1", "media": obj{"audio": "yes"}})
}

// upgrade asks for an upgrade and returns the status and the code of a refusal.
func (s *server) upgrade(t *testing.T, change func(http.Header)) (int, string, *http.Response) {
	t.Helper()
	r, _ := http.NewRequest("GET", s.http.URL+"/ws", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	if change != nil {
		change(r.Header)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return resp.StatusCode, "", resp
	}
	var body struct {
		Error struct {
			Code, Message string
			RetryMS       int64 `json:"retry_ms"`
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body.Error.Code, resp
}

func TestUpgradeIsRefused(t *testing.T) {
	opt := options()
	opt.CheckOrigin = func(r *http.Request) error {
		if r.Header.Get("Origin") == "https://evil.example" {
			return refusal{code: "bad_origin"}
		}
		return nil
	}
	opt.Authorized = func(r *http.Request) error {
		if r.Header.Get("Authorization") == "Bearer stale" {
			return refusal{code: "unauthorized"}
		}
		return nil
	}
	opt.ClientAddr = func(r *http.Request) netip.Addr {
		return netip.MustParseAddr(r.Header.Get("X-Test-Address"))
	}
	opt.MaxPerIP, opt.MaxSessions = 1, 2
	s := start(t, opt)
	from := func(addr string, more ...string) func(http.Header) {
		return func(h http.Header) {
			h.Set("X-Test-Address", addr)
			for i := 0; i < len(more); i += 2 {
				h.Set(more[i], more[i+1])
			}
		}
	}
	expect := func(status int, code string, change func(http.Header)) *http.Response {
		t.Helper()
		gotStatus, gotCode, resp := s.upgrade(t, change)
		if gotStatus != status || gotCode != code {
			t.Errorf("%d %q, want %d %q", gotStatus, gotCode, status, code)
		}
		return resp
	}
	expect(403, "bad_origin", from("192.0.2.1", "Origin", "https://evil.example", "Sec-WebSocket-Protocol", "other"))
	expect(401, "unauthorized", from("192.0.2.1", "Authorization", "Bearer stale"))
	resp := expect(400, "bad_message", from("192.0.2.1", "Sec-WebSocket-Protocol", "graphql-ws, parley.v9"))
	if got := resp.Header.Get("Sec-WebSocket-Protocol"); got != "parley.v1" {
		t.Errorf("the refusal lists %q", got)
	}
	expect(400, "bad_message", from("192.0.2.1", "Upgrade", "h2c"))
	expect(101, "", from("2001:db8:0:1::1", "Sec-WebSocket-Protocol", "parley.v9, parley.v1"))
	resp = expect(429, "rate_limited", from("2001:db8:0:1:ffff::2"))
	if resp.Header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	resp = expect(101, "", from("192.0.2.7", "Sec-WebSocket-Extensions", "permessage-deflate"))
	if got := resp.Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Errorf("extensions %q", got)
	}
	expect(503, "server_full", from("192.0.2.8"))
	s.hub.Drain()
	resp = expect(503, "draining", from("192.0.2.9"))
	if resp.Header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
}

func TestBinaryFrameClosesWith1003(t *testing.T) {
	s := start(t, options())
	c := s.join(t, "ann")
	c.conn.WriteMessage(websocket.BinaryMessage, []byte(`{"t":"ping"}`))
	c.closed(1003)
}

func TestTooBigClosesWith1009(t *testing.T) {
	s := start(t, options())
	ann := s.join(t, "ann")
	ann.sendText(`{"t":"ping","x":"` + strings.Repeat("x", 65536-len(`{"t":"ping","x":""}`)) + `"}`)
	ann.until("pong")
	ann.sendText(strings.Repeat("x", 65537))
	ann.closed(1009)

	for _, length := range []uint64{1 << 62, 1 << 63} {
		bob := s.join(t, "bob")
		header := binary.BigEndian.AppendUint64([]byte{0x81, 0x80 | 127}, length)
		bob.conn.NetConn().Write(append(header, 0, 0, 0, 0, 'x'))
		bob.closed(1009)
	}

	carl := s.join(t, "carl")
	raw := carl.conn.NetConn()
	raw.Write([]byte{0x01, 0x81, 0, 0, 0, 0, '"'}) // fragments of one byte
	part := bytes.Repeat([]byte{0x00, 0x81, 0, 0, 0, 0, 'x'}, 70000)
	go raw.Write(part)
	carl.closed(1009)

	if back := carl.back(0); back["resumed"] != true {
		t.Errorf("the session did not outlive the socket: %v", back)
	}
}

func TestShutdownSaysBye(t *testing.T) {
	s := start(t, options())
	ann, silent := s.join(t, "ann"), s.raw(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	done := make(chan error)
	go func() { done <- s.hub.Shutdown(ctx) }()
	if bye := ann.bye("shutdown", 4010); bye["retry_ms"] == nil {
		t.Errorf("bye %v", bye)
	}
	silent.closed(4010)
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
