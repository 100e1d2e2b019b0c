package signaling_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// tab is one client of the model.
type tab struct {
	m     *model
	rng   *rand.Rand
	index int
	token string
	key   string
	peer  string
	open  atomic.Int64 // units under way to it

	conn   *websocket.Conn
	frames chan []byte // what its socket reads; closed at its end
	done   chan struct{}

	id      int            // of the last request
	pending map[int][]byte // requests that may have to be sent again
	what    map[int]string // requests without an answer, by what they are
	sent    map[int]*posted
	seq     int

	log   [][]byte // the frames by counter, as they were processed
	acked int
	inbox []letter
	rooms map[string][]string // whom it sees in its rooms
}

func newTab(m *model, i int, seed uint64) *tab {
	return &tab{m: m, rng: rand.New(rand.NewPCG(seed, uint64(i))), index: i, token: fmt.Sprintf("guest:tab%d", i), key: newKey(),
		pending: map[int][]byte{}, what: map[int]string{}, sent: map[int]*posted{}, rooms: map[string][]string{}}
}

func (c *tab) fail(format string, args ...any) {
	c.m.fail("tab %d: "+format, append([]any{c.index}, args...)...)
}

// connect opens a socket and resumes.
func (c *tab) connect() {
	d := websocket.Dialer{Subprotocols: []string{"parley.v1"}, HandshakeTimeout: patience, NetDialContext: c.m.s.dial}
	conn, _, err := d.Dial(c.m.s.url(), nil)
	if err != nil {
		c.fail("dial: %v", err)
	}
	c.conn, c.frames, c.done = conn, make(chan []byte, 8), make(chan struct{})
	go readAll(conn, c.frames, c.done)
	var last any
	if c.peer != "" {
		last = len(c.log)
	}
	c.write(obj{"t": "hello", "v": []int{1}, "key": c.key, "token": c.token, "last": last})
	var w struct {
		T       string
		Resumed bool
		LastID  int `json:"last_id"`
		You     struct{ Peer string }
	}
	raw, ok := c.wait()
	if !ok {
		c.fail("the socket ended before the welcome")
	}
	if json.Unmarshal(raw, &w); w.T != "welcome" || w.Resumed != (last != nil) {
		c.fail("resuming after %v, %d acked: %s", last, c.acked, raw)
	}
	if c.peer == "" { // the others read it
		c.peer = w.You.Peer
	}
	c.sendAgain(w.LastID)
}

// sendAgain repeats the requests that the hub has not processed.
func (c *tab) sendAgain(lastID int) {
	c.forget(lastID)
	ids := make([]int, 0, len(c.pending))
	for id := range c.pending {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		c.writeRaw(c.pending[id])
	}
}

// forget forgets the requests that the hub has processed.
func (c *tab) forget(upTo int) {
	for id := range c.pending {
		if id <= upTo {
			delete(c.pending, id)
		}
	}
}

// readAll is the reader of a socket. What nobody takes holds it up, and through
// it the hub.
func readAll(conn *websocket.Conn, frames chan<- []byte, done <-chan struct{}) {
	defer close(frames)
	for {
		_, b, err := conn.ReadMessage()
		if err != nil {
			return
		}
		select {
		case frames <- b:
		case <-done:
			return
		}
	}
}

// drop forgets the socket and all that it has not processed.
func (c *tab) drop() {
	close(c.done)
	c.conn.Close()
}

func (c *tab) write(f obj) []byte {
	b, _ := json.Marshal(f)
	c.writeRaw(b)
	return b
}

// writeRaw may fail: then the socket has ended, and the next wait finds out.
func (c *tab) writeRaw(b []byte) { c.conn.WriteMessage(websocket.TextMessage, b) }

// request sends a frame with an id, which stays pending until a welcome or an
// answer tells that it was processed.
func (c *tab) request(what, t string, f obj) int {
	c.id++
	f["t"], f["id"] = t, c.id
	if c.rng.IntN(4) == 0 {
		f["ack"] = c.ack()
	}
	c.pending[c.id] = c.write(f)
	c.what[c.id] = what
	return c.id
}

func (c *tab) ack() int {
	c.acked = len(c.log)
	return c.acked
}

// wait returns the next raw frame; false when the socket has ended.
func (c *tab) wait() ([]byte, bool) {
	select {
	case b, ok := <-c.frames:
		return b, ok
	case <-time.After(patience):
		c.fail("nothing came")
		return nil, false
	}
}

// event is a server frame as far as the model reads it.
type event struct {
	T    string
	N    int
	Re   int
	Ack  int
	Code string
	Room json.RawMessage
	From string
	Ev   string
	Peer struct{ Peer string }
	Data letter
}

// take processes one frame.
func (c *tab) take(raw []byte) {
	var e event
	if err := json.Unmarshal(raw, &e); err != nil {
		c.fail("not what a server sends: %.200q: %v", raw, err)
	}
	if e.T == "pong" {
		c.forget(e.Ack)
		return
	}
	if e.N != len(c.log)+1 {
		c.fail("counter %d after %d: %.200s", e.N, len(c.log), raw)
	}
	c.log = append(c.log, raw)
	switch e.T {
	case "signal":
		c.takeSignal(e)
	case "room.peer":
		c.takePeer(e)
	case "ok", "error":
		c.takeAnswer(e)
	}
}

