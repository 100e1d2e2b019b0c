package signaling_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestTwoMeetInARoomAndSignal(t *testing.T) {
	s := start(t, options())
	ann, bob := s.join(t, "ann"), s.join(t, "guest:bob")
	snap := ann.ask("room.join", obj{"room": "important-meeting", "create": true, "max": 2})["room"].(obj)
	if snap["host"] != ann.peer() || snap["order"] != 1.0 || snap["max"] != 2.0 || snap["kind"] != "link" || snap["locked"] != false {
		t.Fatalf("snapshot %v", snap)
	}
	snap = bob.ask("room.join", obj{"room": "important-meeting"})["room"].(obj)
	if got := peersOf(snap); len(got) != 2 || got[0] != ann.peer() || got[1] != bob.peer() || snap["order"] != 2.0 {
		t.Fatalf("snapshot %v", snap)
	}
	ev := ann.until("room.peer", "ev", "join")
	if p := ev["peer"].(obj); p["peer"] != bob.peer() || p["user"] != "g_bob" || p["guest"] != true || p["order"] != 2.0 {
		t.Fatalf("join event %v", ev)
	}
	bob.request("signal", obj{"room": "important-meeting", "to": ann.peer(), "from": "p_forged", "data": obj{"pc": "x", "n": 1.5}})
	sig := ann.until("signal")
	if sig["from"] != bob.peer() || sig["room"] != "important-meeting" || sig["data"].(obj)["n"] != 1.5 || sig["replay"] != nil {
		t.Fatalf("signal %v", sig)
	}
	bob.sync("error")
	bob.ask("room.leave", obj{"room": "important-meeting"})
	if ev := ann.until("room.peer", "ev", "leave"); ev["reason"] != "left" {
		t.Fatalf("leave event %v", ev)
	}
}

func TestRoomNames(t *testing.T) {
	s := start(t, options())
	c := s.join(t, "ann")
	for name, code := range map[string]string{
		"":                      "bad_message",
		strings.Repeat("x", 65): "bad_message",
		"a/b":                   "bad_message",
		"ä":                     "bad_message",
		".hidden":               "bad_message",
		"r_7gk2":                "not_found",
		"c_7gk2":                "not_found",
		"o_7gk2":                "not_found",
	} {
		c.refused(code, "room.join", obj{"room": name, "create": true})
	}
	c.refused("not_found", "room.join", obj{"room": "nowhere"})
	c.ask("room.join", obj{"room": "A.b_c-9" + strings.Repeat("x", 57), "create": true})
	c.ask("room.join", obj{"room": "R_", "create": true})
}

func TestTheLobbyTellsWhomOneWouldMeet(t *testing.T) {
	s := start(t, options())
	ann, bob, carl := s.join(t, "ann"), s.join(t, "bob"), s.join(t, "carl")
	look := func(c *client, room string) string {
		ok := c.ask("room.look", obj{"room": room})
		return fmt.Sprint(ok["names"], " locked ", ok["locked"], " pass ", ok["pass"], " full ", ok["full"])
	}
	expect := func(c *client, want string) {
		t.Helper()
		if got := look(c, "r"); got != want {
			t.Fatalf("%s instead of %s", got, want)
		}
	}
	expect(carl, "[] locked false pass false full false")
	carl.refused("bad_message", "room.look", obj{"room": "a/b"})
	carl.refused("bad_message", "room.look", nil)
	ann.ask("room.join", obj{"room": "r", "create": true, "max": 2})
	expect(carl, "[Ann] locked false pass false full false")
	bob.ask("room.join", obj{"room": "r"})
	expect(carl, "[] locked false pass false full true")
	ann.ask("room.set", obj{"room": "r", "max": 3})
	expect(carl, "[Ann Bob] locked false pass false full false")
	ann.sync("room.peer", "room.knock") // nobody hears that somebody looked
	// Behind a closed door nobody is seen, and nobody counted.
	ann.ask("room.set", obj{"room": "r", "locked": true})
	expect(carl, "[] locked true pass false full false")
	ann.ask("room.set", obj{"room": "r", "locked": false, "pass": "secret"})
	expect(carl, "[] locked false pass true full false")
	ann.ask("room.set", obj{"room": "r", "pass": nil})
	ann.ask("room.kick", obj{"room": "r", "peer": bob.peer()})
	bob.refused("denied", "room.look", obj{"room": "r"})
	// A call is no room that one could come by.
	call := ann.ask("call.start", obj{"to": obj{"user": "u_carl"}, "media": obj{"audio": true}})
	carl.until("call.ring")
	carl.ask("call.accept", obj{"call": call["call"]})
	room := ann.until("room.peer", "ev", "join")["room"].(string)
	if got := look(bob, room); got != "[] locked false pass false full false" {
		t.Fatalf("of a call one hears %s", got)
	}
	s.join(t, "room:party:eve").refused("forbidden", "room.look", obj{"room": "r"})
}

