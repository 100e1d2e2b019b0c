package signaling_test

import (
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
