package signaling

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func nobody(*http.Request, string, string, string) (Identity, error) {
	return Identity{}, refuse("unauthorized", "Nobody.")
}

func TestQueue(t *testing.T) {
	var q queue
	take := func(n int) (got []uint64) {
		for range n {
			frame, more := q.next(nil)
			if !more {
				break
			}
			got = append(got, q.sent)
			if want := fmt.Sprintf(`{"t":"t","n":%d%d`, q.sent, q.sent); string(frame) != want {
				t.Errorf("frame %d is %s", q.sent, frame)
			}
		}
		return got
	}
	push := func(from, to int) (lost bool) {
		for i := from; i <= to; i++ {
			lost = q.push(newEvent("t", []byte(fmt.Sprint(i)))) || lost
		}
		return lost
	}
	push(1, 5)
	if got := take(3); len(got) != 3 || got[2] != 3 {
		t.Fatalf("took %v", got)
	}
	q.ack(4) // was not sent yet
	if q.done != 0 {
		t.Fatalf("done %d", q.done)
	}
	q.ack(2)
	q.rewind(2)
	if got := take(9); len(got) != 3 || got[0] != 3 {
		t.Fatalf("took %v", got)
	}
	if q.holds(1) || !q.holds(2) || !q.holds(5) || q.holds(6) {
		t.Fatal("holds what it should not, or not what it should")
	}
	if push(6, 514) { // 512 frames are kept
		t.Fatal("a frame was lost within the bounds")
	}
	if push(515, 517) { // 3 to 5 were sent
		t.Fatal("a sent frame counts as lost")
	}
	if !push(518, 518) {
		t.Fatal("an unsent frame was lost unnoticed")
	}
	if q.done != 6 || q.last() != 518 {
		t.Fatalf("done %d, last %d", q.done, q.last())
	}
	big := queue{}
	for range 3 {
		big.push(newEvent("t", make([]byte, queueBytes/2)))
	}
	if big.done != 1 || big.bytes != queueBytes {
		t.Fatalf("done %d, %d bytes", big.done, big.bytes)
	}
	big.push(newEvent("t", make([]byte, 2*queueBytes))) // alone a large frame may be
	if big.count != 1 {
		t.Fatalf("%d frames", big.count)
	}
}

// What a writer has taken stays as it is, though the client says to have it
// already and the queue uses the memory for the next signal.
func TestQueueHandsOutCopies(t *testing.T) {
	var q queue
	var out frames
	var pool sync.Pool
	for i := range 200 {
		e := newSignal(&pool, 100)
		e.body = append(e.body, fmt.Sprintf("%0100d", i)...)
		q.push(e)
		if i%2 == 0 {
			out.reset()
			out.add(&q)
			q.ack(q.sent)
			continue
		}
		want := fmt.Sprintf(`{"t":"signal","n":%d%0100d`, i, i-1)
		for frame := range out.all {
			if string(frame) != want {
				t.Fatalf("%s instead of %s", frame, want)
			}
		}
		q.next(nil)
		q.ack(q.sent)
	}
}

func TestBucket(t *testing.T) {
	var b bucket
	now := time.Unix(1000, 0)
	r := rate{perSecond: 2, burst: 3}
	for range 3 {
		if b.take(now, r) != 0 {
			t.Fatal("refused within the burst")
		}
	}
	wait := b.take(now, r)
	if wait != 500*time.Millisecond {
		t.Fatalf("wait %v", wait)
	}
	if b.take(now.Add(wait-time.Millisecond), r) == 0 {
		t.Fatal("too early")
	}
	if b.take(now.Add(wait), r) != 0 || b.take(now.Add(wait), r) == 0 {
		t.Fatal("not one token after the wait")
	}
	if b.take(now.Add(-time.Hour), r); b.spent > 3 {
		t.Fatal("a clock that goes back costs tokens")
	}
}

func TestFaultsAreOfLate(t *testing.T) {
	var f faults
	now := time.Unix(1000, 0)
	for i := range 100 { // one in 600 ms: 17 in ten seconds
		if f.add(now.Add(time.Duration(i) * 600 * time.Millisecond)) {
			t.Fatal("too many too early")
		}
	}
	if len(f.times) > faultLimit {
		t.Fatalf("%d times kept", len(f.times))
	}
}

func TestGuessesStayBounded(t *testing.T) {
	g := guesses{from: map[netip.Addr]*bucket{}}
	now := time.Unix(1000, 0)
	for i := range 3 * guessSlots {
		g.failed(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), now)
	}
	if len(g.from) > guessSlots {
		t.Fatalf("%d addresses", len(g.from))
	}
}

func TestNetwork(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := network(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func TestPeerIDs(t *testing.T) {
	h := &Hub{opt: Options{Key: []byte("k")}}
	key, ok := parseTabKey("00112233445566778899aabbccddeeff")
	if _, bad := parseTabKey("0"); !ok || bad {
		t.Fatal("keys")
	}
	id := h.peerID("u_ann", key)
	if h.peerID("u_ann", key) != id || h.peerID("u_bob", key) == id || h.peerID("u_ann", tabKey{}) == id {
		t.Error("a peer id is of one user and one key")
	}
	other := &Hub{opt: Options{Key: []byte("l")}}
	if other.peerID("u_ann", key) == id {
		t.Error("a peer id can be computed without the server's key")
	}
}

func TestMissedCallsAreBounded(t *testing.T) {
	b := missedBook{byUser: map[string][]missedCall{}}
	now := time.Unix(1e9, 0)
	for i := range 30 {
		b.add("u_ann", Identity{User: "u_bob", Name: fmt.Sprint(i)}, now)
	}
	if got := b.of("u_ann", now); len(got) != missedKept || got[19].From.Name != "29" {
		t.Fatalf("%v", got)
	}
	for i := range missedUsers + 5 {
		b.add(fmt.Sprint("u_", i), Identity{}, now)
	}
	if len(b.byUser) > missedUsers {
		t.Fatalf("%d users", len(b.byUser))
	}
	b.add("u_late", Identity{}, now.Add(25*time.Hour))
	if len(b.byUser) != 1 {
		t.Fatalf("%d users a day later", len(b.byUser))
	}
}

// BenchmarkSignal is the hub's part of a signal between two, sockets aside.
func BenchmarkSignal(b *testing.B) {
	h, _ := New(Options{Identify: nobody, RoomMax: 6})
	r := h.newRoom("room", kindLink)
	h.rooms.add(r)
	var peers [2]*peer
	for i := range peers {
		peers[i] = &peer{hub: h, id: fmt.Sprint("p_", i), account: &account{}}
		h.enterRoom(r, peers[i], entry{})
	}
	sock := &socket{hub: h}
	for name, size := range map[string]int{"candidate": 200, "offer": 1800} {
		b.Run(name, func(b *testing.B) {
			in := &inbox{}
			now := time.Now()
			text := strings.Repeat("7", size)
			var out frames
			b.ReportAllocs()
			for range b.N {
				id := peers[0].lastID.Load() + 1
				in.buf = append(strconv.AppendInt(append(in.buf[:0], `{"t":"signal","room":"room","to":"p_1","id":`...), id, 10), `,"data":"`...)
				in.buf = append(append(in.buf, text...), `"}`...)
				now = now.Add(time.Second)
				h.dispatch(peers[0], sock, in, now)
				out.reset()
				out.add(&peers[1].out)
				peers[1].acked(int64(peers[1].out.last()))
			}
		})
	}
}