func (c *tab) takeSignal(e event) {
	var room string
	json.Unmarshal(e.Room, &room)
	switch seen, in := c.rooms[room]; {
	case !in:
		c.fail("a signal from %s, in which it is not", room)
	case !slices.Contains(seen, e.From):
		c.fail("a signal from %s, whom it does not see in %s: %v", e.From, room, seen)
	case e.From != c.m.tabs[e.Data.From].peer || e.Data.To != c.index:
		c.fail("a signal that says to be from %s: %+v", e.From, e.Data)
	}
	c.inbox = append(c.inbox, e.Data)
	c.open.Add(-units(e.Data.Pad))
}

func (c *tab) takePeer(e event) {
	var room string
	json.Unmarshal(e.Room, &room)
	seen, in := c.rooms[room]
	if !in {
		c.fail("an event of %s, in which it is not: %+v", room, e)
	}
	at := slices.Index(seen, e.Peer.Peer)
	if (at < 0) != (e.Ev == "join") {
		c.fail("%s of %s in %s, where it sees %v", e.Ev, e.Peer.Peer, room, seen)
	}
	switch e.Ev {
	case "join":
		c.rooms[room] = append(seen, e.Peer.Peer)
	case "leave":
		c.rooms[room] = slices.Delete(seen, at, at+1)
	}
}

func (c *tab) takeAnswer(e event) {
	what, known := c.what[e.Re]
	if !known {
		c.fail("an answer to %d, which needs none or has one: %+v", e.Re, e)
	}
	delete(c.what, e.Re)
	delete(c.pending, e.Re)
	verb, room, _ := strings.Cut(what, " ")
	switch {
	case verb == "signal":
		if p := c.sent[e.Re]; e.Code == "peer_gone" || e.Code == "not_in_room" {
			p.refused = true
			c.m.tabs[p.To].open.Add(-units(p.Pad))
		} else {
			c.fail("a signal was answered with %+v", e)
		}
	case verb == "join" && e.T == "ok":
		var snap struct{ Peers []struct{ Peer string } }
		json.Unmarshal(e.Room, &snap)
		c.rooms[room] = nil
		for _, p := range snap.Peers {
			c.rooms[room] = append(c.rooms[room], p.Peer)
		}
	case verb == "leave" && (e.T == "ok" || e.Code == "not_in_room"):
		delete(c.rooms, room)
	case e.T == "error":
		c.fail("%s was refused: %+v", what, e)
	}
}

// units is how much of modelOpen a signal takes.
func units(pad string) int64 { return int64(1 + len(pad)/2000) }

// play makes random choices until the time is over.
func (c *tab) play() {
	for step := 0; time.Now().Before(c.m.end) && !c.m.failed.Load(); step++ {
		if step%25 == 0 { // so that its own answers do not fill the queue either
			c.settle()
		}
		switch n := c.rng.IntN(100); {
		case n < 60:
			c.signal()
		case n < 68:
			room := c.room()
			c.request("join "+room, "room.join", obj{"room": room, "create": true})
		case n < 72:
			room := c.room()
			c.request("leave "+room, "room.leave", obj{"room": room})
		case n < 76:
			c.write(obj{"t": "ping", "ack": c.ack()})
		case n < 79:
			c.breakOff()
		case n < 82:
			time.Sleep(time.Duration(c.rng.IntN(5)) * time.Millisecond) // reads nothing
		}
		c.takeSome()
	}
}

func (c *tab) room() string { return "room" + strconv.Itoa(c.rng.IntN(modelRooms)) }

// signal sends to someone, who is mostly in the room.
func (c *tab) signal() {
	to := c.m.tabs[c.rng.IntN(len(c.m.tabs))]
	room := c.room()
	if to == c || c.rooms[room] == nil && c.rng.IntN(10) > 0 || to.open.Load() >= modelOpen {
		return
	}
	c.seq++
	l := letter{c.index, to.index, c.seq, strings.Repeat("é", c.padding())}
	to.open.Add(units(l.Pad))
	id := c.request("signal", "signal", obj{"room": room, "to": to.peer, "data": l})
	c.sent[id] = &posted{letter: l}
}

// padding is mostly little, and now and then more than one write takes.
func (c *tab) padding() int {
	switch c.rng.IntN(20) {
	case 0:
		return c.rng.IntN(12000)
	case 1, 2:
		return c.rng.IntN(3000)
	}
	return c.rng.IntN(50)
}

// breakOff loses the socket in one of the ways in which sockets are lost, and
// opens another.
func (c *tab) breakOff() {
	old, done := c.conn, c.done
	switch c.rng.IntN(5) {
	case 0:
		if l, ok := old.NetConn().(interface{ SetLinger(int) error }); ok {
			l.SetLinger(0) // a reset
		}
	case 1:
		c.signal()
	case 2: // in the middle of a frame
		old.NetConn().Write([]byte{0x81, 0x80 | 126, 4, 0, 1, 2, 3, 4, 'x', 'y'})
	case 3:
		old.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1001, ""), time.Now().Add(patience))
	case 4: // the old one is still there when the new one comes
		c.connect()
	}
	close(done)
	old.Close()
	if c.conn == old {
		time.Sleep(time.Duration(c.rng.IntN(3)) * time.Millisecond)
		c.connect()
	}
}

// takeSome processes what has come, or part of it.
func (c *tab) takeSome() {
	for range c.rng.IntN(12) {
		select {
		case raw, ok := <-c.frames:
			if !ok {
				c.fail("the hub ended the socket")
			}
			c.take(raw)
		default:
			return
		}
	}
}

// settle processes all that the hub has queued for the tab until now.
func (c *tab) settle() {
	id := c.request("sync", "ice.get", obj{})
	for c.what[id] != "" {
		raw, ok := c.wait()
		if !ok {
			c.fail("the hub ended the socket")
		}
		c.take(raw)
	}
}
