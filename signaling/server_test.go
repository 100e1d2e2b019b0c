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
