package auth_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"parley/signaling/auth"
)

// Hashes of cost 10, made once: a hash takes most of a second under the race
// detector.
const (
	annPassword = "correct horse"
	annHash     = "$2a$10$3FKF/zWwk00P5sCMLyv8VODk4s/FD2FgbeQFwG2TDGR4fkG0jkhAG"
	rootHash    = "$2a$10$zEQE6FBoMWIoq4nLLBvhOe92WN2S3L.lg29zbaIimoegu4ZgeBAPG" // battery staple
	shared      = "shared secret"
	sharedHash  = "$2a$10$LkS.MjlzEj2EHs1dSsxrl.tHwvdg2XybWx41CsUqUUYTCc4zqtOqe"

	tabKey   = "00112233445566778899aabbccddeeff"
	otherKey = "ffeeddccbbaa99887766554433221100"
)

// clock is a time that tests move.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.at.Add(int64(d)) }

func accounts() []auth.Account {
	return []auth.Account{{Name: "Ann", Hash: annHash, Role: "user"}, {Name: "Root", Hash: rootHash, Role: "admin"}}
}

// site is a Service behind its real handlers.
type site struct {
	*auth.Service
	t     *testing.T
	clock *clock
	opts  auth.Options
	web   http.Handler
}

func newSite(t *testing.T, o auth.Options) *site {
	t.Helper()
	s := &site{t: t, clock: newClock()}
	if o.Now == nil {
		o.Now = s.clock.Now
	}
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	if o.Mode == "" {
		o.Mode = auth.ModeOpen
	}
	s.start(o)
	return s
}

func (s *site) start(o auth.Options) {
	s.t.Helper()
	svc, err := auth.New(o)
	if err != nil {
		s.t.Fatalf("New: %v", err)
	}
	s.t.Cleanup(func() { svc.Close() })
	s.Service, s.opts = svc, o
	mux := http.NewServeMux()
	mux.HandleFunc("/login", svc.HandleLogin)
	mux.HandleFunc("/logout", svc.HandleLogout)
	mux.HandleFunc("/me", svc.HandleMe)
	s.web = svc.CORS(mux)
}

// restart ends the service and starts another over the same directory.
func (s *site) restart() {
	s.t.Helper()
	s.Close()
	s.start(s.opts)
}

// do sends a request with headers given as name, value pairs.
func (s *site) do(method, target, body string, headers ...string) *http.Response {
	s.t.Helper()
	w := httptest.NewRecorder()
	s.web.ServeHTTP(w, request(method, target, body, headers...))
	return w.Result()
}

func request(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		switch headers[i] {
		case "Host":
			r.Host = headers[i+1]
		case "Addr":
			r.RemoteAddr = headers[i+1]
		default:
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	return r
}

// answer is any body of this package.
type answer struct {
	User       auth.User       `json:"user"`
	Token      string          `json:"token"`
	ExpiresAt  time.Time       `json:"expiresAt"`
	ICEServers json.RawMessage `json:"iceServers"`
	TTL        int64           `json:"ttl"`
	Error      struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		RetryMS int64  `json:"retry_ms"`
	} `json:"error"`
}

func read(t *testing.T, resp *http.Response) answer {
	t.Helper()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if len(data) > 0 {
		if err := json.Unmarshal(data, &a); err != nil {
			t.Fatalf("body %q: %v", data, err)
		}
	}
	return a
}

func (s *site) login(body string, headers ...string) (*http.Response, answer) {
	s.t.Helper()
	resp := s.do("POST", "/login", body, headers...)
	return resp, read(s.t, resp)
}

// mustLogin signs in and gives the answer of a 200.
func (s *site) mustLogin(body string, headers ...string) answer {
	s.t.Helper()
	resp, a := s.login(body, headers...)
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("POST /login %s: %d %s %s", body, resp.StatusCode, a.Error.Code, a.Error.Message)
	}
	return a
}

func (s *site) me(token string) int {
	s.t.Helper()
	return s.do("GET", "/me", "", "Authorization", "Bearer "+token).StatusCode
}

// id gives the login id inside a token.
func (s *site) id(token string) string {
	s.t.Helper()
	l, err := s.Identify(request("GET", "/me", "", "Authorization", "Bearer "+token))
	if err != nil {
		s.t.Fatalf("Identify: %v", err)
	}
	return l.ID
}

func (s *site) hello(token, name, key string, headers ...string) (auth.Login, error) {
	return s.IdentifyHello(request("GET", "/ws", "", append([]string{"Upgrade", "websocket"}, headers...)...), token, name, key)
}

// code gives the code of a refusal, "" for nil.
func code(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var r *auth.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("%v is no Refusal", err)
	}
	if r.Message == "" || r.Code() == "" || r.Status < 400 {
		t.Fatalf("the refusal %+v says too little", r)
	}
	return r.Code()
}

func quote(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }
