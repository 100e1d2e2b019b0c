package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/stun/v3"
	"github.com/pion/turn/v4"

	"parley/cmd/internal/config"
	"parley/cmd/internal/systemd"
)

// patience is far beyond what an idle machine needs for any step here.
const patience = 20 * time.Second

// program is a whole server in this process, on ports of its own.
type program struct {
	*server
	t    *testing.T
	web  string // http://127.0.0.1:PORT
	log  *lockedBuffer
	stop func() error // asks it to drain and waits
	now  func()       // the second signal
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, change ...func(*config.Config)) *program {
	t.Helper()
	return startWith(t, nil, change...)
}

// startWith hands listeners over as a service manager does.
func startWith(t *testing.T, inherited map[string][]net.Listener, change ...func(*config.Config)) *program {
	t.Helper()
	return opened(t, inherited, change...).begin()
}

// opened is a server whose sockets are open and which does not serve yet.
func opened(t *testing.T, inherited map[string][]net.Listener, change ...func(*config.Config)) *program {
	t.Helper()
	cfg := config.Defaults()
	cfg.DataDir = t.TempDir()
	cfg.HTTP.Listen, cfg.Relay.Listen, cfg.Admin.Listen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	cfg.Shutdown.Grace = patience
	for _, c := range change {
		c(&cfg)
	}
	buf := &lockedBuffer{}
	level := &slog.LevelVar{}
	s, err := newServer(t.Context(), cfg, newLogger(buf, cfg, level), level, systemd.Sockets{Listeners: inherited})
	if err != nil {
		t.Fatal(err)
	}
	return &program{server: s, t: t, web: s.scheme() + "://" + s.socks.HTTP.Addr().String(), log: buf}
}

// begin serves until the test is over.
func (p *program) begin() *program {
	stop, drain := context.WithCancel(context.Background())
	now, end := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.server.run(stop, now) }()
	p.now = end
	p.stop = sync.OnceValue(func() error { drain(); return <-done })
	p.t.Cleanup(func() {
		end()
		if err := p.stop(); err != nil {
			p.t.Errorf("the server stopped with: %v\n%s", err, p.log)
		}
	})
	return p
}

// visitor is one signed-in browser.
type visitor struct {
	p     *program
	http  *http.Client
	login struct {
		User struct {
			User, Name   string
			Guest, Relay bool
		}
		Token      string
		ICEServers []struct {
			URLs                 []string
			Username, Credential string
		}
		TTL int
	}
}

func (p *program) signIn(name string) *visitor {
	p.t.Helper()
	jar, _ := cookiejar.New(nil)
	return p.signInWith(&http.Client{Jar: jar, Timeout: patience}, name)
}

func (p *program) signInWith(client *http.Client, name string) *visitor {
	p.t.Helper()
	v := &visitor{p: p, http: client}
	resp := v.post("/login", `{"name":"`+name+`"}`)
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(resp.Body)
		p.t.Fatalf("login of %s: %s %s", name, resp.Status, b)
	}
	if err := json.NewDecoder(resp.Body).Decode(&v.login); err != nil {
		p.t.Fatal(err)
	}
	return v
}

func (v *visitor) do(method, path, body string) *http.Response {
	v.p.t.Helper()
	req, _ := http.NewRequest(method, v.p.web+path, strings.NewReader(body))
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := v.http.Do(req)
	if err != nil {
		v.p.t.Fatal(err)
	}
	v.p.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func (v *visitor) post(path, body string) *http.Response { return v.do(http.MethodPost, path, body) }
func (v *visitor) get(path string) *http.Response        { return v.do(http.MethodGet, path, "") }

// socket is one WebSocket that has said hello.
type socket struct {
	t    *testing.T
	c    *websocket.Conn
	id   int
	self string // own peer id
}

type frame map[string]any

func (v *visitor) socket() *socket {
	v.p.t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"parley.v1"}, Jar: v.http.Jar, HandshakeTimeout: patience}
	c, resp, err := d.Dial("ws"+strings.TrimPrefix(v.p.web, "http")+"/ws", http.Header{"Origin": {v.p.web}})
	if err != nil {
		v.p.t.Fatalf("WebSocket: %v %v", err, resp)
	}
	v.p.t.Cleanup(func() { c.Close() })
	s := &socket{t: v.p.t, c: c}
	s.write(frame{"t": "hello", "v": []int{1}, "key": fmt.Sprintf("%032x", time.Now().UnixNano())})
	welcome := s.until("welcome")
	if welcome["ice"].(map[string]any)["iceServers"] == nil {
		s.t.Fatalf("welcome brings no iceServers: %v", welcome)
	}
	s.self = welcome["you"].(map[string]any)["peer"].(string)
	return s
}

func (s *socket) write(f frame) {
	s.t.Helper()
	if err := s.c.WriteJSON(f); err != nil {
		s.t.Fatal(err)
	}
}

func (s *socket) request(f frame) {
	s.t.Helper()
	s.id++
	f["id"] = s.id
	s.write(f)
}

// until reads to the next frame of a type.
func (s *socket) until(typ string) frame {
	s.t.Helper()
	s.c.SetReadDeadline(time.Now().Add(patience))
	for {
		var f frame
		if err := s.c.ReadJSON(&f); err != nil {
			s.t.Fatalf("waiting for %s: %v", typ, err)
		}
		if f["t"] == typ {
			return f
		}
	}
}

