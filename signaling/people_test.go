package signaling_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// entryOf returns a user's entry of a list of people.
func entryOf(list any, user string) obj {
	for _, e := range list.([]any) {
		if e.(obj)["user"] == user {
			return e.(obj)
		}
	}
	return nil
}

func (c *client) untilStatus(user, status string) obj {
	c.t.Helper()
	for {
		if e := entryOf(c.until("users")["changed"], user); e != nil && e["status"] == status {
			return e
		}
	}
}

func TestPeopleComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, options())
		ann := s.join(t, "ann")
		list := ann.ask("watch", obj{"users": true, "offers": true})
		if e := entryOf(list["users"], "u_ann"); e == nil || e["status"] != "available" || e["tabs"] != 1.0 || e["guest"] != false || len(list["offers"].([]any)) != 0 {
			t.Fatalf("list %v", list)
		}
		bob := s.join(t, "guest:bob")
		if e := ann.untilStatus("g_bob", "available"); e["name"] != "bob" || e["guest"] != true {
			t.Fatalf("entry %v", e)
		}
		begin := time.Now()
		for _, status := range []string{"dnd", "away", "available", "in_call"} {
			bob.ask("me", obj{"status": status})
			ann.untilStatus("g_bob", status)
		}
		if d := time.Since(begin); d < 3*time.Second {
			t.Errorf("four events in %v, at most one a second", d)
		}
		bob.ask("me", obj{"status": "available"})
		bob.refused("bad_message", "me", obj{"status": "offline"})
		ann.ask("room.join", obj{"room": "r", "create": true})
		bob.ask("room.join", obj{"room": "r"})
		ann.untilStatus("g_bob", "in_call")
		bob.ask("room.leave", obj{"room": "r"})
		ann.untilStatus("g_bob", "available")
		bob.cut()
		ann.untilStatus("g_bob", "away")
		ann.untilStatus("g_bob", "offline")
		if e := entryOf(ann.ask("watch", obj{"users": true})["users"], "g_bob"); e != nil {
			t.Errorf("still listed: %v", e)
		}
		ann.ask("watch", obj{"users": false})
		s.join(t, "carl")
		time.Sleep(5 * time.Second)
		ann.sync("users")
	})
}

func TestNameChanges(t *testing.T) {
	s := start(t, options())
	ann, bob := s.pair(t, "r")
	tab := s.join(t, "bob")
	ann.ask("watch", obj{"users": true})
	if ok := bob.ask("me", obj{"name": "Bobby"}); ok["name"] != "Bobby" {
		t.Fatalf("ok %v", ok)
	}
	if ev := ann.until("room.peer", "ev", "update"); ev["peer"].(obj)["name"] != "Bobby" || ev["peer"].(obj)["order"] != 2.0 {
		t.Fatalf("update event %v", ev)
	}
	if e := entryOf(ann.until("users")["changed"], "u_bob"); e["name"] != "Bobby" || e["tabs"] != 2.0 {
		t.Fatalf("entry %v", e)
	}
	bob.refused("name_taken", "me", obj{"name": "Ann"})
	bob.refused("bad_name", "me", obj{"name": ""})
	ev := tab.ask("room.join", obj{"room": "r"})["room"].(obj)["peers"].([]any)[2].(obj)
	if ev["name"] != "Bobby" {
		t.Errorf("the other tab is %v", ev)
	}
}

func TestDirectoryForMembersOrNobody(t *testing.T) {
	for directory, want := range map[string]int{"members": 2, "none": 0} {
		opt := options()
		opt.Directory = directory
		s := start(t, opt)
		ann, guest := s.join(t, "ann"), s.join(t, "guest:eve")
		if got := ann.ask("watch", obj{"users": true})["users"].([]any); len(got) != want {
			t.Errorf("%s: a member sees %v", directory, got)
		}
		if got := guest.ask("watch", obj{"users": true})["users"].([]any); len(got) != 0 {
			t.Errorf("%s: a guest sees %v", directory, got)
		}
		if got := guest.hello["features"].([]any); len(got) != 4 {
			t.Errorf("%s: features %v", directory, got)
		}
	}
}
