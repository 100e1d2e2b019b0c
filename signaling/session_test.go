package signaling_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"parley/signaling"
)

// pair puts two tabs into a room.
func (s *server) pair(t *testing.T, room string) (ann, bob *client) {
	t.Helper()
	ann, bob = s.join(t, "ann"), s.join(t, "bob")
	ann.ask("room.join", obj{"room": room, "create": true})
	bob.ask("room.join", obj{"room": room})
	ann.until("room.peer", "ev", "join")
	return ann, bob
}

func TestResumeReplaysWhatWasNotSeen(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	seen := bob.last
	bob.cut()
	ann.until("room.peer", "ev", "away")
	for i := range 20 {
		ann.request("signal", obj{"room": "r", "to": bob.peer(), "data": i})
	}
	ann.sync("error")
	w := bob.back(seen)
	if w["resumed"] != true || w["last_id"] != float64(bob.id) {
		t.Fatalf("welcome %v", w)
	}
	if rooms := w["rooms"].([]any); len(rooms) != 1 || len(peersOf(rooms[0])) != 2 || strings.Contains(fmt.Sprint(rooms), "away") {
		t.Fatalf("rooms %v", rooms)
	}
	for i := range 20 {
		if f := bob.until("signal"); f["data"] != float64(i) {
			t.Fatalf("signal %d: %v", i, f)
		}
	}
	if ev := ann.until("room.peer", "ev", "back"); ev["peer"].(obj)["peer"] != bob.peer() {
		t.Fatalf("back event %v", ev)
	}
	// What was seen before is replayed again when the client says that it was not.
	bob.cut()
	bob.last = seen
	if w := bob.back(seen); w["resumed"] != true {
		t.Fatalf("welcome %v", w)
	}
	bob.until("signal", "data", 0)
}

func TestAnswersAreReplayedAndRequestsAreDoneOnce(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	seen := ann.last
	re := ann.request("signal", obj{"room": "r", "to": bob.peer(), "data": "once"})
	ask := ann.request("ice.get", nil)
	bob.until("signal")
	eventually(t, "the answer is queued", func() bool { return len(ann.frames) > 0 })
	ann.cut()
	w := ann.back(seen)
	if w["last_id"] != float64(ask) {
		t.Fatalf("last_id %v, want %d", w["last_id"], ask)
	}
	// The client cannot know what arrived, so it may send all again.
	ann.send(obj{"t": "signal", "id": re, "room": "r", "to": bob.peer(), "data": "once"})
	ann.send(obj{"t": "ice.get", "id": ask})
	ann.until("ok", "re", ask)
	ann.sync("error")
	bob.sync("signal")
}

func TestAckedFramesAreForgotten(t *testing.T) {
	s := start(t, options())
	c := s.join(t, "ann")
	for range 5 {
		c.ask("ice.get", nil)
	}
	c.send(obj{"t": "ping", "ack": 5})
	if pong := c.until("pong"); pong["ack"] != 5.0 || pong["n"] != nil {
		t.Fatalf("pong %v", pong)
	}
	c.cut()
	if w := c.back(3); w["resumed"] != false {
		t.Fatalf("frames 4 and 5 were acked: %v", w)
	}
	c.ask("ice.get", nil) // counters start again
	if c.last != 1 {
		t.Fatalf("counter %d", c.last)
	}
}

func TestForgottenFramesEndTheResumeButNotTheRooms(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	bob.cut()
	ann.until("room.peer", "ev", "away")
	big := strings.Repeat("x", 60000)
	for i := range 20 { // 1.2 MB
		ann.request("signal", obj{"room": "r", "to": bob.peer(), "data": fmt.Sprint(i, big)})
	}
	ann.sync("error")
	w := bob.back(bob.last)
	if w["resumed"] != false || len(w["rooms"].([]any)) != 1 {
		t.Fatalf("welcome %v", w)
	}
	ann.until("room.peer", "ev", "back")
	snap := bob.ask("room.join", obj{"room": "r"})["room"]
	if len(peersOf(snap)) != 2 {
		t.Fatalf("snapshot %v", snap)
	}
	ann.sync("room.peer")
}

func TestSecondSocketReplacesTheFirst(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	old := *bob
	bob.back(bob.last)
	old.bye("replaced", 4001)
	bob.request("signal", obj{"room": "r", "to": ann.peer(), "data": 1})
	ann.until("signal")
}

func TestNewSessionEndsWhatTheKeyHad(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	old := *bob
	w := bob.back(nil)
	old.bye("replaced", 4001)
	if w["resumed"] != false || len(w["rooms"].([]any)) != 0 || bob.peer() != old.peer() {
		t.Fatalf("welcome %v", w)
	}
	ann.until("room.peer", "ev", "leave", "reason", "moved")
	bob.refused("not_in_room", "room.leave", obj{"room": "r"})
}

