package relay

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func iceServer(t *testing.T, ice ICEOptions) *Server {
	t.Helper()
	o := testOptions()
	o.Secrets = []string{"north"}
	o.Now = func() time.Time { return time.Unix(1800000000-3600, 0) }
	o.ICE = ice
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

const exampleLogin = "k7q2m4x6a3b5c7d2e4f6g2h4j6"

func TestICEServers(t *testing.T) {
	anywhere := netip.MustParseAddrPort("[::]:3478")
	s := iceServer(t, ICEOptions{PublicHost: "call.example.org", Listen: anywhere, TLS: true, TLSPorts: []int{443}})
	got, err := json.MarshalIndent(s.ICEServers("ignored:8080", exampleLogin, true), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
  "iceServers": [
    {
      "urls": [
        "stun:call.example.org:3478"
      ]
    },
    {
      "urls": [
        "turn:call.example.org:3478?transport=udp",
        "turn:call.example.org:3478?transport=tcp",
        "turns:call.example.org:443?transport=tcp"
      ],
      "username": "1800000000:k7q2m4x6a3b5c7d2e4f6g2h4j6",
      "credential": "CREDENTIAL"
    }
  ],
  "iceTransportPolicy": "all",
  "ttl": 3600,
  "expiresAt": "2027-01-15T08:00:00Z"
}`
	if string(got) != strings.Replace(want, "CREDENTIAL", password("north", "1800000000:"+exampleLogin), 1) {
		t.Errorf("got %s", got)
	}
	got, _ = json.Marshal(s.ICEServers("ignored:8080", exampleLogin, false))
	if string(got) != `{"iceServers":[{"urls":["stun:call.example.org:3478"]}],"iceTransportPolicy":"all","ttl":3600,"expiresAt":"2027-01-15T08:00:00Z"}` {
		t.Errorf("without relay: %s", got)
	}
}

func TestICEHost(t *testing.T) {
	wild, single := netip.MustParseAddrPort("0.0.0.0:3478"), netip.MustParseAddrPort("127.0.0.1:3478")
	for _, c := range []struct {
		ice           ICEOptions
		request, want string
	}{
		{ICEOptions{Listen: single}, "localhost:8080", "127.0.0.1"},
		{ICEOptions{Listen: single, PublicHost: "a.example"}, "localhost:8080", "a.example"},
		{ICEOptions{Listen: single, PublicHost: "a.example:8443"}, "localhost:8080", "a.example"},
		{ICEOptions{Listen: wild}, "call.example.org", "call.example.org"},
		{ICEOptions{Listen: wild}, "call.example.org:8080", "call.example.org"},
		{ICEOptions{Listen: wild}, "192.168.1.5:8080", "192.168.1.5"},
		{ICEOptions{Listen: wild}, "[2001:db8::1]:8080", "[2001:db8::1]"},
		{ICEOptions{Listen: wild}, "[2001:db8::1]", "[2001:db8::1]"},
		{ICEOptions{Listen: netip.MustParseAddrPort("[2001:db8::5]:3478")}, "x", "[2001:db8::5]"},
		{ICEOptions{Listen: netip.MustParseAddrPort("[::ffff:10.0.0.1]:3478")}, "x", "10.0.0.1"},
		{ICEOptions{Listen: wild, PublicHost: "2001:db8::1"}, "x", "[2001:db8::1]"},
		{ICEOptions{Listen: wild}, "evil host/?x", "127.0.0.1"},
		{ICEOptions{Listen: wild}, "", "127.0.0.1"},
	} {
		s := iceServer(t, c.ice)
		got := s.ICEServers(c.request, "x", false).ICEServers[0].URLs[0]
		if got != "stun:"+c.want+":3478" {
			t.Errorf("%+v, asked at %q: %s", c.ice, c.request, got)
		}
	}
}

func TestICEOwnURLs(t *testing.T) {
	s := iceServer(t, ICEOptions{Listen: netip.MustParseAddrPort("127.0.0.1:3478"),
		URLs: []string{"turn:a.example:80?transport=tcp", "STUN:a.example:80", "turns:a.example:443?transport=tcp"}})
	got := s.ICEServers("x", "x", true).ICEServers
	if len(got) != 2 || got[0].Username != "" || got[0].URLs[0] != "STUN:a.example:80" ||
		strings.Join(got[1].URLs, " ") != "turn:a.example:80?transport=tcp turns:a.example:443?transport=tcp" || got[1].Username == "" {
		t.Errorf("%+v", got)
	}
}

// TestIssuedCredential: what is handed out is what the relay takes.
func TestIssuedCredential(t *testing.T) {
	s := start(t, nil)
	turn := s.ICEServers("", exampleLogin, true).ICEServers[1]
	s.probe("udp", user{turn.Username, turn.Credential, "example.org"}).allocate()
	if s.Snapshot().CredentialsIssued != 1 {
		t.Error("not counted")
	}
}

func TestHandleICE(t *testing.T) {
	s := iceServer(t, ICEOptions{Listen: netip.MustParseAddrPort("127.0.0.1:3478")})
	s.o.Refuse = func(w http.ResponseWriter, status int, code, _ string, retry time.Duration) {
		w.Header().Set("X-Code", code)
		w.WriteHeader(status)
		if (status == 429) != (retry > 0) {
			t.Errorf("%d with retry %v", status, retry)
		}
	}
	errStranger := errors.New("who?")
	h := s.HandleICE(func(r *http.Request) (string, bool, error) {
		if r.Header.Get("Authorization") == "" {
			return "", false, errStranger
		}
		return r.Header.Get("Authorization"), true, nil
	}, func(w http.ResponseWriter, _ *http.Request, err error) {
		if !errors.Is(err, errStranger) {
			t.Errorf("error %v", err)
		}
		w.WriteHeader(http.StatusUnauthorized)
	})
	ask := func(method, login string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, "http://localhost:8080/ice-config", nil)
		if login != "" {
			r.Header.Set("Authorization", login)
		}
		h.ServeHTTP(w, r)
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %q: Cache-Control %q", method, login, w.Header().Get("Cache-Control"))
		}
		return w
	}
	if w := ask("GET", ""); w.Code != 401 {
		t.Errorf("stranger: %d", w.Code)
	}
	if w := ask("POST", "ann"); w.Code != 405 || w.Header().Get("Allow") == "" {
		t.Errorf("POST: %d", w.Code)
	}
	w := ask("GET", "ann")
	var cfg ICEConfig
	if err := json.Unmarshal(w.Body.Bytes(), &cfg); err != nil || w.Code != 200 || w.Header().Get("Content-Type") != "application/json" ||
		len(cfg.ICEServers) != 2 || !strings.HasSuffix(cfg.ICEServers[1].Username, ":ann") {
		t.Errorf("%d %v %s", w.Code, err, w.Body)
	}
	limited := false
	for range 10 * iceBurst {
		limited = limited || ask("GET", "ann").Header().Get("X-Code") == "rate_limited"
	}
	if !limited || ask("GET", "ben").Code != 200 {
		t.Errorf("limited %v; another login is not", limited)
	}
}
