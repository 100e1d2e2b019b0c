package signaling_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"parley/signaling"
)

// restart shuts the hub down and starts another one in its place.
func (s *server) restart(opt signaling.Options) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), s.patience())
	defer cancel()
	if err := s.hub.Shutdown(ctx); err != nil {
		s.t.Fatal(err)
	}
	hub, err := signaling.New(opt)
	if err != nil {
		s.t.Fatal(err)
	}
	s.swap.Store(hub)
	s.hub = hub
}

func TestRoomsOutliveARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := options()
		opt.RoomsFile = filepath.Join(t.TempDir(), "rooms.json")
		s := startInMemory(t, opt)
		ann, bob := s.pair(t, "secret-room")
		ann.ask("room.set", obj{"room": "secret-room", "locked": true, "max": 2, "pass": "hush-hush", "title": "Plan"})
		_, callRoom := ann.ring(obj{"name": "bob"})
		bob.ask("call.accept", obj{"call": bob.until("call.ring")["call"]})
		carl := s.join(t, "carl")
		offer, offerRoom := carl.post(obj{"title": "Chess"})
		ann.ask("room.join", obj{"room": "plain", "create": true})
		peer, last := bob.peer(), bob.last

		s.restart(opt)
		file, err := os.ReadFile(opt.RoomsFile)
		if err != nil || strings.Contains(string(file), "hush") || strings.Contains(string(file), "plain") {
			t.Fatalf("the file: %v %s", err, file)
		}
		if info, _ := os.Stat(opt.RoomsFile); info.Mode().Perm() != 0600 {
			t.Errorf("mode %v", info.Mode())
		}

		// A stranger finds lock and password as they were, and no place.
		dave := s.join(t, "dave")
		dave.refused("bad_password", "room.join", obj{"room": "secret-room"})
		dave.refused("room_locked", "room.join", obj{"room": "secret-room", "pass": "hush-hush"})
		dave.refused("not_found", "room.join", obj{"room": "plain"})

		if w := bob.back(last); w["resumed"] != false || bob.peer() != peer {
			t.Fatalf("welcome %v", w)
		}
		snap := bob.ask("room.join", obj{"room": "secret-room"})["room"].(obj)
		if snap["title"] != "Plan" || snap["locked"] != true || snap["max"] != 2.0 || snap["pass"] != true || snap["order"] != 2.0 || snap["host"] != ann.peer() {
			t.Fatalf("snapshot %v", snap)
		}
		bob.ask("room.join", obj{"room": callRoom})
		ann.back(0)
		if snap := ann.ask("room.join", obj{"room": "secret-room"})["room"].(obj); snap["order"] != 1.0 || len(peersOf(snap)) != 2 {
			t.Fatalf("snapshot %v", snap)
		}
		ann.ask("room.set", obj{"room": "secret-room", "title": "Plan B"}) // still the host
		bob.until("room", "title", "Plan B")

		// The offer is up again once its poster is back.
		if list := dave.ask("watch", obj{"offers": true})["offers"].([]any); len(list) != 0 {
			t.Fatalf("offers %v", list)
		}
		carl.back(0)
		carl.ask("room.join", obj{"room": offerRoom})
		if ev := dave.until("offer.new")["offer"].(obj); ev["offer"] != offer || ev["title"] != "Chess" {
			t.Fatalf("offer %v", ev)
		}
		dave.ask("offer.take", obj{"offer": offer})
		carl.until("offer.taken")

		// What nobody came back to is forgotten: ann's place in the call's room.
		time.Sleep(2 * time.Minute)
		bob.until("room", "room", callRoom, "host", bob.peer())
		for _, r := range s.hub.Rooms() {
			if r.Room == "plain" {
				t.Errorf("rooms %+v", s.hub.Rooms())
			}
		}
		bob.ask("room.leave", obj{"room": callRoom})
		time.Sleep(2 * time.Second)
		if file, _ := os.ReadFile(opt.RoomsFile); strings.Contains(string(file), callRoom) {
			t.Errorf("the file still holds the room: %s", file)
		}
	})
}

func TestForgottenRoomsAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := options()
		opt.RoomsFile = filepath.Join(t.TempDir(), "rooms.json")
		s := startInMemory(t, opt)
		ann, _ := s.pair(t, "r")
		ann.ask("room.set", obj{"room": "r", "locked": true})
		s.restart(opt)
		if n := len(s.hub.Rooms()); n != 1 {
			t.Fatalf("%d rooms", n)
		}
		time.Sleep(2 * time.Minute)
		if n := len(s.hub.Rooms()); n != 0 {
			t.Fatalf("%d rooms", n)
		}
		s.join(t, "carl").ask("room.join", obj{"room": "r", "create": true})
	})
}

func TestTheRoomsFileIsWrittenSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := options()
		opt.RoomsFile = filepath.Join(t.TempDir(), "rooms.json")
		s := startInMemory(t, opt)
		ann, _ := s.pair(t, "r")
		ann.ask("room.set", obj{"room": "r", "title": "Here"})
		time.Sleep(2 * time.Second)
		var file struct {
			Rooms []struct{ Room, Title string }
		}
		b, err := os.ReadFile(opt.RoomsFile)
		if err != nil || json.Unmarshal(b, &file) != nil || len(file.Rooms) != 1 || file.Rooms[0].Title != "Here" {
			t.Fatalf("%v %s", err, b)
		}
	})
}

func TestABrokenRoomsFileIsNoReasonNotToStart(t *testing.T) {
	opt := options()
	opt.RoomsFile = filepath.Join(t.TempDir(), "rooms.json")
	if err := os.WriteFile(opt.RoomsFile, []byte(`{"rooms":[{]`), 0600); err != nil {
		t.Fatal(err)
	}
	s := start(t, opt)
	s.pair(t, "r")
}

func TestNoGoroutineOutlivesShutdown(t *testing.T) {
	base := runtime.NumGoroutine()
	opt := options()
	opt.RoomsFile = filepath.Join(t.TempDir(), "rooms.json")
	s := start(t, opt)
	ann, bob := s.pair(t, "r")
	ann.ask("watch", obj{"users": true, "offers": true})
	ann.ring(obj{"name": "bob"})
	bob.post(obj{})
	s.deaf(t, "dave")
	s.raw(t)
	bob.cut()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.hub.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	ann.closed(4010)
	s.http.Close()
	eventually(t, "goroutines are back to base", func() bool {
		return runtime.NumGoroutine() <= base+1 // the deaf client's connection may linger in the test
	})
}

func TestShutdownDoesNotWaitForever(t *testing.T) {
	s := start(t, options())
	s.deaf(t, "dave")
	ann := s.join(t, "ann")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.hub.Shutdown(ctx); err != context.Canceled {
		t.Errorf("Shutdown: %v", err)
	}
	for range ann.frames { // cut or closed, but over
	}
}

// A client that reads nothing, so that not even bye can be written, is waited
// for as long as for the answer to a close, not as long as for a write.
func TestShutdownCutsWhoDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, options())
		ann := s.join(t, "ann")
		conn, _, err := (&websocket.Dialer{NetDialContext: s.dial}).Dial(s.url(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.WriteJSON(obj{"t": "hello", "v": []int{1}, "key": newKey(), "token": "dave"})
		synctest.Wait() // its welcome is being written
		begin := time.Now()
		s.stopHub()
		if d := time.Since(begin); d > 2*time.Second {
			t.Errorf("shutdown took %v", d)
		}
		ann.bye("shutdown", 4010)
	})
}
