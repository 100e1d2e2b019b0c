package signaling_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/signaling"
)

// narrowListener gives connections whose buffers hold little, so that what is
// written is taken in part.
type narrowListener struct{ net.Listener }

func (l narrowListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		err = c.(*net.UnixConn).SetWriteBuffer(4096)
	}
	return c, err
}

// startNarrow is start on such connections. They are not TCP: there the kernel
// would need seconds to go on after each stop of the reader.
func startNarrow(t *testing.T, opt signaling.Options) *server {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hub")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := startOn(t, opt, narrowListener{l})
	s.http.URL = "http://hub"
	s.dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return s
}

// joinUnread opens a session whose frames the test reads itself.
func (s *server) joinUnread(t *testing.T, token string) *websocket.Conn {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"parley.v1"}, NetDialContext: s.dial}
	conn, _, err := d.Dial(s.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.WriteJSON(obj{"t": "hello", "v": []int{1}, "key": newKey(), "token": token})
	return conn
}

// read returns the next frame of a connection.
func read(t *testing.T, conn *websocket.Conn) obj {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(patience))
	_, b, err := conn.ReadMessage()
	if err != nil {
		t.Fatalf("the socket ended: %v", err)
	}
	var f obj
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatalf("not JSON: %.200q", b)
	}
	return f
}

// A client that stops reading and goes on gets every frame whole and in order,
// whatever the kernel took of it at a time; its own pings, which are answered
// from another goroutine, come between frames.
func TestFramesArriveWholeThroughANarrowConnection(t *testing.T) {
	s := startNarrow(t, options())
	ann := s.join(t, "ann")
	ann.ask("room.join", obj{"room": "r", "create": true})
	bob := s.joinUnread(t, "bob")
	bob.WriteJSON(obj{"t": "room.join", "id": 1, "room": "r"})
	to := ann.until("room.peer", "ev", "join")["peer"].(obj)["peer"]
	pongs := 0
	bob.SetPongHandler(func(data string) error {
		if data != "between" {
			t.Errorf("pong %q", data)
		}
		pongs++
		return nil
	})
	data := func(i int) string { return fmt.Sprint(i, strings.Repeat("é", (i*397+3000)%7000)) }
	read(t, bob) // welcome
	const rounds, each = 20, 10
	for i := range rounds * each {
		ann.request("signal", obj{"room": "r", "to": to, "data": data(i)})
		if i%each != each-1 {
			continue
		}
		ann.sync("error")
		if err := bob.WriteControl(websocket.PingMessage, []byte("between"), time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		for next := i + 1 - each; next <= i; {
			f := read(t, bob)
			if f["t"] == "signal" && f["data"] != data(next) {
				t.Fatalf("instead of signal %d: %.50v", next, f["data"])
			}
			if f["t"] == "signal" {
				next++
			}
		}
	}
	if pongs == 0 {
		t.Error("no ping was answered")
	}
}

// Who pings while a frame is held up must not lose the socket, nor the pong,
// when he goes on a little later than gorilla/websocket by itself waits.
func TestAPingBehindAHeldUpFrameIsAnswered(t *testing.T) {
	s := startNarrow(t, options())
	ann := s.join(t, "ann")
	ann.ask("room.join", obj{"room": "r", "create": true})
	bob := s.joinUnread(t, "bob")
	bob.WriteJSON(obj{"t": "room.join", "id": 1, "room": "r"})
	to := ann.until("room.peer", "ev", "join")["peer"].(obj)["peer"]
	read(t, bob) // welcome
	read(t, bob) // ok
	data := strings.Repeat("x", 15000)
	ann.request("signal", obj{"room": "r", "to": to, "data": data})
	ann.sync("error")
	pong := ""
	bob.SetPongHandler(func(data string) error { pong = data; return nil })
	if err := bob.WriteControl(websocket.PingMessage, []byte("late"), time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1200 * time.Millisecond)
	bob.WriteJSON(obj{"t": "ice.get", "id": 2})
	if f := read(t, bob); f["data"] != data {
		t.Fatalf("instead of the signal: %.100v", f)
	}
	if f := read(t, bob); f["t"] != "ok" {
		t.Fatalf("instead of the answer: %v", f)
	}
	if pong != "late" {
		t.Fatalf("pong %q", pong)
	}
}