func TestRoomLimits(t *testing.T) {
	s := start(t, options())
	ann, bob, carl := s.join(t, "ann"), s.join(t, "bob"), s.join(t, "carl")
	ann.refused("bad_message", "room.join", obj{"room": "r", "create": true, "max": 7})
	ann.refused("bad_message", "room.join", obj{"room": "r", "create": true, "max": 0})
	ann.ask("room.join", obj{"room": "r", "create": true, "max": 2})
	snap := bob.ask("room.join", obj{"room": "r", "create": true, "max": 99})["room"].(obj)
	if snap["max"] != 2.0 {
		t.Fatalf("a guest's max counts: %v", snap)
	}
	carl.refused("room_full", "room.join", obj{"room": "r"})
	bob.ask("room.join", obj{"room": "r"}) // who is in it may ask again
	bob.ask("room.leave", obj{"room": "r"})
	carl.ask("room.join", obj{"room": "r"})
	for i := range 7 {
		carl.ask("room.join", obj{"room": fmt.Sprintf("r%d", i), "create": true})
	}
	carl.refused("rate_limited", "room.join", obj{"room": "ninth", "create": true})
	if n := len(s.hub.Rooms()); n != 8 {
		t.Errorf("%d rooms", n)
	}
}

func TestLastPlaceGoesToOne(t *testing.T) {
	s := start(t, options())
	s.join(t, "ann").ask("room.join", obj{"room": "r", "create": true, "max": 2})
	var wg sync.WaitGroup
	var in atomic.Int32
	for i := range 10 {
		c := s.join(t, fmt.Sprintf("guest:%d", i))
		wg.Go(func() {
			switch f := c.until2(c.request("room.join", obj{"room": "r"})); {
			case f["t"] == "ok":
				in.Add(1)
			case f["code"] != "room_full":
				t.Errorf("refused with %v", f)
			}
		})
	}
	wg.Wait()
	if in.Load() != 1 {
		t.Errorf("%d got the last place", in.Load())
	}
}

func TestSetRoom(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	carl := s.join(t, "carl")
	bob.refused("forbidden", "room.set", obj{"room": "r", "locked": true})
	carl.refused("not_in_room", "room.set", obj{"room": "r", "locked": true})
	ann.refused("bad_message", "room.set", obj{"room": "r", "max": 7})
	ann.refused("bad_message", "room.set", obj{"room": "r", "title": strings.Repeat("x", 101)})
	ann.refused("bad_message", "room.set", obj{"room": "r", "title": "a\u0000b"})
	ann.refused("bad_message", "room.set", obj{"room": "r", "pass": 5})
	ann.ask("room.set", obj{"room": "r", "title": "  Stand  up ", "max": 4, "pass": "secret"})
	ev := bob.until("room")
	if ev["title"] != "Stand up" || ev["max"] != 4.0 || ev["pass"] != true || ev["room"] != "r" || ev["locked"] != nil {
		t.Fatalf("room event %v", ev)
	}
	carl.refused("bad_password", "room.join", obj{"room": "r"})
	carl.refused("bad_password", "room.join", obj{"room": "r", "pass": "Secret"})
	carl.ask("room.join", obj{"room": "r", "pass": "secret"})
	carl.ask("room.leave", obj{"room": "r"})
	ann.ask("room.set", obj{"room": "r", "pass": nil})
	bob.until("room", "pass", false)
	carl.ask("room.join", obj{"room": "r"})
}

