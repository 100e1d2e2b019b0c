package signaling_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"parley/signaling"
)

// patience is how long a test waits for what has to come.
const patience = 10 * time.Second

// refusal is an error as the package's neighbours return it.
type refusal struct {
	code  string
	retry time.Duration
}

func (r refusal) Error() string             { return "refused: " + r.code }
func (r refusal) Code() string              { return r.code }
func (r refusal) RetryAfter() time.Duration { return r.retry }

// names is a reservation of names as the login service keeps it.
type names struct {
	mu   sync.Mutex
	held map[string]string
	uses map[string]int
}

func (n *names) hold(id signaling.Identity) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if by := n.held[id.Name]; by != "" && by != id.User {
		return refusal{code: "name_taken"}
	}
	n.held[id.Name] = id.User
	n.uses[id.Name]++
	return nil
}

func (n *names) release(id signaling.Identity) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.uses[id.Name]--; n.uses[id.Name] == 0 {
		delete(n.held, id.Name)
	}
}

func (n *names) rename(id signaling.Identity, name string) (signaling.Identity, error) {
	if name == "" || len(name) > 32 {
		return id, refusal{code: "bad_name"}
	}
	next := id
	next.Name = name
	if err := n.hold(next); err != nil {
		return id, err
	}
	n.release(id)
	return next, nil
}

// identify takes the token as the identity: "ann" is an account, "guest:ann" a
// guest, "room:r:ann" a guest bound to a room.
func identify(_ *http.Request, token, name, key string) (signaling.Identity, error) {
	id := signaling.Identity{Login: "login-" + token, Roles: []string{"user"}, Relay: true}
	switch {
	case token == "" && name == "":
		return id, refusal{code: "unauthorized"}
	case token == "":
		id.User, id.Name, id.Guest, id.Login = "g_"+key[:8], name, true, "bare-"+key
	case strings.HasPrefix(token, "room:"):
		parts := strings.SplitN(token, ":", 3)
		id.User, id.Name, id.Guest, id.Room = "g_"+parts[2], parts[2], true, &parts[1]
	case strings.HasPrefix(token, "guest:"):
		id.User, id.Name, id.Guest = "g_"+token[6:], token[6:], true
	default:
		id.User, id.Name, id.Member = "u_"+token, strings.ToUpper(token[:1])+token[1:], true
	}
	return id, nil
}

// server is a hub behind a real HTTP server.
type server struct {
	t     *testing.T
	hub   *signaling.Hub
	http  *httptest.Server // nil when the connections are in memory
	mem   *memListener
	dial  func(ctx context.Context, network, addr string) (net.Conn, error) // nil for TCP
	swap  atomic.Pointer[signaling.Hub]                                     // what the connections in memory reach
	tap   func(c *client, dir string, f obj)                                // sees every frame, when not nil
	tapMu sync.Mutex
}

// options are those of most tests. Accounts are ann, bob and carl, dave.
func options() signaling.Options {
	n := &names{held: map[string]string{}, uses: map[string]int{}}
	return signaling.Options{
		Build: "b1", Key: []byte("the key of the server"), MaxPerIP: 1000,
		Identify: identify, HoldName: n.hold, ReleaseName: n.release, Rename: n.rename,
		Lookup: func(name string) (string, bool) {
			switch strings.ToLower(name) {
			case "ann", "bob", "carl", "dave":
				return "u_" + strings.ToLower(name), true
			}
			return "", false
		},
		ICE: func(r *http.Request, id signaling.Identity) json.RawMessage {
			return json.RawMessage(fmt.Sprintf(`{"iceServers":[{"urls":["stun:%s"]}],"for":%q}`, r.Host, id.Login))
		},
	}
}

func start(t *testing.T, opt signaling.Options) *server {
	t.Helper()
	return startOn(t, opt, nil)
}

// startOn is start on a listener that the caller has made, nil for a TCP port.
func startOn(t *testing.T, opt signaling.Options, l net.Listener) *server {
	t.Helper()
	if testing.Verbose() {
		opt.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	hub, err := signaling.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, hub: hub, http: httptest.NewUnstartedServer(hub)}
	if l != nil {
		s.http.Listener.Close()
		s.http.Listener = l
	}
	s.http.Start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) stopHub() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.hub.Shutdown(ctx); err != nil {
		s.t.Errorf("Shutdown: %v", err)
	}
}

func (s *server) stop() {
	s.stopHub()
	if s.http != nil {
		s.http.Close()
	}
	if s.mem != nil {
		s.mem.Close()
	}
}

func (s *server) sees(c *client, dir string, f obj) {
	s.tapMu.Lock()
	defer s.tapMu.Unlock()
	if s.tap != nil {
		s.tap(c, dir, f)
	}
}

// memListener hands out connections in memory, so that a test's time can be
// that of testing/synctest.
type memListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *memListener) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

func (l *memListener) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case l.conns <- there:
		return here, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// startInMemory is start for a synctest bubble.
func startInMemory(t *testing.T, opt signaling.Options) *server {
	t.Helper()
	hub, err := signaling.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, hub: hub, mem: &memListener{conns: make(chan net.Conn), done: make(chan struct{})}}
	s.dial = s.mem.dial
	s.swap.Store(hub)
	go http.Serve(s.mem, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.swap.Load().ServeHTTP(w, r) }))
	t.Cleanup(s.stop)
	return s
}

func (s *server) url() string {
	if s.mem != nil {
		return "ws://memory/ws"
	}
	return "ws" + strings.TrimPrefix(s.http.URL, "http") + "/ws"
}

// patience is how long to wait for what has to come: in a bubble, where time
// costs nothing, for any timer.
func (s *server) patience() time.Duration {
	if s.mem != nil {
		return 24 * time.Hour
	}
	return patience
}

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
