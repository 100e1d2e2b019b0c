package auth_test

import (
	"crypto/tls"
	"net/http"
	"testing"

	"parley/signaling/auth"
)

// The rule on origins, for the API and for the upgrade, with cookie and token.
func TestOrigins(t *testing.T) {
	s := newSite(t, auth.Options{PublicURL: "https://call.example.org/",
		AllowedOrigins: []string{"https://App.example.net", "http://localhost:3000/", "capacitor://localhost"}})
	token := s.mustLogin(`{"name":"Bob"}`).Token
	const none = "(absent)"
	for name, tc := range map[string]struct {
		host, origin string
		tls          bool
		cookie       int // status of GET /me with a cookie
		token        int
		upgrade      int // with a cookie
	}{
		"absent":                  {"localhost:8080", none, false, 200, 200, 403},
		"the same":                {"localhost:8080", "http://localhost:8080", false, 200, 200, 200},
		"upper case":              {"LocalHost:8080", "HTTP://LOCALHOST:8080", false, 200, 200, 200},
		"null":                    {"localhost:8080", "null", false, 403, 403, 403},
		"empty":                   {"localhost:8080", "", false, 403, 403, 403},
		"another port":            {"localhost:8080", "http://localhost:8081", false, 403, 403, 403},
		"no port":                 {"localhost:8080", "http://localhost", false, 403, 403, 403},
		"suffix":                  {"example.org", "https://example.org.evil.test", false, 403, 403, 403},
		"prefix":                  {"example.org", "https://evilexample.org", false, 403, 403, 403},
		"subdomain":               {"example.org", "https://a.example.org", false, 403, 403, 403},
		"another host":            {"localhost:8080", "http://127.0.0.1:8080", false, 403, 403, 403},
		"usual port":              {"example.org", "https://example.org", true, 200, 200, 200},
		"usual port, written":     {"example.org", "https://example.org:443", true, 200, 200, 200},
		"usual port in Host":      {"example.org:443", "https://example.org", true, 200, 200, 200},
		"behind a proxy":          {"example.org", "https://example.org", false, 200, 200, 200},
		"http page, https server": {"example.org", "http://example.org", true, 403, 403, 403},
		"the same port without":   {"example.org:8443", "http://example.org:8443", true, 403, 403, 403},
		"IPv6":                    {"[::1]:8080", "http://[::1]:8080", false, 200, 200, 200},
		"IPv6, usual port":        {"[::1]", "http://[::1]", false, 200, 200, 200},
		"public URL":              {"10.0.0.1:8080", "https://call.example.org", false, 200, 200, 200},
		"public URL, http":        {"10.0.0.1:8080", "http://call.example.org", false, 403, 403, 403},
		"public URL, port":        {"10.0.0.1:8080", "https://call.example.org:8443", false, 403, 403, 403},
		"listed":                  {"localhost:8080", "https://app.example.net", false, 401, 200, 401},
		"listed, http":            {"localhost:8080", "http://app.example.net", false, 403, 403, 403},
		"listed, with port":       {"localhost:8080", "http://localhost:3000", false, 401, 200, 401},
		"listed app":              {"localhost:8080", "capacitor://localhost", false, 401, 200, 401},
		"a path":                  {"localhost:8080", "http://localhost:8080/", false, 403, 403, 403},
		"a user":                  {"localhost:8080", "http://a@localhost:8080", false, 403, 403, 403},
		"other scheme":            {"localhost:8080", "ftp://localhost:8080", false, 403, 403, 403},
	} {
		t.Run(name, func(t *testing.T) {
			try := func(target string, headers ...string) int {
				r := request("GET", target, "", append(headers, "Host", tc.host)...)
				if tc.origin != none {
					r.Header["Origin"] = []string{tc.origin}
				}
				if tc.tls {
					r.TLS = &tls.ConnectionState{}
				}
				if err := s.CheckOrigin(r); err != nil && code(t, err) != "bad_origin" {
					t.Errorf("CheckOrigin: %v", err)
				}
				if target == "/ws" { // the hub checks the origin, then asks who it is
					if s.CheckOrigin(r) != nil {
						return 403
					}
					if _, err := s.IdentifyHello(r, "", "", tabKey); err != nil {
						return 401
					}
					return 200
				}
				w := newRecorder()
				s.web.ServeHTTP(w, r)
				return w.Code
			}
			if got := try("/me", "Cookie", "parley="+token); got != tc.cookie {
				t.Errorf("cookie: %d, want %d", got, tc.cookie)
			}
			if got := try("/me", "Authorization", "Bearer "+token); got != tc.token {
				t.Errorf("token: %d, want %d", got, tc.token)
			}
			if got := try("/ws", "Cookie", "parley="+token, "Upgrade", "websocket"); got != tc.upgrade {
				t.Errorf("upgrade with the cookie: %d, want %d", got, tc.upgrade)
			}
			want := tc.token // a token needs no Origin
			if got := try("/ws", "Authorization", "Bearer "+token, "Upgrade", "websocket"); got != want {
				t.Errorf("upgrade with the token: %d, want %d", got, want)
			}
		})
	}
}