func TestWrongPasswordsAreCountedPerAddress(t *testing.T) {
	s := start(t, options())
	ann, bob := s.join(t, "ann"), s.join(t, "bob")
	ann.ask("room.join", obj{"room": "r", "create": true, "pass": "secret"})
	for range 10 {
		bob.refused("bad_password", "room.join", obj{"room": "r", "pass": "guess"})
	}
	if e := bob.refused("rate_limited", "room.join", obj{"room": "r", "pass": "secret"}); e["retry_ms"] == nil {
		t.Errorf("no retry_ms: %v", e)
	}
	bob.refused("bad_password", "room.join", obj{"room": "r"}) // asking what it needs is free
	bob.ask("room.join", obj{"room": "his", "create": true, "pass": "own"})
}

func TestHostPassesOn(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	carl := s.join(t, "carl")
	carl.ask("room.join", obj{"room": "r"})
	ann.ask("room.leave", obj{"room": "r"})
	carl.until("room.peer", "ev", "leave")
	if ev := carl.until("room"); ev["host"] != bob.peer() {
		t.Fatalf("host event %v", ev)
	}
	bob.ask("room.set", obj{"room": "r", "locked": true})
}

func TestKickedIsBarred(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	carl := s.join(t, "carl")
	carl.ask("room.join", obj{"room": "r"})
	bob.refused("forbidden", "room.kick", obj{"room": "r", "peer": ann.peer()})
	ann.refused("peer_gone", "room.kick", obj{"room": "r", "peer": "p_nobody"})
	ann.refused("self", "room.kick", obj{"room": "r", "peer": ann.peer()})
	ann.ask("room.kick", obj{"room": "r", "peer": bob.peer()})
	for _, c := range []*client{bob, carl} {
		if ev := c.until("room.peer", "ev", "leave"); ev["reason"] != "kicked" || ev["peer"].(obj)["peer"] != bob.peer() {
			t.Fatalf("leave event %v", ev)
		}
	}
	bob.refused("denied", "room.join", obj{"room": "r"})
	bob.refused("denied", "room.knock", obj{"room": "r"})
	bob.refused("not_in_room", "signal", obj{"room": "r", "to": ann.peer(), "data": 1})
	s.join(t, "bob").refused("denied", "room.join", obj{"room": "r"}) // another tab does not help
	ann.refused("peer_gone", "signal", obj{"room": "r", "to": bob.peer(), "data": 1})
}

func TestKnock(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	carl, dave := s.join(t, "carl"), s.join(t, "dave")
	carl.refused("not_found", "room.knock", obj{"room": "nowhere"})
	ann.ask("room.set", obj{"room": "r", "locked": true, "pass": "secret"})
	if e := carl.refused("bad_password", "room.join", obj{"room": "r"}); e["knock"] != nil {
		t.Fatalf("error %v", e)
	}
	if e := carl.refused("room_locked", "room.join", obj{"room": "r", "pass": "secret"}); e["knock"] != true {
		t.Fatalf("error %v", e)
	}
	carl.refused("bad_message", "room.knock", obj{"room": "r", "note": strings.Repeat("x", 101)})
	carl.ask("room.knock", obj{"room": "r", "note": "Hi"})
	ev := ann.until("room.knock")
	if ev["note"] != "Hi" || ev["room"] != "r" || ev["peer"].(obj)["peer"] != carl.peer() {
		t.Fatalf("knock event %v", ev)
	}
	bob.refused("forbidden", "room.admit", obj{"room": "r", "peer": carl.peer(), "allow": true})
	ann.refused("peer_gone", "room.admit", obj{"room": "r", "peer": dave.peer(), "allow": true})
	ann.ask("room.admit", obj{"room": "r", "peer": carl.peer(), "allow": false})
	carl.until("room.admitted", "allow", false, "room", "r")
	carl.refused("room_locked", "room.join", obj{"room": "r", "pass": "secret"})
	carl.ask("room.knock", obj{"room": "r"})
	dave.ask("room.knock", obj{"room": "r"})
	ann.until("room.knock")
	ann.ask("room.admit", obj{"room": "r", "peer": carl.peer(), "allow": true})
	carl.until("room.admitted", "allow", true)
	carl.ask("room.join", obj{"room": "r"})
	// The next host hears who still waits at the door.
	ann.ask("room.leave", obj{"room": "r"})
	if ev := bob.until("room.knock"); ev["peer"].(obj)["peer"] != dave.peer() {
		t.Fatalf("knock event %v", ev)
	}
	bob.ask("room.set", obj{"room": "r", "locked": false, "pass": ""})
	s.join(t, "guest:eve").ask("room.knock", obj{"room": "r"}) // nobody needs to be asked
	bob.sync("room.knock")
}

