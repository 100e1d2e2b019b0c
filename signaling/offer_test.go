package signaling_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func (c *client) post(f obj) (offer, room string) {
	c.t.Helper()
	ok := c.ask("offer.post", f)
	return ok["offer"].(string), ok["room"].(string)
}

func TestOfferIsTakenWithItsMail(t *testing.T) {
	s := start(t, options())
	ann, bob, eve := s.join(t, "ann"), s.join(t, "bob"), s.join(t, "guest:eve")
	bob.ask("watch", obj{"offers": true})
	offer, room := ann.post(obj{"title": "Need help with maths", "media": obj{"audio": true}, "for": "all", "ttl_ms": 600000})
	ev := bob.until("offer.new")["offer"].(obj)
	if ev["offer"] != offer || ev["title"] != "Need help with maths" || ev["by"].(obj)["peer"] != ann.peer() || ev["media"].(obj)["audio"] != true || ev["at"] == nil {
		t.Fatalf("offer %v", ev)
	}
	ann.request("signal", obj{"room": room, "to": "*", "data": obj{"pc": "x1", "description": obj{"sdp": "v=0"}}})
	ann.request("signal", obj{"room": room, "to": "*", "data": obj{"pc": "x1", "candidate": nil}})
	ann.sync("error")
	if list := eve.ask("watch", obj{"offers": true})["offers"].([]any); len(list) != 1 {
		t.Fatalf("offers %v", list)
	}
	ann.refused("self", "offer.take", obj{"offer": offer})
	eve.refused("room_locked", "room.join", obj{"room": room})
	ok := bob.ask("offer.take", obj{"offer": offer})
	if snap := ok["room"].(obj); ok["mail"] != 2.0 || snap["kind"] != "offer" || len(peersOf(snap)) != 2 {
		t.Fatalf("ok %v", ok)
	}
	if f := bob.until("signal"); f["replay"] != true || f["data"].(obj)["description"] == nil {
		t.Fatalf("first letter %v", f)
	}
	if f := bob.until("signal"); f["replay"] != true || f["data"].(obj)["pc"] != "x1" {
		t.Fatalf("second letter %v", f)
	}
	if f := ann.until("offer.taken"); f["offer"] != offer || f["by"].(obj)["peer"] != bob.peer() {
		t.Fatalf("taken %v", f)
	}
	ann.until("room.peer", "ev", "join")
	eve.until("offer.gone", "offer", offer, "reason", "taken")
	eve.refused("gone", "offer.take", obj{"offer": offer})
	// Candidates that crossed the taking reach the taker.
	ann.request("signal", obj{"room": room, "to": "*", "data": "late"})
	if f := bob.until("signal"); f["data"] != "late" || f["replay"] != nil {
		t.Fatalf("late candidate %v", f)
	}
}

func TestOneOfManyTakersWins(t *testing.T) {
	s := start(t, options())
	offer, _ := s.join(t, "ann").post(obj{})
	var wg sync.WaitGroup
	var won atomic.Int32
	for i := range 10 {
		c := s.join(t, fmt.Sprintf("guest:%d", i))
		wg.Go(func() {
			switch f := c.until2(c.request("offer.take", obj{"offer": offer})); {
			case f["t"] == "ok":
				won.Add(1)
			case f["code"] != "gone":
				t.Errorf("refused with %v", f)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d took it", won.Load())
	}
}

func TestOfferLeavesTheBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, options())
		ann, bob := s.join(t, "ann"), s.join(t, "bob")
		bob.ask("watch", obj{"offers": true})
		offer, room := ann.post(obj{})
		bob.refused("forbidden", "offer.withdraw", obj{"offer": offer})
		ann.ask("offer.withdraw", obj{"offer": offer})
		bob.until("offer.gone", "offer", offer, "reason", "withdrawn")
		ann.refused("gone", "offer.withdraw", obj{"offer": offer})
		ann.refused("not_in_room", "room.leave", obj{"room": room})

		_, room = ann.post(obj{})
		ann.ask("room.leave", obj{"room": room})
		bob.until("offer.gone", "reason", "withdrawn")

		first, _ := ann.post(obj{})
		second, _ := ann.post(obj{"ttl_ms": 1000000000})
		bob.until("offer.gone", "offer", first, "reason", "replaced")
		begin := time.Now()
		bob.until("offer.gone", "offer", second, "reason", "expired")
		if d := time.Since(begin); d != 10*time.Minute {
			t.Errorf("expired after %v", d)
		}
		ann.until("offer.gone", "offer", second, "reason", "expired")

		ann.post(obj{"ttl_ms": 5000})
		bob.until("offer.gone", "reason", "expired")
		if d := time.Since(begin); d != 10*time.Minute+5*time.Second {
			t.Errorf("expired after %v", d)
		}
		ann.post(obj{})
		ann.cut()
		bob.until("offer.gone", "reason", "offline")
		synctest.Wait() // the room goes after the event
		if n := len(s.hub.Rooms()); n != 0 {
			t.Errorf("%d rooms are left", n)
		}
	})
}

func TestOfferForThoseWhoSignedIn(t *testing.T) {
	s := start(t, options())
	ann, bob, eve := s.join(t, "ann"), s.join(t, "bob"), s.join(t, "guest:eve")
	eve.ask("watch", obj{"offers": true})
	offer, _ := ann.post(obj{"for": "signed_in"})
	eve.refused("forbidden", "offer.take", obj{"offer": offer})
	if list := bob.ask("watch", obj{"offers": true})["offers"].([]any); len(list) != 1 {
		t.Errorf("offers %v", list)
	}
	bob.ask("offer.take", obj{"offer": offer})
	eve.sync("offer.new", "offer.gone")
	ann.refused("bad_message", "offer.post", obj{"for": "friends"})
	ann.refused("bad_message", "offer.post", obj{"title": strings.Repeat("x", 101)})
	ann.refused("bad_message", "offer.post", obj{"ttl_ms": "long"})
}

func TestAnOfferReplacesAnotherInTheLastRoomOfItsPoster(t *testing.T) {
	s := start(t, options())
	ann := s.join(t, "ann")
	ann.post(obj{})
	for i := range 7 {
		ann.ask("room.join", obj{"room": fmt.Sprint("r", i), "create": true})
	}
	offer, _ := ann.post(obj{})
	ann.refused("rate_limited", "room.join", obj{"room": "r7", "create": true})
	s.join(t, "bob").ask("offer.take", obj{"offer": offer})
	ann.until("offer.taken")
	ann.refused("rate_limited", "offer.post", obj{})
}
