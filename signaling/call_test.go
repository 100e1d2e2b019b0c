package signaling_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// ring has from call to and returns the call and the room.
func (c *client) ring(to obj) (call, room string) {
	c.t.Helper()
	ok := c.ask("call.start", obj{"to": to, "media": obj{"audio": true}})
	return ok["call"].(string), ok["room"].(string)
}

func TestCallIsAccepted(t *testing.T) {
	s := start(t, options())
	ann, bob, tab := s.join(t, "ann"), s.join(t, "bob"), s.join(t, "bob")
	carl := s.join(t, "carl")
	call, room := ann.ring(obj{"name": "Bob"})
	if !strings.HasPrefix(call, "c_") || !strings.HasPrefix(room, "r_") || len(room) != 28 {
		t.Fatalf("call %q room %q", call, room)
	}
	ev := bob.until("call.ring")
	if ev["call"] != call || ev["from"].(obj)["peer"] != ann.peer() || ev["media"].(obj)["audio"] != true || ev["expires"] == nil {
		t.Fatalf("ring %v", ev)
	}
	tab.until("call.ring")
	bob.ask("call.ringing", obj{"call": call})
	tab.ask("call.ringing", obj{"call": call})
	ann.until("call.update", "call", call, "state", "ringing")
	carl.refused("gone", "call.accept", obj{"call": call}) // not his
	carl.refused("room_locked", "room.join", obj{"room": room})
	snap := bob.ask("call.accept", obj{"call": call})["room"].(obj)
	if snap["kind"] != "call" || snap["locked"] != true || snap["max"] != 6.0 || snap["host"] != ann.peer() || len(peersOf(snap)) != 2 {
		t.Fatalf("snapshot %v", snap)
	}
	if up := ann.until("call.update"); up["state"] != "accepted" {
		t.Fatalf("update %v", up) // and not ringing a second time
	}
	if ev := ann.until("room.peer", "ev", "join"); ev["peer"].(obj)["peer"] != bob.peer() {
		t.Fatalf("join %v", ev)
	}
	tab.until("call.end", "call", call, "reason", "elsewhere")
	tab.refused("gone", "call.accept", obj{"call": call})
	ann.refused("gone", "call.cancel", obj{"call": call})
	bob.sync("call.end")

	// From then on it is a room, into which either side may add a person.
	ok := bob.ask("call.start", obj{"room": room, "to": obj{"peer": carl.peer()}})
	if ok["room"] != room {
		t.Fatalf("ok %v", ok)
	}
	carl.until("call.ring")
	carl.ask("call.accept", obj{"call": ok["call"]})
	ann.until("room.peer", "ev", "join")
	carl.ask("room.leave", obj{"room": room})
	carl.ask("room.join", obj{"room": room}) // invited once is invited
	if got := s.hub.Snapshot().Calls; got["accepted"] != 2 || len(got) != 1 {
		t.Errorf("calls %v", got)
	}
}

func TestCallIsDeclined(t *testing.T) {
	s := start(t, options())
	ann, bob, tab := s.join(t, "ann"), s.join(t, "bob"), s.join(t, "bob")
	for _, reason := range []string{"declined", "busy"} {
		call, room := ann.ring(obj{"user": "u_bob"})
		bob.until("call.ring")
		bob.refused("bad_message", "call.decline", obj{"call": call, "reason": "bored"})
		bob.refused("bad_message", "call.decline", obj{"call": call, "note": strings.Repeat("x", 101)})
		bob.ask("call.decline", obj{"call": call, "reason": reason, "note": "In 5 min"})
		if end := ann.until("call.end"); end["reason"] != reason || end["by"] != bob.peer() || end["note"] != "In 5 min" || end["call"] != call {
			t.Fatalf("end %v", end)
		}
		bob.until("call.end", "reason", reason)
		tab.until("call.end", "reason", "elsewhere")
		ann.refused("not_in_room", "room.leave", obj{"room": room}) // the room went with the call
		bob.refused("gone", "call.decline", obj{"call": call})
	}
}

func TestCallIsCancelled(t *testing.T) {
	s := start(t, options())
	ann, bob := s.join(t, "ann"), s.join(t, "bob")
	call, _ := ann.ring(obj{"peer": bob.peer()})
	bob.refused("gone", "call.cancel", obj{"call": call})
	ann.ask("call.cancel", obj{"call": call})
	for _, c := range []*client{ann, bob} {
		c.until("call.end", "reason", "cancelled", "by", ann.peer())
	}
	// Leaving the room, or the session, cancels too.
	_, room := ann.ring(obj{"user": "u_bob"})
	ann.ask("room.leave", obj{"room": room})
	bob.until("call.end", "reason", "cancelled")
	ann.ring(obj{"user": "u_bob"})
	s.hub.EndUser("u_ann")
	bob.until("call.end", "reason", "cancelled")
	if n := len(s.hub.Rooms()); n != 0 {
		t.Errorf("%d rooms are left", n)
	}
}

func TestNobodyAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, options())
		ann, bob := s.join(t, "ann"), s.join(t, "bob")
		begin := time.Now()
		ann.ring(obj{"name": "bob"})
		bob.until("call.end", "reason", "no_answer")
		ann.until("call.end", "reason", "no_answer")
		if d := time.Since(begin); d != 45*time.Second {
			t.Errorf("after %v", d)
		}
		// Where the callee's session ends he is offline.
		ann.ring(obj{"name": "bob"})
		s.hub.EndUser("u_bob")
		ann.until("call.end", "reason", "offline")
		missed := s.join(t, "bob").hello["missed"].([]any)
		if len(missed) != 2 || missed[0].(obj)["from"].(obj)["user"] != "u_ann" || missed[0].(obj)["at"] == nil {
			t.Errorf("missed %v", missed)
		}
		time.Sleep(25 * time.Hour)
		if missed := s.join(t, "bob").hello["missed"].([]any); len(missed) != 0 {
			t.Errorf("missed a day later %v", missed)
		}
	})
}

func TestCallIsRefused(t *testing.T) {
	s := start(t, options())
	ann, bob := s.join(t, "ann"), s.join(t, "guest:Eve")
	ann.refused("user_offline", "call.start", obj{"to": obj{"name": "DAVE"}})
	ann.refused("user_offline", "call.start", obj{"to": obj{"user": "u_dave"}})
	ann.refused("user_offline", "call.start", obj{"to": obj{"user": "g_gone"}})
	ann.refused("user_offline", "call.start", obj{"to": obj{"peer": "p_gone"}})
	ann.refused("unknown_user", "call.start", obj{"to": obj{"name": "nobody"}})
	ann.refused("unknown_user", "call.start", obj{"to": obj{"user": "u_nobody"}})
	ann.refused("self", "call.start", obj{"to": obj{"name": "ann"}})
	ann.refused("bad_message", "call.start", obj{"to": obj{}})
	ann.refused("bad_message", "call.start", obj{"to": "bob"})
	ann.refused("not_in_room", "call.start", obj{"to": obj{"name": "eve"}, "room": "nowhere"})
	_, room := s.join(t, "carl").post(obj{})
	for _, name := range []string{"r_wrong", room} { // no stranger learns which is there
		ann.refused("not_found", "call.start", obj{"to": obj{"name": "eve"}, "room": name})
	}
	bob.ask("me", obj{"status": "dnd"})
	ann.refused("dnd", "call.start", obj{"to": obj{"name": " eve "}})
	bob.ask("me", obj{"status": "available"})
	ann.ring(obj{"name": "eve"})
	ann.refused("busy", "call.start", obj{"to": obj{"name": "eve"}})
	for _, who := range []string{"bob", "carl", "guest:fay"} {
		s.join(t, who).ring(obj{"name": "Eve"})
	}
	s.join(t, "guest:gus").refused("busy", "call.start", obj{"to": obj{"name": "Eve"}})
	dave := s.join(t, "dave")
	if missed := dave.hello["missed"].([]any); len(missed) != 2 {
		t.Errorf("missed %v", missed)
	}
	if missed := s.join(t, "guest:Eve").hello["missed"].([]any); len(missed) != 0 {
		t.Errorf("a guest's missed %v", missed)
	}
}

func TestMutualCallsMerge(t *testing.T) {
	s := start(t, options())
	ann, bob, tab := s.join(t, "ann"), s.join(t, "bob"), s.join(t, "bob")
	call, room := ann.ring(obj{"name": "bob"})
	bob.until("call.ring")
	ok := bob.ask("call.start", obj{"to": obj{"name": "ann"}})
	if ok["call"] != call || ok["room"] != room || ok["merged"] != true {
		t.Fatalf("ok %v", ok)
	}
	bob.until("call.update", "state", "accepted")
	if ev := bob.until("room.peer", "ev", "join"); ev["peer"].(obj)["peer"] != ann.peer() {
		t.Fatalf("join %v", ev)
	}
	ann.until("call.update", "state", "accepted")
	ann.until("room.peer", "ev", "join")
	tab.until("call.end", "reason", "elsewhere")
	ann.request("signal", obj{"room": room, "to": bob.peer(), "data": 1})
	bob.until("signal")
	ann.sync("call.ring")
}

