package signaling_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"parley/signaling"
)

// duringWelcome has f run while a user's welcome is put together, which is
// where the ICE servers are asked for.
func duringWelcome(opt *signaling.Options, user string) (set func(f func())) {
	ice := opt.ICE
	var hook atomic.Pointer[func()]
	opt.ICE = func(r *http.Request, id signaling.Identity) json.RawMessage {
		if id.User == user {
			if f := hook.Swap(nil); f != nil {
				(*f)()
			}
		}
		return ice(r, id)
	}
	return func(f func()) { hook.Store(&f) }
}

// signalNow sends a signal and returns when the hub has passed it on.
func (s *server) signalNow(t *testing.T, from, to *client, data string) {
	t.Helper()
	before := s.hub.Snapshot().Signals
	from.request("signal", obj{"room": "r", "to": to.peer(), "data": data})
	eventually(t, "the signal is passed on", func() bool { return s.hub.Snapshot().Signals > before })
}

// What is queued while a session starts over belongs to the new count.
func TestWhatComesDuringAStartOverIsNotLost(t *testing.T) {
	for _, attached := range []bool{false, true} {
		opt := options()
		set := duringWelcome(&opt, "u_bob")
		s := start(t, opt)
		ann, bob := s.pair(t, "r")
		for range 3 {
			bob.ask("ice.get", nil)
		}
		bob.send(obj{"t": "ping", "ack": bob.last}) // so a resume from 1 is not possible
		bob.until("pong")
		if !attached {
			bob.cut()
			ann.until("room.peer", "ev", "away")
		}
		set(func() { s.signalNow(t, ann, bob, "early") })
		if w := bob.back(1); w["resumed"] != false {
			t.Fatalf("welcome %v", w)
		}
		s.signalNow(t, ann, bob, "late")
		for _, want := range []string{"early", "late"} {
			if f := bob.until("signal"); f["data"] != want {
				t.Fatalf("attached %v: instead of %s: %v", attached, want, f)
			}
		}
	}
}

// A resume that was possible when hello came, and is not any more when the
// socket is attached, must not say that nothing was lost.
func TestAResumeDoesNotHideWhatWasForgottenMeanwhile(t *testing.T) {
	opt := options()
	set := duringWelcome(&opt, "u_bob")
	s := start(t, opt)
	ann, bob := s.pair(t, "r")
	bob.cut()
	ann.until("room.peer", "ev", "away")
	big := strings.Repeat("x", 60000)
	for range 17 { // an eighteenth is more than is kept
		s.signalNow(t, ann, bob, big)
	}
	set(func() { s.signalNow(t, ann, bob, big) })
	if w := bob.back(bob.last); w["resumed"] != false {
		bob.until("signal") // checks the counter
		t.Fatal("resumed")
	}
	bob.ask("ice.get", nil)
}

// What asks for an answer is asked again of a session that starts over: its
// tab has forgotten it.
func TestWhatWaitsForAnAnswerOutlivesAStartOver(t *testing.T) {
	s := start(t, options())
	ann, bob, eve := s.join(t, "ann"), s.join(t, "bob"), s.join(t, "guest:eve")
	bob.ask("room.join", obj{"room": "r", "create": true})
	bob.ask("room.set", obj{"room": "r", "locked": true})
	eve.ask("room.knock", obj{"room": "r", "note": "Hi"})
	call, _ := ann.ring(obj{"peer": bob.peer()})
	bob.until("call.ring")
	bob.send(obj{"t": "ping", "ack": bob.last}) // so a resume from 1 is not possible
	bob.until("pong")
	if w := bob.back(1); w["resumed"] != false {
		t.Fatalf("welcome %v", w)
	}
	for _, want := range []string{"call.ring", "room.knock"} {
		if f := bob.next(); f["t"] != want {
			t.Fatalf("instead of %s: %v", want, f)
		}
	}
	bob.sync("call.ring", "room.knock")
	bob.ask("room.admit", obj{"room": "r", "peer": eve.peer(), "allow": true})
	bob.ask("call.accept", obj{"call": call})
	ann.until("call.update", "state", "accepted")
}