func TestAnotherUserInTheTabIsAnotherPeer(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	before := bob.peer()
	bob.token = "carl"
	w := bob.back(bob.last)
	if w["resumed"] != false || bob.peer() == before {
		t.Fatalf("welcome %v", w)
	}
	ann.until("room.peer", "ev", "leave", "reason", "left")
}

func TestEndLoginAndEndUser(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	if n := s.hub.EndLogin("login-bob"); n != 1 {
		t.Fatalf("ended %d", n)
	}
	bob.bye("logged_out", 4003)
	ann.until("room.peer", "ev", "leave", "reason", "left")
	if n := s.hub.EndUser("u_ann"); n != 1 {
		t.Fatalf("ended %d", n)
	}
	ann.bye("kicked", 4003)
	if n := s.hub.EndUser("u_ann"); n != 0 {
		t.Fatalf("ended %d", n)
	}
	if len(s.hub.Rooms()) != 0 || len(s.hub.Sessions()) != 0 {
		t.Fatalf("left: %v %v", s.hub.Rooms(), s.hub.Sessions())
	}
}

func TestGraceOverMeansLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, options())
		ann, bob := s.pair(t, "r")
		bob.cut()
		begin := time.Now()
		ann.until("room.peer", "ev", "away")
		ev := ann.until("room.peer", "ev", "leave")
		if ev["reason"] != "timeout" || time.Since(begin) != time.Minute {
			t.Fatalf("%v after %v", ev, time.Since(begin))
		}
		if w := bob.back(bob.last); w["resumed"] != false {
			t.Fatalf("welcome %v", w)
		}
	})
}

func TestSilentSocketIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, options())
		var pings atomic.Int32
		ann := s.join(t, "ann")
		ann.ask("room.join", obj{"room": "r", "create": true})
		bob := &client{t: t, s: s, token: "bob", key: newKey()}
		bob.onPing = func(string) error { pings.Add(1); return nil }
		bob.back(nil)
		bob.ask("room.join", obj{"room": "r"})
		begin := time.Now()
		ann.until("room.peer", "ev", "away")
		if d := time.Since(begin); d < 30*time.Second || d > 31*time.Second || pings.Load() != 1 {
			t.Fatalf("away after %v and %d pings", d, pings.Load())
		}
		// Who answers pings stays although it says nothing.
		time.Sleep(5 * time.Minute)
		ann.sync()
	})
}

func TestFreshICEAtHalfOfItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := options()
		opt.ICELife = func() time.Duration { return 45 * time.Second }
		s := startInMemory(t, opt)
		c := s.join(t, "ann")
		begin := time.Now()
		for i := range 3 {
			ev := c.until("ice")
			want := time.Duration(i+1) * 22500 * time.Millisecond
			if d := time.Since(begin); d < want || d > want+time.Second || ev["ice"].(obj)["iceServers"] == nil {
				t.Fatalf("after %v: %v", d, ev)
			}
		}
	})
}

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

func TestAPanicEndsOneSocketOnly(t *testing.T) {
	opt := options()
	ice := opt.ICE
	var broken atomic.Bool
	opt.ICE = func(r *http.Request, id signaling.Identity) json.RawMessage {
		if broken.Load() && id.User == "u_ann" {
			panic("injected")
		}
		return ice(r, id)
	}
	s := start(t, opt)
	ann, bob := s.pair(t, "r")
	broken.Store(true)
	ann.request("ice.get", nil)
	for range ann.frames {
	}
	bob.until("room.peer", "ev", "away")
	broken.Store(false)
	if w := ann.back(ann.last); w["resumed"] != true {
		t.Fatalf("welcome %v", w)
	}
	bob.until("room.peer", "ev", "back")
}

// Who comes back in the moment in which his session ends gets a new one.
func TestResumeOfASessionThatIsEndingStartsANewOne(t *testing.T) {
	opt := options()
	release, identify := opt.ReleaseName, opt.Identify
	ending, goOn, hello := make(chan struct{}), make(chan struct{}), make(chan struct{}, 8)
	var once atomic.Bool
	opt.ReleaseName = func(id signaling.Identity) {
		if once.CompareAndSwap(false, true) {
			close(ending)
			<-goOn
		}
		release(id)
	}
	opt.Identify = func(r *http.Request, token, name, key string) (signaling.Identity, error) {
		hello <- struct{}{}
		return identify(r, token, name, key)
	}
	s := start(t, opt)
	ann := s.join(t, "ann")
	<-hello
	ended := make(chan int)
	go func() { ended <- s.hub.EndUser("u_ann") }()
	<-ending
	go func() {
		<-hello
		time.Sleep(50 * time.Millisecond) // it waits for the end by now; if not, this tests less
		close(goOn)
	}()
	if w := ann.back(ann.last); w["resumed"] != false {
		t.Fatalf("welcome %v", w)
	}
	if n := <-ended; n != 1 {
		t.Fatalf("ended %d", n)
	}
	ann.ask("ice.get", nil)
}