func TestWhoGivesUpAtTheDoorIsGone(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	carl, dave := s.join(t, "carl"), s.join(t, "dave")
	ann.ask("room.set", obj{"room": "r", "locked": true})
	carl.refused("not_in_room", "room.leave", obj{"room": "r"})
	for _, c := range []*client{carl, dave} {
		c.ask("room.knock", obj{"room": "r"})
		ann.until("room.knock")
	}
	carl.ask("room.leave", obj{"room": "r"})
	if ev := ann.until("room.peer"); ev["ev"] != "leave" || ev["reason"] != "left" || ev["peer"].(obj)["peer"] != carl.peer() {
		t.Fatalf("event %v", ev)
	}
	ann.refused("peer_gone", "room.admit", obj{"room": "r", "peer": carl.peer(), "allow": true})
	dave.back(nil) // a reload ends the session
	if ev := ann.until("room.peer"); ev["reason"] != "moved" || ev["peer"].(obj)["peer"] != dave.peer() {
		t.Fatalf("event %v", ev)
	}
	bob.sync("room.peer") // only the host has heard of them
}

func TestWhoWaitsHearsThatTheRoomHasEnded(t *testing.T) {
	s := start(t, options())
	ann, bob, carl := s.join(t, "ann"), s.join(t, "bob"), s.join(t, "carl")
	ann.ask("room.join", obj{"room": "r", "create": true})
	ann.ask("room.set", obj{"room": "r", "locked": true})
	for _, c := range []*client{carl, bob} {
		c.ask("room.knock", obj{"room": "r"})
		ann.until("room.knock")
	}
	ann.ask("room.set", obj{"room": "r", "locked": false})
	carl.ask("room.join", obj{"room": "r"}) // and does not wait any more
	ann.ask("room.leave", obj{"room": "r"})
	if ev := carl.until("room.knock"); ev["peer"].(obj)["peer"] != bob.peer() {
		t.Fatalf("knock event %v", ev)
	}
	carl.ask("room.leave", obj{"room": "r"})
	bob.until("room.admitted", "allow", false, "room", "r")
	bob.refused("not_in_room", "room.leave", obj{"room": "r"})
}

func TestAReloadedTabComesBackThroughTheLock(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	ann.ask("room.set", obj{"room": "r", "locked": true})
	bob.back(nil)
	bob.ask("room.join", obj{"room": "r"})
	s.join(t, "bob").refused("room_locked", "room.join", obj{"room": "r"})
}

func TestSignalsNeedASharedRoom(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	carl := s.join(t, "carl")
	carl.ask("room.join", obj{"room": "other", "create": true})
	ann.refused("peer_gone", "signal", obj{"room": "r", "to": carl.peer(), "data": 1})
	ann.refused("not_in_room", "signal", obj{"room": "other", "to": carl.peer(), "data": 1})
	ann.refused("not_in_room", "signal", obj{"room": "nowhere", "to": carl.peer(), "data": 1})
	ann.refused("bad_message", "signal", obj{"room": "r", "to": "*", "data": 1})
	ann.refused("bad_message", "signal", obj{"room": "r", "to": bob.peer()})
	ann.request("signal", obj{"room": "r", "to": bob.peer(), "data": nil})
	if f := bob.until("signal"); f["data"] != nil {
		t.Fatalf("signal %v", f)
	}
}

func TestMailboxOfWhoIsAlone(t *testing.T) {
	s := start(t, options())
	ann, bob := s.join(t, "ann"), s.join(t, "bob")
	ann.ask("room.join", obj{"room": "r", "create": true})
	for i := range 64 {
		ann.request("signal", obj{"room": "r", "to": "*", "data": i})
	}
	ann.refused("too_big", "signal", obj{"room": "r", "to": "*", "data": 64})
	if ok := bob.ask("room.join", obj{"room": "r"}); ok["mail"] != 64.0 {
		t.Fatalf("ok %v", ok)
	}
	for i := range 64 {
		if f := bob.until("signal"); f["data"] != float64(i) || f["replay"] != true || f["from"] != ann.peer() {
			t.Fatalf("signal %d: %v", i, f)
		}
	}
	carl := s.join(t, "carl")
	if ok := carl.ask("room.join", obj{"room": "r"}); ok["mail"] != nil {
		t.Fatalf("ok %v", ok)
	}
	carl.sync("signal")
	ann.ask("room.leave", obj{"room": "r"})
	big := strings.Repeat("x", 60000)
	dave := s.join(t, "dave")
	dave.ask("room.join", obj{"room": "r2", "create": true})
	dave.request("signal", obj{"room": "r2", "to": "*", "data": big})
	dave.request("signal", obj{"room": "r2", "to": "*", "data": big})
	dave.refused("too_big", "signal", obj{"room": "r2", "to": "*", "data": big})
}

