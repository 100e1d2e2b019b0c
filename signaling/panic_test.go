package signaling_test

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"parley/signaling"
)

// What the hub calls from a timer may fail too: the server goes on, and so does
// the session.
func TestAPanicInATimerEndsOneSocketOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := options()
		opt.ICELife = func() time.Duration { return 20 * time.Second }
		ice := opt.ICE
		var broken atomic.Bool
		opt.ICE = func(r *http.Request, id signaling.Identity) json.RawMessage {
			if broken.Load() && id.User == "u_ann" {
				panic("injected")
			}
			return ice(r, id)
		}
		s := startInMemory(t, opt)
		ann, bob := s.pair(t, "r")
		broken.Store(true)
		for range ann.frames {
		}
		bob.until("room.peer", "ev", "away")
		broken.Store(false)
		if w := ann.back(ann.last); w["resumed"] != true {
			t.Fatalf("welcome %v", w)
		}
		bob.until("room.peer", "ev", "back")
		ann.until("ice")
	})
}

func TestAPanicAtTheEndOfTheGraceIsSurvived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := options()
		release := opt.ReleaseName
		var broken atomic.Bool
		opt.ReleaseName = func(id signaling.Identity) {
			if broken.Load() {
				panic("injected")
			}
			release(id)
		}
		s := startInMemory(t, opt)
		ann, bob := s.pair(t, "r")
		broken.Store(true)
		bob.cut() // its name is released at once
		ann.until("room.peer", "ev", "away")
		broken.Store(false)
		ann.until("room.peer", "ev", "leave", "reason", "timeout")
		bob.token = "bob"
		if w := bob.back(nil); w["resumed"] != false {
			t.Fatalf("welcome %v", w)
		}
	})
}

// A hello that failed inside leaves nothing behind: the tab may try again.
func TestAPanicAtHelloLeavesNoSession(t *testing.T) {
	for _, at := range []string{"HoldName", "ICE", "Ended"} {
		t.Run(at, func(t *testing.T) {
			opt := options()
			var broken atomic.Bool
			fail := func(here string) {
				if here == at && broken.Load() {
					panic("injected")
				}
			}
			hold, ice := opt.HoldName, opt.ICE
			opt.HoldName = func(id signaling.Identity) error { fail("HoldName"); return hold(id) }
			opt.ICE = func(r *http.Request, id signaling.Identity) json.RawMessage { fail("ICE"); return ice(r, id) }
			opt.Ended = func(string) bool { fail("Ended"); return false }
			opt.ResumeWindow = 50 * time.Millisecond
			s := start(t, opt)
			broken.Store(true)
			ann := &client{t: t, s: s, token: "ann", key: newKey()}
			ann.open()
			ann.send(obj{"t": "hello", "v": []int{1}, "key": ann.key, "token": "ann"})
			for range ann.frames {
			}
			broken.Store(false)
			eventually(t, "nothing is left", func() bool {
				stats := s.hub.Snapshot()
				return stats.Sessions == 0 && stats.Connections == 0
			})
			if w := ann.back(nil); w["resumed"] != false {
				t.Fatalf("welcome %v", w)
			}
			ann.ask("ice.get", nil)
		})
	}
}