func TestTwoOriginsAreForeign(t *testing.T) {
	s := newSite(t, auth.Options{})
	r := request("GET", "/me", "", "Host", "localhost", "Origin", "http://localhost", "Origin", "http://localhost")
	if got := code(t, s.CheckOrigin(r)); got != "bad_origin" {
		t.Errorf("got %q", got)
	}
}

func TestFetchSite(t *testing.T) {
	s := newSite(t, auth.Options{})
	token := s.mustLogin(`{"name":"Bob"}`).Token
	for site, want := range map[string]int{"same-origin": 200, "none": 200, "same-site": 401, "cross-site": 401} {
		if got := s.do("GET", "/me", "", "Sec-Fetch-Site", site, "Cookie", "parley="+token).StatusCode; got != want {
			t.Errorf("%s with the cookie: %d, want %d", site, got, want)
		}
		if got := s.do("GET", "/me", "", "Sec-Fetch-Site", site, "Authorization", "Bearer "+token).StatusCode; got != 200 {
			t.Errorf("%s with the token: %d", site, got)
		}
	}
	// Another site can neither sign anybody out nor in.
	if s.do("POST", "/logout", "", "Sec-Fetch-Site", "cross-site", "Cookie", "parley="+token); s.me(token) != 200 {
		t.Error("another site ended the login")
	}
	if resp, _ := s.login(`{"name":"Eve"}`, "Sec-Fetch-Site", "cross-site"); len(resp.Cookies()) != 0 {
		t.Error("another site set a cookie")
	}
	if resp, _ := s.login(`{"name":"Eve"}`, "Origin", "http://evil.test"); resp.StatusCode != 403 || len(resp.Cookies()) != 0 {
		t.Errorf("a foreign page signed in: %d", resp.StatusCode)
	}
}

func TestCORS(t *testing.T) {
	const app = "https://app.example.net"
	s := newSite(t, auth.Options{AllowedOrigins: []string{app}})
	shared := func(h http.Header) [4]string {
		return [4]string{h.Get("Access-Control-Allow-Origin"), h.Get("Access-Control-Allow-Headers"),
			h.Get("Access-Control-Allow-Methods"), h.Get("Vary")}
	}
	listed := [4]string{app, "Authorization, Content-Type", "GET, POST, OPTIONS", "Origin"}
	plain := [4]string{"", "", "", "Origin"}
	for name, tc := range map[string]struct {
		method, target, origin string
		status                 int
		headers                [4]string
	}{
		"preflight":          {"OPTIONS", "/login", app, 204, listed},
		"preflight, own":     {"OPTIONS", "/login", "http://example.com", 204, plain},
		"preflight, strange": {"OPTIONS", "/login", "https://evil.test", 403, plain},
		"listed":             {"GET", "/me", app, 401, listed},
		"own":                {"GET", "/me", "http://example.com", 401, plain},
		"strange":            {"GET", "/me", "https://evil.test", 403, plain},
	} {
		t.Run(name, func(t *testing.T) {
			resp := s.do(tc.method, tc.target, "", "Origin", tc.origin, "Access-Control-Request-Method", "POST")
			if resp.StatusCode != tc.status || shared(resp.Header) != tc.headers {
				t.Errorf("%d %q, want %d %q", resp.StatusCode, shared(resp.Header), tc.status, tc.headers)
			}
			if resp.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials are allowed")
			}
		})
	}
	resp, a := s.login(`{"name":"Bob"}`, "Origin", app)
	if resp.StatusCode != 200 || len(resp.Cookies()) != 0 || shared(resp.Header) != listed {
		t.Errorf("sign-in from a listed page: %d, cookies %v, %q", resp.StatusCode, resp.Cookies(), shared(resp.Header))
	}
	// Its cookie, should there be one, counts for nothing; its token does.
	if s.do("POST", "/logout", "", "Origin", app, "Cookie", "parley="+a.Token); s.me(a.Token) != 200 {
		t.Error("the cookie counted for a listed page")
	}
	resp = s.do("POST", "/logout", "", "Origin", app, "Authorization", "Bearer "+a.Token)
	if resp.StatusCode != 204 || len(resp.Cookies()) != 0 || s.me(a.Token) != 401 {
		t.Errorf("logout with the token: %d, cookies %v", resp.StatusCode, resp.Cookies())
	}
}

func TestBadOriginsStopTheStart(t *testing.T) {
	for _, bad := range []string{"*", "null", "https://*.example.org", "example.org", "https://example.org/path", "https://", ""} {
		if _, err := auth.New(auth.Options{Mode: "open", DataDir: t.TempDir(), AllowedOrigins: []string{bad}}); err == nil {
			t.Errorf("allowed_origins %q was taken", bad)
		}
	}
	for _, bad := range []string{"example.org", "ftp://example.org", "https://"} {
		if _, err := auth.New(auth.Options{Mode: "open", DataDir: t.TempDir(), PublicURL: bad}); err == nil {
			t.Errorf("public_url %q was taken", bad)
		}
	}
}
