package signaling_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"parley/signaling"
)

// golden is a file of testdata/proto: one frame, as the other implementation's
// tests read it too.
type golden struct {
	Dir   string `json:"dir"` // who sends it: client or server
	Note  string `json:"note"`
	Frame obj    `json:"frame"`
}

const goldenDir = "testdata/proto"

// TestGolden holds the files against what the hub really takes and sends: each
// golden frame has the shape of one that came by, and no frame has a field that
// no golden one shows. UPDATE_GOLDEN=1 writes the files that are missing.
func TestGolden(t *testing.T) {
	seen := map[string]golden{}
	fields := map[string]map[string]bool{}
	synctest.Test(t, func(t *testing.T) { record(t, seen, fields) })
	if os.Getenv("UPDATE_GOLDEN") != "" {
		writeMissing(t, seen)
	}
	files := readGolden(t)
	for name, g := range seen {
		if _, ok := files[name]; !ok {
			t.Errorf("no golden file for %s: %v", name, g.Frame)
		}
	}
	for name, g := range files {
		s, ok := seen[name]
		if !ok {
			t.Errorf("%s did not come by", name)
			continue
		}
		if g.Note == "" || g.Dir != s.Dir {
			t.Errorf("%s: note %q, dir %q", name, g.Note, g.Dir)
		}
		known := paths(g.Frame)
		for path := range fields[name] {
			if !known[path] {
				t.Errorf("%s: the golden frame lacks %s", name, path)
			}
		}
		for path := range known {
			if !fields[name][path] {
				t.Errorf("%s: no frame has %s", name, path)
			}
		}
	}
}

// record plays all of the protocol and notes the frames by name.
func record(t *testing.T, seen map[string]golden, fields map[string]map[string]bool) {
	opt := options()
	opt.ICELife = func() time.Duration { return time.Hour }
	s := startInMemory(t, opt)
	asked := map[*client]map[any]string{}
	s.tap = func(c *client, dir string, f obj) {
		b, _ := json.Marshal(f)
		f = obj{}
		json.Unmarshal(b, &f)
		if asked[c] == nil {
			asked[c] = map[any]string{}
		}
		if dir == "client" {
			asked[c][f["id"]] = fmt.Sprint(f["t"])
		}
		name := nameOf(dir, f, asked[c])
		if old, ok := seen[name]; !ok || len(paths(f)) > len(paths(old.Frame)) {
			seen[name] = golden{Dir: dir, Frame: f}
		}
		if fields[name] == nil {
			fields[name] = map[string]bool{}
		}
		maps.Copy(fields[name], paths(f))
	}
	play(t, s)
	s.tapMu.Lock()
	defer s.tapMu.Unlock()
	s.tap = nil
}

// nameOf names a frame by its type and what tells its kinds apart.
func nameOf(dir string, f obj, asked map[any]string) string {
	parts := []string{dir, fmt.Sprint(f["t"])}
	switch f["t"] {
	case "ok":
		parts = append(parts, asked[f["re"]])
	case "error":
		switch {
		case f["n"] == nil:
			parts = append(parts, "hello")
		case f["re"] == nil:
			parts = append(parts, "without_re")
		case f["knock"] != nil:
			parts = append(parts, "knock")
		case f["retry_ms"] != nil:
			parts = append(parts, "retry")
		}
	case "room":
		for _, field := range []string{"host", "locked", "max", "pass", "title"} {
			if f[field] != nil {
				parts = append(parts, field)
			}
		}
	case "call.start", "signal":
		for _, field := range []string{"room", "replay"} {
			if f[field] != nil && f["t"] != "signal" || field == "replay" && f[field] != nil {
				parts = append(parts, field)
			}
		}
	}
	for _, field := range []string{"ev", "state", "reason"} {
		if v, ok := f[field].(string); ok && dir == "server" {
			parts = append(parts, v)
		}
	}
	if dir == "server" && f["t"] == "bye" {
		parts = append(parts, fmt.Sprint(f["code"]))
	}
	return strings.Join(parts, ".")
}

// paths are the fields of a frame. What the hub passes on unread is not looked into.
func paths(f obj) map[string]bool {
	all := map[string]bool{}
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		switch v := v.(type) {
		case obj:
			for key, value := range v {
				path := prefix + "." + key
				all[path] = true
				if key != "data" && key != "media" && key != "ice" && key != "to" {
					walk(path, value)
				}
			}
		case []any:
			for _, value := range v {
				walk(prefix+"[]", value)
			}
		}
	}
	walk("", f)
	return all
}

