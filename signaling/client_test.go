package signaling_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// obj is a JSON object.
type obj = map[string]any

// client is one tab.
type client struct {
	t      *testing.T
	s      *server
	conn   *websocket.Conn
	onPing func(string) error // instead of a pong
	token  string
	key    string
	id     int // of the last request
	last   int // counter of the last event
	hello  obj // the welcome
	frames chan obj
	ended  chan error // what ended the reading
}

var keys struct {
	sync.Mutex
	n int
}

func newKey() string {
	keys.Lock()
	defer keys.Unlock()
	keys.n++
	return fmt.Sprintf("%08x%024x", keys.n, keys.n)
}

// raw opens a socket without a hello.
func (s *server) raw(t *testing.T) *client {
	t.Helper()
	c := &client{t: t, s: s}
	c.open()
	return c
}

func (c *client) open() {
	c.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"parley.v1"}, HandshakeTimeout: patience}
	d.NetDialContext = c.s.dial
	conn, resp, err := d.Dial(c.s.url(), nil)
	if err != nil {
		c.t.Fatalf("dial: %v (%v)", err, resp)
	}
	if conn.Subprotocol() != "parley.v1" {
		c.t.Fatalf("subprotocol %q", conn.Subprotocol())
	}
	c.listen(conn)
}

func (c *client) listen(conn *websocket.Conn) {
	c.conn = conn
	if c.onPing != nil {
		conn.SetPingHandler(c.onPing)
	}
	c.frames = make(chan obj, 4096)
	c.ended = make(chan error, 1)
	c.t.Cleanup(func() { conn.Close() })
	go func(frames chan obj, ended chan error) {
		defer close(frames)
		for {
			_, b, err := conn.ReadMessage()
			if err != nil {
				ended <- err
				return
			}
			var f obj
			if err := json.Unmarshal(b, &f); err != nil {
				ended <- fmt.Errorf("not JSON: %s", b)
				return
			}
			c.s.sees(c, "server", f)
			frames <- f
		}
	}(c.frames, c.ended)
}

// join opens a socket and says hello as token, in a new tab.
func (s *server) join(t *testing.T, token string) *client {
	t.Helper()
	c := &client{t: t, s: s, token: token, key: newKey()}
	c.open()
	c.sayHello(nil)
	return c
}

// sayHello says hello and waits for the welcome.
func (c *client) sayHello(last any) obj {
	c.t.Helper()
	c.send(obj{"t": "hello", "v": []int{1}, "key": c.key, "last": last, "token": c.token, "build": "b1", "lang": "en"})
	w := c.next()
	if w["t"] != "welcome" {
		c.t.Fatalf("instead of a welcome: %v", w)
	}
	if w["resumed"] != true {
		c.last, c.id = 0, 0
	}
	c.hello = w
	return w
}

// back opens another socket for the same tab.
func (c *client) back(last any) obj {
	c.t.Helper()
	c.open()
	return c.sayHello(last)
}

// cut drops the connection without a close.
func (c *client) cut() {
	c.t.Helper()
	c.conn.NetConn().Close()
	for range c.frames {
	}
}

func (c *client) peer() string { return c.hello["you"].(obj)["peer"].(string) }

func (c *client) send(f obj) {
	c.t.Helper()
	c.s.sees(c, "client", f)
	if err := c.conn.WriteJSON(f); err != nil {
		c.t.Fatalf("send %v: %v", f["t"], err)
	}
}

func (c *client) sendText(s string) {
	c.t.Helper()
	if err := c.conn.WriteMessage(websocket.TextMessage, []byte(s)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// request sends a frame with the next id.
func (c *client) request(t string, f obj) int {
	c.t.Helper()
	c.id++
	out := obj{"t": t, "id": c.id}
	for k, v := range f {
		out[k] = v
	}
	c.send(out)
	return c.id
}

// next returns the next frame and checks its counter.
func (c *client) next() obj {
	c.t.Helper()
	select {
	case f, ok := <-c.frames:
		if !ok {
			c.t.Fatalf("the socket ended: %v", <-c.ended)
		}
		if n, ok := f["n"].(float64); ok {
			if int(n) != c.last+1 {
				c.t.Fatalf("counter %v after %d: %v", n, c.last, f)
			}
			c.last = int(n)
		}
		return f
	case <-time.After(c.s.patience()):
		c.t.Fatalf("nothing came")
	}
	return nil
}

// until returns the next frame of a type, with the fields given as key, value
// pairs, and skips what comes before.
func (c *client) until(t string, pairs ...any) obj {
	c.t.Helper()
	for end := time.Now().Add(c.s.patience()); time.Now().Before(end); {
		f := c.next()
		if f["t"] == t && matches(f, pairs) {
			return f
		}
		if t != "error" && f["t"] == "error" {
			c.t.Fatalf("waiting for %s %v: %v", t, pairs, f)
		}
	}
	c.t.Fatalf("%s %v did not come", t, pairs)
	return nil
}

func matches(f obj, pairs []any) bool {
	for i := 0; i < len(pairs); i += 2 {
		if fmt.Sprint(f[pairs[i].(string)]) != fmt.Sprint(pairs[i+1]) {
			return false
		}
	}
	return true
}

// ask sends a request and returns its ok.
func (c *client) ask(t string, f obj) obj {
	c.t.Helper()
	return c.until("ok", "re", c.request(t, f))
}

// refused sends a request and checks the code of its error.
func (c *client) refused(code, t string, f obj) obj {
	c.t.Helper()
	re := c.request(t, f)
	e := c.until("error", "re", re)
	if e["code"] != code {
		c.t.Fatalf("%s was refused with %v, want %s", t, e, code)
	}
	if e["message"] == "" {
		c.t.Fatalf("%v has no message", e)
	}
	return e
}

// sync makes sure that all that was queued before has come: nothing of the
// given types may be among it.
func (c *client) sync(never ...string) {
	c.t.Helper()
	re := c.request("ice.get", nil)
	for {
		f := c.next()
		for _, t := range never {
			if f["t"] == t {
				c.t.Fatalf("unexpected: %v", f)
			}
		}
		if f["t"] == "ok" && matches(f, []any{"re", re}) {
			return
		}
	}
}

// closed waits for the close and checks its code.
func (c *client) closed(code int) {
	c.t.Helper()
	deadline := time.After(c.s.patience())
	for {
		select {
		case _, ok := <-c.frames:
			if ok {
				continue
			}
			if err := <-c.ended; !websocket.IsCloseError(err, code) {
				c.t.Fatalf("closed with %v, want %d", err, code)
			}
			return
		case <-deadline:
			c.t.Fatalf("the socket was not closed")
		}
	}
}

// bye waits for a bye and the close.
func (c *client) bye(reason string, code int) obj {
	c.t.Helper()
	f := c.until("bye", "code", reason)
	c.closed(code)
	return f
}

// peersOf returns the peer ids of a snapshot.
func peersOf(room any) []string {
	var ids []string
	for _, p := range room.(obj)["peers"].([]any) {
		ids = append(ids, p.(obj)["peer"].(string))
	}
	return ids
}

// eventually polls until ok.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}
