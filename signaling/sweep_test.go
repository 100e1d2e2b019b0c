package signaling_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

func TestSilentSocketIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, options())
		var pings atomic.Int32
		ann := s.join(t, "ann")
		ann.ask("room.join", obj{"room": "r", "create": true})
		bob := &client{t: t, s: s, token: "bob", key: newKey()}
		bob.onPing = func(string) error { pings.Add(1); return nil }
		bob.back(nil)
		bob.ask("room.join", obj{"room": "r"})
		begin := time.Now()
		ann.until("room.peer", "ev", "away")
		if d := time.Since(begin); d < 30*time.Second || d > 31*time.Second || pings.Load() != 1 {
			t.Fatalf("away after %v and %d pings", d, pings.Load())
		}
		// Who answers pings stays although it says nothing.
		time.Sleep(5 * time.Minute)
		ann.sync()
	})
}

func TestFreshICEAtHalfOfItsLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opt := options()
		opt.ICELife = func() time.Duration { return 45 * time.Second }
		s := startInMemory(t, opt)
		c := s.join(t, "ann")
		begin := time.Now()
		for i := range 3 {
			ev := c.until("ice")
			want := time.Duration(i+1) * 22500 * time.Millisecond
			if d := time.Since(begin); d < want || d > want+time.Second || ev["ice"].(obj)["iceServers"] == nil {
				t.Fatalf("after %v: %v", d, ev)
			}
		}
	})
}

// Sockets that are due together are looked at together, and each for itself.
func TestEachSocketIsDueByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startInMemory(t, options())
		ann := s.join(t, "ann")
		ann.ask("room.join", obj{"room": "r", "create": true})
		begin := map[string]time.Time{}
		for range 5 { // more of them than a tick has sockets, and more ticks than one
			time.Sleep(70 * time.Millisecond)
			bob := &client{t: t, s: s, token: "bob", key: newKey(), onPing: func(string) error { return nil }}
			bob.back(nil)
			bob.ask("room.join", obj{"room": "r"})
			begin[bob.peer()] = time.Now()
		}
		for range begin {
			ev := ann.until("room.peer", "ev", "away")
			peer := ev["peer"].(obj)["peer"].(string)
			if d := time.Since(begin[peer]); d < 30*time.Second || d > 31*time.Second {
				t.Errorf("away after %v", d)
			}
		}
		ann.sync()
	})
}

// Over TCP whoever looks writes the ping himself, among what else is written.
func TestPingsOverTCP(t *testing.T) {
	opt := options()
	opt.PingEvery = 2 * time.Second
	s := start(t, opt)
	pings := make(chan string, 64)
	c := &client{t: t, s: s, token: "ann", key: newKey()}
	c.onPing = func(data string) error {
		pings <- data
		return c.conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(patience))
	}
	c.back(nil)
	for range 2 {
		select {
		case <-pings:
		case err := <-c.ended:
			t.Fatalf("the socket ended: %v", err)
		case <-time.After(patience):
			t.Fatal("no ping came")
		}
		c.sync()
	}
}
