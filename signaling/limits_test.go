package signaling_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

func TestSlowReaderDelaysNobody(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	slow := s.deaf(t, "dave")
	slow.WriteJSON(obj{"t": "room.join", "id": 1, "room": "r"})
	joined := ann.until("room.peer", "ev", "join")
	to := joined["peer"].(obj)["peer"]
	// Far more than the kernel's buffers and the queue hold; bob hears all of
	// what is his meanwhile.
	big := strings.Repeat("x", 60000)
	gone := false
	for i := 0; i < 119 && !gone; i++ { // within the burst of signals
		ann.request("signal", obj{"room": "r", "to": to, "data": big})
		ann.request("signal", obj{"room": "r", "to": bob.peer(), "data": i})
		bob.until("signal", "data", i)
		for len(ann.frames) > 0 {
			f := ann.next()
			gone = gone || f["t"] == "room.peer" && f["ev"] == "away"
		}
	}
	if !gone {
		ann.until("room.peer", "ev", "away")
	}
	if s.hub.Snapshot().Dropped["slow"] == 0 {
		t.Errorf("dropped %v", s.hub.Snapshot().Dropped)
	}
}

// deaf opens a session whose socket is never read.
func (s *server) deaf(t *testing.T, token string) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"parley.v1"}}
	conn, _, err := d.Dial(s.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.NetConn().(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	if err := conn.WriteJSON(obj{"t": "hello", "v": []int{1}, "key": newKey(), "token": token}); err != nil {
		t.Fatal(err)
	}
	return conn
}

func TestFloodIsClosedAndOthersAreNot(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	for i := range 19 {
		ann.sendText(fmt.Sprintf("not JSON %d", i))
		if e := ann.until("error"); e["code"] != "bad_message" || e["re"] != nil {
			t.Fatalf("error %v", e)
		}
	}
	ann.sync() // the session lives
	ann.sendText("[]")
	ann.closed(4008)
	bob.until("room.peer", "ev", "away")
	bob.sync("error")
	if w := ann.back(0); w["resumed"] != true {
		t.Fatalf("welcome %v", w)
	}
}

func TestRateLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, options())
		ann, bob := s.pair(t, "r")
		ask := func() obj { return ann.until2(ann.request("ice.get", nil)) }
		for i := range 59 { // one was the join
			if f := ask(); f["t"] != "ok" {
				t.Fatalf("request %d: %v", i, f)
			}
		}
		e := ask()
		if e["code"] != "rate_limited" {
			t.Fatalf("beyond the burst: %v", e)
		}
		// Signals are counted apart.
		for i := range 240 {
			ann.request("signal", obj{"room": "r", "to": bob.peer(), "data": i})
		}
		over := ann.request("signal", obj{"room": "r", "to": bob.peer(), "data": "over"})
		ann.until("error", "re", over, "code", "rate_limited")
		for i := range 240 {
			bob.until("signal", "data", i)
		}
		// Pings and acks are free.
		for range 300 {
			ann.send(obj{"t": "ping", "ack": 1})
			ann.send(obj{"ack": 1})
			ann.send(obj{"t": "pong"})
		}
		for range 300 {
			ann.until("pong")
		}
		time.Sleep(time.Duration(e["retry_ms"].(float64)) * time.Millisecond)
		if f := ask(); f["t"] != "ok" {
			t.Fatalf("after the wait: %v", f)
		}
	})
}

// until2 returns the answer to a request, ok or error.
func (c *client) until2(re int) obj {
	c.t.Helper()
	for {
		if f := c.next(); matches(f, []any{"re", re}) {
			return f
		}
	}
}

func TestWrongFramesGetTheirError(t *testing.T) {
	s := start(t, options())
	c := s.join(t, "ann")
	for _, f := range []struct {
		frame, code string
		re          any
	}{
		{`{"t":"room.fly","id":1}`, "unknown_type", 1},
		{`{"t":5,"id":2}`, "bad_message", 2},
		{`{"id":3}`, "bad_message", 3},
		{`{"t":"room.join","id":"4"}`, "bad_message", nil},
		{`{"t":"room.join"}`, "bad_message", nil},
		{`{"t":"room.join","id":0}`, "bad_message", nil},
		{`{"t":"room.join","id":5,"room":7}`, "bad_message", 5},
		{`{"t":"room.join","id":6,"room":"a b","create":true}`, "bad_message", 6},
		{`{"t":"signal","id":7,"room":"r","data":1}`, "bad_message", 7},
		{`{"t":"signal","id":8,"room":"r","to":"p_x","data":}`, "bad_message", nil},
		{"{\"t\":\"signal\",\"id\":9,\"room\":\"r\",\"to\":\"p_x\",\"data\":\"\xff\"}", "bad_message", nil},
		{`{"t":"hello","id":10,"v":[1]}`, "unknown_type", 10},
		{`{"t":"room.fly"}`, "unknown_type", nil},
		{`{"t":"ping","ack":"1"}`, "bad_message", nil},
		{`{"ack":-1}`, "bad_message", nil},
		{`{"t":"call.start","id":11,"to":{"name":"bob"},"media":5}`, "bad_message", 11},
		{`{"t":"room.join","id":12,"room":"r","create":true,"media":{"audio":"yes"}}`, "bad_message", 12},
		{`{"t":"watch","id":13,"ack":"1"}`, "bad_message", 13},
		{`{"t":"offer.post","id":14,"title":"x","ttl_ms":0}`, "bad_message", 14},
	} {
		c.sendText(f.frame)
		if e := c.until("error"); e["code"] != f.code || fmt.Sprint(e["re"]) != fmt.Sprint(f.re) && f.re != nil || f.re == nil && e["re"] != nil {
			t.Errorf("%s: %v, want %s re %v", f.frame, e, f.code, f.re)
		}
	}
	c.id = 20
	c.sync() // unknown fields and gaps in ids are fine, the session lives
}

func TestAFrameThatIsNestedTooDeepGetsItsError(t *testing.T) {
	s := start(t, options())
	c := s.join(t, "ann")
	deep := strings.Repeat(`[{"]\"":`, 3000) + `"}"` + strings.Repeat("}]", 3000)
	for _, f := range []struct {
		frame string
		re    any
	}{
		{`{"t":"signal","id":1,"room":"r","to":"*","data":` + deep + `}`, 1},
		{`{"t":"ice.get","x":` + deep + `,"id":2}`, 2},
		{`{"t":"ping","x":` + deep + `}`, nil},
		{`{"t":"ice.get","id":3,"x":` + deep, nil}, // is no JSON at all
	} {
		c.sendText(f.frame)
		if e := c.until("error"); !matches(e, []any{"code", "bad_message", "re", f.re}) {
			t.Errorf("%.60s: %v, want re %v", f.frame, e, f.re)
		}
	}
	c.id = 2
	c.sync()
}