// play uses every message, in every kind.
func play(t *testing.T, s *server) {
	ann, bob, carl := s.join(t, "ann"), s.join(t, "bob"), s.join(t, "carl")
	ann.refused("user_offline", "call.start", obj{"to": obj{"name": "dave"}, "media": obj{"audio": true, "video": true}})
	dave := s.join(t, "dave")
	playPeople(ann, bob)
	playRooms(ann, bob, carl, dave)
	playCalls(s, t, ann, bob, carl, dave)
	playOffers(ann, bob, carl)
	ann.ask("report", obj{"path": "relay_tcp", "setup_ms": 812, "step": nil})
	ann.ask("ice.get", nil)
	ann.send(obj{"t": "ping", "ack": 1})
	ann.until("pong")
	ann.send(obj{"t": "pong", "ack": 1})
	ann.until("ice")
	playEnds(t, s, ann, bob, carl, dave)
}

func playPeople(ann, bob *client) {
	bob.ask("offer.post", obj{"title": "Chess", "media": obj{"audio": true}})
	ann.ask("watch", obj{"users": true, "offers": true})
	bob.ask("me", obj{"name": "Bobby", "status": "dnd"})
	ann.until("users")
	bob.ask("me", obj{"name": "Bob", "status": "available"})
}

func playRooms(ann, bob, carl, dave *client) {
	room := func(more obj) obj {
		more["room"] = "important-meeting"
		return more
	}
	ann.ask("room.join", room(obj{"create": true, "max": 4, "pass": nil, "media": obj{"audio": true, "video": true}}))
	ann.request("signal", room(obj{"to": "*", "data": obj{"pc": "x1", "candidates": []any{}}}))
	ann.sync("error")
	bob.ask("room.look", room(obj{}))
	bob.ask("room.join", room(obj{}))
	bob.until("signal")
	bob.request("signal", room(obj{"to": ann.peer(), "data": obj{"pc": "ab12", "description": obj{"type": "offer", "sdp": "v=0\r\n"}}}))
	ann.until("signal")
	bob.ask("me", obj{"name": "Rob"})
	ann.until("room.peer", "ev", "update")
	bob.cut()
	ann.until("room.peer", "ev", "away")
	ann.ask("room.join", room(obj{})) // a snapshot with one who is away
	bob.back(bob.last)
	for _, change := range []obj{{"locked": true}, {"max": 5}, {"pass": "secret"}, {"pass": nil}, {"title": "Plan"}} {
		ann.ask("room.set", room(change))
	}
	carl.refused("room_locked", "room.join", room(obj{}))
	carl.ask("room.knock", room(obj{"note": "Hi"}))
	ann.until("room.knock")
	ann.ask("room.admit", room(obj{"peer": carl.peer(), "allow": true}))
	carl.until("room.admitted")
	carl.ask("room.join", room(obj{}))
	ann.ask("room.kick", room(obj{"peer": carl.peer()}))
	carl.until("room.peer", "reason", "kicked")
	bob.back(nil)
	ann.until("room.peer", "reason", "moved")
	bob.ask("room.join", room(obj{}))
	bob.cut()
	ann.until("room.peer", "reason", "timeout")
	bob.back(nil)
	ann.ask("room.set", room(obj{"locked": false}))
	bob.ask("room.join", room(obj{}))
	ann.ask("room.leave", room(obj{}))
	bob.until("room", "host", bob.peer())
	bob.ask("room.leave", room(obj{}))
	ann.sendText("not JSON")
	ann.until("error")
	_ = dave
}

