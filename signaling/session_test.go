package signaling_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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
