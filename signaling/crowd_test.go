package signaling_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowd opens n sessions.
func (s *server) crowd(t *testing.T, n int) []*client {
	t.Helper()
	all := make([]*client, n)
	for i := range all {
		all[i] = s.join(t, fmt.Sprintf("guest:crowd%d", i))
	}
	return all
}

// atOnce has all send a request at the same time, and returns their answers.
func atOnce(all []*client, t string, f obj) []obj {
	answers := make([]obj, len(all))
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i, c := range all {
		wg.Go(func() {
			<-begin
			answers[i] = c.until2(c.request(t, f))
		})
	}
	close(begin)
	wg.Wait()
	return answers
}

// winner returns who was answered ok; all others were refused with code.
func winner(t *testing.T, answers []obj, code string) int {
	t.Helper()
	won := -1
	for i, a := range answers {
		switch {
		case a["t"] == "ok" && won < 0:
			won = i
		case a["t"] == "ok":
			t.Fatalf("%d and %d both won", won, i)
		case a["code"] != code:
			t.Fatalf("%d was refused with %v", i, a)
		}
	}
	return won
}

func TestOneOfFortyTakersGetsTheOfferAndItsMail(t *testing.T) {
	s := start(t, options())
	ann, all := s.join(t, "ann"), s.crowd(t, 40)
	for round := range 5 {
		offer, room := ann.post(obj{})
		ann.request("signal", obj{"room": room, "to": "*", "data": round})
		ann.sync("error")
		if round < 4 {
			answers := atOnce(all, "offer.take", obj{"offer": offer})
			won := winner(t, answers, "gone")
			if won < 0 || answers[won]["mail"] != 1.0 {
				t.Fatalf("round %d: %v", round, answers)
			}
			if f := all[won].until("signal"); f["data"] != float64(round) || f["replay"] != true {
				t.Fatalf("mail %v", f)
			}
			if ev := ann.until("offer.taken"); ev["by"].(obj)["peer"] != all[won].peer() {
				t.Fatalf("taken %v", ev)
			}
			ann.until("room.peer", "ev", "join")
			ann.sync("offer.taken", "room.peer", "offer.gone")
			all[won].ask("room.leave", obj{"room": room})
			ann.ask("room.leave", obj{"room": room})
			continue
		}
		// The poster withdraws at the same time: one of them all has his will.
		withdraw := ann.request("offer.withdraw", obj{"offer": offer})
		won := winner(t, atOnce(all, "offer.take", obj{"offer": offer}), "gone")
		if f := ann.until2(withdraw); (f["t"] == "ok") != (won < 0) {
			t.Fatalf("%d took it, and the withdrawal was answered with %v", won, f)
		}
		if won >= 0 {
			all[won].until("signal", "data", round)
		}
	}
	for _, c := range all {
		c.sync("signal", "room.peer") // nobody else has got the mail
	}
}

func TestOneOfFortyGetsTheLastPlace(t *testing.T) {
	s := start(t, options())
	ann, all := s.join(t, "ann"), s.crowd(t, 40)
	ann.ask("room.join", obj{"room": "r", "create": true, "max": 2})
	for range 5 {
		won := winner(t, atOnce(all, "room.join", obj{"room": "r"}), "room_full")
		if won < 0 {
			t.Fatal("nobody got the place")
		}
		if ev := ann.until("room.peer", "ev", "join"); ev["peer"].(obj)["peer"] != all[won].peer() {
			t.Fatalf("joined %v", ev)
		}
		all[won].ask("room.leave", obj{"room": "r"})
		ann.until("room.peer", "ev", "leave")
		ann.sync("room.peer")
	}
	// A room that all make at once is one room.
	made := 0
	for i, a := range atOnce(all, "room.join", obj{"room": "new", "create": true, "max": 3}) {
		switch {
		case a["t"] == "ok":
			made++
		case a["code"] != "room_full":
			t.Fatalf("%d was refused with %v", i, a)
		}
	}
	if made != 3 {
		t.Fatalf("%d are in a room for three", made)
	}
}

// One who never reads, among fifty who send to him and to each other: they
// notice nothing but that he is away.
func TestFiftyDoNotNoticeOneWhoNeverReads(t *testing.T) {
	opt := options()
	opt.RoomMax = 60
	s := start(t, opt)
	all := s.crowd(t, 50)
	for _, c := range all {
		c.ask("room.join", obj{"room": "r", "create": true})
	}
	slow := s.deaf(t, "dave")
	slow.WriteJSON(obj{"t": "room.join", "id": 1, "room": "r"})
	dave := ""
	for dave == "" {
		if ev := all[0].until("room.peer", "ev", "join")["peer"].(obj); ev["user"] == "u_dave" {
			dave = ev["peer"].(string)
		}
	}
	big := strings.Repeat("x", 30000)
	const each = 8 // 12 MB in all for him
	var away atomic.Int32
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() {
			for n := range each {
				c.request("signal", obj{"room": "r", "to": dave, "data": big})
				c.request("signal", obj{"room": "r", "to": all[(i+1)%len(all)].peer(), "data": n})
			}
			for n := 0; n < each; {
				switch f := c.until2any(); {
				case f["t"] == "signal" && f["data"] == float64(n):
					n++
				case f["t"] == "signal" || f["t"] == "error":
					t.Errorf("instead of signal %d: %v", n, f)
					return
				case f["ev"] == "away" && f["peer"].(obj)["peer"] == dave:
					away.Add(1)
				case f["ev"] == "away" || f["ev"] == "leave":
					t.Errorf("another is away: %v", f)
				}
			}
		})
	}
	wg.Wait()
	eventually(t, "he was cut off", func() bool { return s.hub.Snapshot().Connections == len(all) })
	if d := s.hub.Snapshot().Dropped; d["slow"] != 1 {
		t.Errorf("dropped %v", d)
	}
}

// until2any returns the next frame with a counter.
func (c *client) until2any() obj {
	for {
		if f := c.next(); f["n"] != nil {
			return f
		}
	}
}

// descriptors counts the open ones of the process, -1 where nobody can say.
func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(list)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // pools give up what they hold at the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestNothingIsLeftOfFiveHundredWhoCameAndWent(t *testing.T) {
	opt := options()
	opt.ResumeWindow = time.Millisecond
	s := start(t, opt)
	visit := func(t *testing.T, from, to int) {
		for i := from; i < to; i++ {
			c := s.raw(t)
			if i%5 == 0 { // never says hello
				c.cut()
				continue
			}
			c.token, c.key = fmt.Sprintf("guest:%d", i), newKey()
			if i%5 == 1 {
				c.token = ""
			}
			c.send(obj{"t": "hello", "v": []int{1}, "key": c.key, "token": c.token})
			if i%5 > 1 {
				c.request("room.join", obj{"room": fmt.Sprint("r", i%7), "create": true})
				c.request("offer.post", obj{})
				c.request("watch", obj{"users": true, "offers": true})
			}
			if i%5 == 4 {
				c.conn.Close() // right after it sent
			}
			if i%5 > 1 {
				c.cut()
			}
			for range c.frames {
			}
			c.conn.Close()
		}
		eventually(t, "all are gone", func() bool {
			stats := s.hub.Snapshot()
			return stats.Sessions == 0 && stats.Connections == 0 && stats.Rooms == 0
		})
	}
	t.Run("the first", func(t *testing.T) { visit(t, 0, 50) })
	goroutines, fds, bytes := runtime.NumGoroutine(), descriptors(), heap()
	t.Run("all", func(t *testing.T) { visit(t, 50, 550) })
	eventually(t, "goroutines are back to base", func() bool { return runtime.NumGoroutine() <= goroutines })
	eventually(t, "descriptors are back to base", func() bool { return descriptors() <= fds })
	t.Logf("%d bytes of heap, %d before", heap(), bytes)
	if now := heap(); now > bytes+500<<10 {
		t.Errorf("%d bytes of heap, %d before: too much for 500 who are gone", now, bytes)
	}
}