func TestMainJobEndToEnd(t *testing.T) {
	p := start(t)
	ann, bob := p.signIn("Ann"), p.signIn("Bob")
	if ann.login.TTL != 3600 || len(ann.login.ICEServers) != 2 {
		t.Fatalf("login of Ann: %+v", ann.login)
	}
	a, b := ann.socket(), bob.socket()
	a.request(frame{"t": "room.join", "room": "kitchen", "create": true})
	a.until("ok")
	b.request(frame{"t": "room.join", "room": "kitchen", "create": true})
	b.until("ok")
	a.until("room.peer")
	a.request(frame{"t": "signal", "room": "kitchen", "to": b.self, "data": frame{"pc": "x", "hi": "Bob"}})
	b.request(frame{"t": "signal", "room": "kitchen", "to": a.self, "data": frame{"pc": "y", "hi": "Ann"}})
	if got := b.until("signal"); got["from"] != a.self || got["data"].(map[string]any)["hi"] != "Bob" {
		t.Errorf("Bob heard %v", got)
	}
	if got := a.until("signal"); got["from"] != b.self {
		t.Errorf("Ann heard %v", got)
	}
	for _, transport := range []string{"udp", "tcp"} {
		t.Run("relay over "+transport, func(t *testing.T) { echoThroughRelay(t, ann, bob, transport) })
	}
	stunBinding(t, ann)
}

// iceServer gives host:port and credentials of the TURN URL for a transport.
func (v *visitor) turnURL(t *testing.T, transport string) (addr, user, pass string) {
	t.Helper()
	var conf struct {
		ICEServers []struct {
			URLs                 []string
			Username, Credential string
		}
		ICETransportPolicy string
		TTL                int
		ExpiresAt          time.Time
	}
	resp := v.get("/ice-config")
	if cc := resp.Header.Get("Cache-Control"); cc != "no-store" {
		t.Errorf("/ice-config: Cache-Control %q", cc)
	}
	if err := json.NewDecoder(resp.Body).Decode(&conf); err != nil {
		t.Fatal(err)
	}
	for _, s := range conf.ICEServers {
		for _, u := range s.URLs {
			if rest, ok := strings.CutPrefix(u, "turn:"); ok && strings.HasSuffix(u, "?transport="+transport) {
				host, _, _ := strings.Cut(rest, "?")
				return host, s.Username, s.Credential
			}
		}
	}
	t.Fatalf("no TURN URL for %s in %+v", transport, conf)
	return "", "", ""
}

// allocate makes a client and a relayed address with the visitor's credential.
func (v *visitor) allocate(t *testing.T, transport string) (*turn.Client, net.PacketConn, error) {
	t.Helper()
	addr, user, pass := v.turnURL(t, transport)
	return allocateAs(t, transport, addr, user, pass)
}

func allocateAs(t *testing.T, transport, addr, user, pass string) (*turn.Client, net.PacketConn, error) {
	t.Helper()
	conn := dialTURN(t, transport, addr)
	c, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: addr, STUNServerAddr: addr, Conn: conn, Username: user, Password: pass, RTO: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Listen(); err != nil {
		t.Fatal(err)
	}
	relayed, err := c.Allocate()
	return c, relayed, err
}

func dialTURN(t *testing.T, transport, addr string) net.PacketConn {
	t.Helper()
	if transport == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return turn.NewSTUNConn(c)
}

// echoThroughRelay sends from one relayed address to the other and back.
func echoThroughRelay(t *testing.T, ann, bob *visitor, transport string) {
	_, a, err := ann.allocate(t, transport)
	if err != nil {
		t.Fatal(err)
	}
	_, b, err := bob.allocate(t, transport)
	if err != nil {
		t.Fatal(err)
	}
	// Each side opens its permission by sending; the first packets may meet a
	// permission that is not there yet, so they are repeated until one arrives.
	go answer(b, a.LocalAddr())
	buf := make([]byte, 100)
	for deadline := time.Now().Add(patience); ; {
		if time.Now().After(deadline) {
			t.Fatal("no echo through the relay")
		}
		if _, err := a.WriteTo([]byte("ping"), b.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		a.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		n, from, err := a.ReadFrom(buf)
		if err == nil && string(buf[:n]) == "ping" && from.String() == b.LocalAddr().String() {
			return
		}
	}
}

// answer opens the permission for a peer and echoes until its relay ends.
func answer(b net.PacketConn, peer net.Addr) {
	buf := make([]byte, 100)
	b.WriteTo([]byte("hello"), peer)
	for {
		n, from, err := b.ReadFrom(buf)
		if err != nil {
			return
		}
		b.WriteTo(buf[:n], from)
	}
}

func stunBinding(t *testing.T, v *visitor) {
	addr, _, _ := v.turnURL(t, "udp")
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	req := stun.MustBuild(stun.TransactionID, stun.BindingRequest)
	c.Write(req.Raw)
	b := make([]byte, 1500)
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	m := &stun.Message{Raw: b[:n]}
	var mapped stun.XORMappedAddress
	if m.Decode() != nil || mapped.GetFrom(m) != nil || mapped.String() != c.LocalAddr().String() {
		t.Errorf("STUN says %v, the socket is %v", mapped, c.LocalAddr())
	}
}