func TestMutualCallsAtTheSameInstantMerge(t *testing.T) {
	s := start(t, options())
	for range 20 {
		ann, bob := s.join(t, "ann"), s.join(t, "bob")
		var wg sync.WaitGroup
		rooms := make([]any, 2)
		for i, c := range []*client{ann, bob} {
			to := []string{"u_bob", "u_ann"}[i]
			wg.Go(func() {
				rooms[i] = c.ask("call.start", obj{"to": obj{"user": to}})["room"]
				c.until("call.update", "state", "accepted")
				c.until("room.peer", "ev", "join")
			})
		}
		wg.Wait()
		if rooms[0] != rooms[1] || len(s.hub.Rooms()) != 1 {
			t.Fatalf("rooms %v, %v", rooms, s.hub.Rooms())
		}
		s.hub.EndUser("u_ann")
		s.hub.EndUser("u_bob")
	}
}

func TestOneOfManyTabsAccepts(t *testing.T) {
	s := start(t, options())
	ann := s.join(t, "ann")
	var tabs []*client
	for range 8 {
		tabs = append(tabs, s.join(t, "bob"))
	}
	call, _ := ann.ring(obj{"name": "bob"})
	var wg sync.WaitGroup
	var won atomic.Int32
	for _, c := range tabs {
		wg.Go(func() {
			switch f := c.until2(c.request("call.accept", obj{"call": call})); {
			case f["t"] == "ok":
				won.Add(1)
			case f["code"] != "gone":
				t.Errorf("refused with %v", f)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d accepted", won.Load())
	}
}

func TestANewTabRingsToo(t *testing.T) {
	s := start(t, options())
	ann, bob := s.join(t, "ann"), s.join(t, "bob")
	call, _ := ann.ring(obj{"name": "bob"})
	tab := s.join(t, "bob")
	tab.until("call.ring", "call", call)
	tab.ask("call.accept", obj{"call": call})
	bob.until("call.end", "reason", "elsewhere")
}

func TestAcceptInAFullRoomFails(t *testing.T) {
	s := start(t, options())
	ann := s.join(t, "ann")
	bob, carl, tab := s.join(t, "bob"), s.join(t, "carl"), s.join(t, "carl")
	_, room := ann.ring(obj{"name": "bob"})
	ann.ask("room.set", obj{"room": room, "max": 2})
	call := ann.ask("call.start", obj{"room": room, "to": obj{"name": "carl"}})["call"]
	ring := bob.until("call.ring")
	bob.ask("call.accept", obj{"call": ring["call"]})
	carl.until("call.ring")
	carl.failsToAccept(ann, call, "room_full")
	tab.until("call.end", "call", call, "reason", "failed")
	bob.refused("room_full", "call.start", obj{"room": room, "to": obj{"name": "carl"}})

	// Who was removed from the room cannot be called back into it.
	ann.ask("room.kick", obj{"room": room, "peer": bob.peer()})
	call = ann.ask("call.start", obj{"room": room, "to": obj{"name": "bob"}})["call"]
	bob.failsToAccept(ann, call, "denied")
	if got := s.hub.Snapshot().Calls; got["accepted"] != 1 || got["failed"] != 2 {
		t.Errorf("calls %v", got)
	}
}

// failsToAccept checks what both sides hear of a call whose room lets nobody in.
func (c *client) failsToAccept(caller *client, call any, code string) {
	c.t.Helper()
	caller.sync()
	re := c.request("call.accept", obj{"call": call})
	c.until("call.end", "call", call, "reason", "failed")
	c.until("error", "re", re, "code", code)
	if f := caller.next(); !matches(f, []any{"t", "call.end", "call", call, "reason", "failed", "by", c.peer()}) {
		c.t.Fatalf("the caller hears %v", f)
	}
}

func TestMutualCallsThatCannotMeetFail(t *testing.T) {
	s := start(t, options())
	ann, bob := s.join(t, "ann"), s.join(t, "bob")
	call, room := ann.ring(obj{"name": "bob"})
	ann.ask("room.set", obj{"room": room, "max": 1})
	bob.until("call.ring")
	bob.ask("call.start", obj{"to": obj{"name": "ann"}})
	for _, c := range []*client{ann, bob} {
		for f := c.next(); f["t"] != "call.end"; f = c.next() {
			if f["t"] == "call.update" {
				t.Fatalf("unexpected: %v", f)
			}
		}
	}
	bob.sync()
	ann.refused("not_in_room", "room.leave", obj{"room": room}) // the room went with the call
	bob.refused("gone", "call.accept", obj{"call": call})
}