func TestWhatTheMailboxKeepsIsTakenBack(t *testing.T) {
	s := start(t, options())
	ann, bob := s.join(t, "ann"), s.join(t, "bob")
	ann.ask("room.join", obj{"room": "r", "create": true})
	big := strings.Repeat("x", 60000)
	for _, data := range []any{big, big, nil, "new"} {
		ann.request("signal", obj{"room": "r", "to": "*", "data": data})
	}
	ann.sync("signal")
	if ok := bob.ask("room.join", obj{"room": "r"}); ok["mail"] != 1.0 {
		t.Fatalf("ok %v", ok)
	}
	if f := bob.until("signal"); f["data"] != "new" {
		t.Fatalf("signal %v", f)
	}
	ann.refused("bad_message", "signal", obj{"room": "r", "to": "*", "data": nil})
}

func TestInvitationForOneRoom(t *testing.T) {
	s := start(t, options())
	c := s.join(t, "room:party:eve")
	c.ask("room.join", obj{"room": "party", "create": true})
	c.refused("forbidden", "room.join", obj{"room": "other", "create": true})
	c.refused("forbidden", "call.start", obj{"to": obj{"name": "ann"}})
	c.refused("forbidden", "offer.post", obj{})
	c.refused("forbidden", "watch", obj{"users": true})
	ann := s.join(t, "ann")
	if users := ann.ask("watch", obj{"users": true})["users"].([]any); len(users) != 1 {
		t.Errorf("users %v", users)
	}
}

func TestAdminLists(t *testing.T) {
	s := start(t, options())
	ann, _ := s.pair(t, "r")
	ann.ask("room.set", obj{"room": "r", "locked": true})
	rooms := s.hub.Rooms()
	if len(rooms) != 1 || rooms[0].Room != "r" || rooms[0].Kind != "link" || !rooms[0].Locked || rooms[0].Peers != 2 || rooms[0].Since.IsZero() {
		t.Errorf("rooms %+v", rooms)
	}
	sessions := s.hub.Sessions()
	if len(sessions) != 2 || sessions[0].User != "u_ann" || sessions[0].Client != "127.0.0.1" || sessions[0].Rooms[0] != "r" {
		t.Errorf("sessions %+v", sessions)
	}
	if st := s.hub.Snapshot(); st.Connections != 2 || st.Sessions != 2 || st.Rooms != 1 {
		t.Errorf("snapshot %+v", st)
	}
}

func TestReport(t *testing.T) {
	s := start(t, options())
	c := s.join(t, "ann")
	c.refused("bad_message", "report", obj{"path": "magic", "setup_ms": 1})
	c.refused("bad_message", "report", obj{"path": "direct", "setup_ms": -1})
	c.refused("bad_message", "report", obj{"path": "failed", "setup_ms": 1, "step": "<script>"})
	c.ask("report", obj{"path": "relay_tcp", "setup_ms": 812, "step": nil})
	if e := c.refused("rate_limited", "report", obj{"path": "direct", "setup_ms": 1}); e["retry_ms"] == nil {
		t.Errorf("error %v", e)
	}
	s.join(t, "bob").ask("report", obj{"path": "failed", "setup_ms": 0, "step": "turn_tls"})
	st := s.hub.Snapshot()
	if st.Reports["relay_tcp"] != 1 || st.Reports["failed"] != 1 || st.Reports["direct"] != 0 || st.Steps["turn_tls"] != 1 {
		t.Errorf("reports %v, steps %v", st.Reports, st.Steps)
	}
	if h := st.Setup; h.Count != 1 || h.Sum != 0.812 || h.Counts[2] != 0 || h.Counts[3] != 1 {
		t.Errorf("setup %+v", h)
	}
}