func playCalls(s *server, t *testing.T, ann, bob, carl, dave *client) {
	media := obj{"audio": true, "video": true}
	tab := s.join(t, "bob")
	ring := func() obj {
		return ann.ask("call.start", obj{"to": obj{"user": "u_bob"}, "media": media})
	}
	call := ring()["call"]
	bob.until("call.ring")
	bob.ask("call.ringing", obj{"call": call})
	bob.ask("call.accept", obj{"call": call})
	tab.until("call.end", "reason", "elsewhere")
	room := ann.until("room.peer", "ev", "join")["room"]
	ann.ask("room.set", obj{"room": room, "max": 3})
	var calls []any
	for _, c := range []*client{carl, dave} {
		calls = append(calls, ann.ask("call.start", obj{"room": room, "to": obj{"peer": c.peer()}, "media": media})["call"])
	}
	carl.ask("call.accept", obj{"call": calls[0]})
	dave.refused("room_full", "call.accept", obj{"call": calls[1]})
	ann.until("call.end", "reason", "failed")
	for _, reason := range []string{"declined", "busy"} {
		call := ring()["call"]
		bob.until("call.ring")
		bob.ask("call.decline", obj{"call": call, "reason": reason, "note": "In 5 min"})
	}
	ann.ask("call.cancel", obj{"call": ring()["call"]})
	ring()
	ann.until("call.end", "reason", "no_answer")
	ann.ask("call.start", obj{"to": obj{"peer": tab.peer()}, "media": media})
	s.hub.EndLogin("nobody")
	tab.cut()
	ann.until("call.end", "reason", "no_answer")
	dave.ask("call.start", obj{"to": obj{"name": "ann"}, "media": media})
	ann.ask("call.start", obj{"to": obj{"name": "dave"}, "media": media}) // merged
}

func playOffers(ann, bob, carl *client) {
	post := func(ttl int) (offer, room any) {
		ok := bob.ask("offer.post", obj{"title": "Need help with maths", "media": obj{"audio": true}, "for": "all", "ttl_ms": ttl})
		return ok["offer"], ok["room"]
	}
	offer, room := post(600000)
	bob.request("signal", obj{"room": room, "to": "*", "data": obj{"pc": "x1", "candidate": nil}})
	bob.sync("error")
	carl.ask("offer.take", obj{"offer": offer})
	bob.until("offer.taken")
	offer, _ = post(600000)
	offer, _ = post(600000)
	bob.ask("offer.withdraw", obj{"offer": offer})
	post(1000)
	ann.until("offer.gone", "reason", "expired")
	post(600000)
}

func playEnds(t *testing.T, s *server, ann, bob, carl, dave *client) {
	eve := s.join(t, "guest:eve")
	call := eve.ask("call.start", obj{"to": obj{"peer": bob.peer()}})["call"]
	bob.ask("offer.post", obj{})
	s.hub.EndLogin("login-bob")
	bob.bye("logged_out", 4003)
	ann.until("offer.gone", "reason", "offline")
	eve.until("call.end", "call", call, "reason", "offline")
	s.hub.EndUser("u_carl")
	carl.bye("kicked", 4003)
	old := *dave
	dave.back(dave.last)
	old.bye("replaced", 4001)
	x := s.raw(t)
	x.send(obj{"t": "hello", "v": []int{9}, "key": newKey()})
	x.until("error", "code", "version")
	x.bye("version", 4009)
	for range 60 {
		eve.request("ice.get", nil)
	}
	eve.until("error", "code", "rate_limited")
	s.restartless(ann)
}

// restartless shuts the hub down and waits for one client's bye.
func (s *server) restartless(c *client) {
	s.stopHub()
	c.bye("shutdown", 4010)
}

func readGolden(t *testing.T) map[string]golden {
	t.Helper()
	files := map[string]golden{}
	names, _ := filepath.Glob(filepath.Join(goldenDir, "*.json"))
	for _, file := range names {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(b, &g); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		files[strings.TrimSuffix(filepath.Base(file), ".json")] = g
	}
	return files
}

func writeMissing(t *testing.T, seen map[string]golden) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		file := filepath.Join(goldenDir, name+".json")
		if _, err := os.Stat(file); err == nil {
			continue
		}
		b, err := json.MarshalIndent(seen[name], "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(b, '\n'), 0644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGoldenIsComplete: every message of the protocol has its file.
func TestGoldenIsComplete(t *testing.T) {
	types := map[string]bool{}
	for _, g := range readGolden(t) {
		types[g.Dir+" "+fmt.Sprint(g.Frame["t"])] = true
	}
	for dir, list := range map[string]string{
		"client": "hello ping pong watch me room.look room.join room.leave room.set room.kick room.knock room.admit call.start call.ringing " +
			"call.accept call.decline call.cancel offer.post signal offer.take offer.withdraw ice.get report",
		"server": "welcome pong bye ok error users room.peer room room.knock room.admitted call.ring call.update call.end " +
			"offer.new offer.taken offer.gone signal ice",
	} {
		for _, typ := range strings.Fields(list) {
			if !types[dir+" "+typ] {
				t.Errorf("no golden frame from the %s: %s", dir, typ)
			}
		}
	}
}

var _ signaling.Coded = refusal{}
