package signaling_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// sequenceSeeds are runs of frames, one a line. Lines that start with > are of
// the second client. $room, $call, $offer and $peer stand for what the hub has
// last said.
func sequenceSeeds() []string {
	return []string{
		`{"t":"room.join","id":1,"room":"r","create":true,"max":2}
>{"t":"room.join","id":1,"room":"r"}
{"t":"signal","id":2,"room":"r","to":"$peer","data":{"pc":"x"}}
>{"t":"room.leave","id":2,"room":"r"}
{"t":"signal","id":3,"room":"r","to":"*","data":null}
>{"t":"room.join","id":3,"room":"r","ack":2}`,
		`{"t":"room.join","id":1,"room":"r","create":true,"pass":"p"}
{"t":"room.set","id":2,"room":"r","locked":true,"pass":null,"title":"T","max":3}
>{"t":"room.join","id":1,"room":"r","pass":"q"}
>{"t":"room.knock","id":2,"room":"r","note":"Hi"}
{"t":"room.admit","id":3,"room":"r","peer":"$peer","allow":true}
>{"t":"room.join","id":3,"room":"r"}
{"t":"room.kick","id":4,"room":"r","peer":"$peer"}
>{"t":"room.join","id":4,"room":"r"}`,
		`{"t":"call.start","id":1,"to":{"user":"u_bob"},"media":{"audio":true}}
>{"t":"call.ringing","id":1,"call":"$call"}
>{"t":"call.start","id":2,"to":{"name":"ann"}}
>{"t":"call.accept","id":3,"call":"$call"}
{"t":"signal","id":2,"room":"$room","to":"$peer","data":1}
{"t":"call.cancel","id":3,"call":"$call"}
>{"t":"call.decline","id":4,"call":"$call","reason":"busy","note":"x"}`,
		`{"t":"offer.post","id":1,"title":"T","for":"all","ttl_ms":-1}
{"t":"offer.post","id":2,"ttl_ms":1e300}
{"t":"signal","id":3,"room":"$room","to":"*","data":{"candidate":null}}
>{"t":"watch","id":1,"users":true,"offers":true}
>{"t":"offer.take","id":2,"offer":"$offer"}
{"t":"offer.withdraw","id":4,"offer":"$offer"}
{"t":"room.leave","id":5,"room":"$room"}`,
		`{"t":"me","id":1,"name":"Bob","status":"dnd"}
>{"t":"me","id":1,"name":"Eve"}
{"t":"report","id":2,"path":"failed","setup_ms":1,"step":"x"}
{"t":"ice.get","id":9007199254740992}
{"t":"ping","ack":99999}
{"ack":1}
{"t":"pong"}
{"t":"hello","id":3,"v":[1]}
nonsense
[]`,
	}
}

// sequence plays frames from two clients against a running hub.
type sequence struct {
	known map[string]string // what stands for what the hub has said
	ended map[*client]bool
}

// play sends one frame, and waits until the hub has handled it.
func (q *sequence) play(c *client, frame string) {
	for name, value := range q.known {
		frame = strings.ReplaceAll(frame, name, value)
	}
	c.conn.WriteMessage(websocket.TextMessage, []byte(frame))
	c.conn.WriteMessage(websocket.TextMessage, []byte(`{"t":"ping"}`))
	for !q.ended[c] {
		select {
		case f, ok := <-c.frames:
			q.ended[c] = !ok
			q.note(f)
			if f["t"] == "pong" {
				return
			}
		case <-time.After(patience):
			c.t.Fatalf("neither an answer nor an end after %.200q", frame)
		}
	}
}

// note keeps the names that a frame of the hub mentions.
func (q *sequence) note(f obj) {
	for _, name := range []string{"room", "call", "offer", "peer"} {
		value := f[name]
		if o, ok := value.(obj); ok {
			value = o[name]
		}
		if s, ok := value.(string); ok {
			q.known["$"+name] = s
		}
	}
}

// FuzzSequences plays runs of frames to a hub: it must not fail inside, answer
// each frame or end the socket, and still serve others.
func FuzzSequences(f *testing.F) {
	for _, s := range sequenceSeeds() {
		f.Add(s)
	}
	golden, err := filepath.Glob("testdata/proto/client.*.json")
	if err != nil || len(golden) == 0 {
		f.Fatal("no golden messages", err)
	}
	var all []string
	for _, path := range golden {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, strings.ReplaceAll(string(b), "\n", " "))
	}
	f.Add(strings.Join(all, "\n"))
	f.Fuzz(func(t *testing.T, text string) {
		s := startInMemory(t, options())
		ann, bob := s.join(t, "ann"), s.join(t, "bob")
		q := &sequence{known: map[string]string{"$peer": bob.peer()}, ended: map[*client]bool{}}
		for i, line := range strings.Split(text, "\n") {
			if rest, second := strings.CutPrefix(line, ">"); second {
				q.play(bob, rest)
			} else {
				q.play(ann, line)
			}
			if i == 60 {
				break
			}
		}
		other := s.join(t, "carl")
		other.ask("room.join", obj{"room": "another", "create": true})
		other.sync()
		if n := s.hub.Snapshot().Dropped["panic"]; n > 0 {
			t.Errorf("the hub failed %d times", n)
		}
	})
}
