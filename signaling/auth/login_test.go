package auth_test

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/signaling/auth"
)

func TestLoginModes(t *testing.T) {
	users := auth.Credentials{Users: accounts()}
	password := auth.Credentials{Password: sharedHash, Users: accounts()}
	for name, tc := range map[string]struct {
		mode     string
		creds    auth.Credentials
		relayFor string
		body     string
		status   int
		code     string
		user     string // JSON without the id of a guest
	}{
		"open, a free name":                 {"open", users, "all", `{"name":" Bob  B. "}`, 200, "", `{"user":"g_*","name":"Bob B.","guest":true,"roles":["user"],"relay":true,"room":null}`},
		"open, relays for members":          {"open", users, "members", `{"name":"Bob"}`, 200, "", `{"user":"g_*","name":"Bob","guest":true,"roles":["user"],"relay":false,"room":null}`},
		"open without accounts, a password": {"open", auth.Credentials{}, "all", `{"name":"Bob","password":"x"}`, 200, "", `{"user":"g_*","name":"Bob","guest":true,"roles":["user"],"relay":true,"room":null}`},
		"open, the name of an account":      {"open", users, "all", `{"name":"ANN"}`, 409, "name_taken", ""},
		"open, an account":                  {"open", users, "members", `{"name":"ann","password":"correct horse"}`, 200, "", `{"user":"u_ann","name":"Ann","guest":false,"roles":["user"],"relay":true,"room":null}`},
		"open, typing admin":                {"open", users, "all", `{"name":"admin","role":"admin","roles":["admin"]}`, 200, "", `{"user":"g_*","name":"admin","guest":true,"roles":["user"],"relay":true,"room":null}`},
		"open, no name":                     {"open", users, "all", `{}`, 400, "bad_name", ""},
		"password, right":                   {"password", password, "members", `{"name":"Bob","password":"shared secret"}`, 200, "", `{"user":"g_*","name":"Bob","guest":false,"roles":["user"],"relay":true,"room":null}`},
		"password, wrong":                   {"password", password, "all", `{"name":"Bob","password":"shared"}`, 401, "wrong_credentials", ""},
		"password, none":                    {"password", password, "all", `{"name":"Bob"}`, 401, "wrong_credentials", ""},
		"password, the name of an account":  {"password", password, "all", `{"name":"Ann","password":"shared secret"}`, 401, "wrong_credentials", ""},
		"users, right":                      {"users", users, "none", `{"name":"ａｎｎ","password":"correct horse"}`, 200, "", `{"user":"u_ann","name":"Ann","guest":false,"roles":["user"],"relay":false,"room":null}`},
		"users, an admin":                   {"users", users, "all", `{"name":"root","password":"battery staple"}`, 200, "", `{"user":"u_root","name":"Root","guest":false,"roles":["user","admin"],"relay":true,"room":null}`},
		"users, wrong password":             {"users", users, "all", `{"name":"ann","password":"battery staple"}`, 401, "wrong_credentials", ""},
		"users, unknown":                    {"users", users, "all", `{"name":"eve","password":"correct horse"}`, 401, "wrong_credentials", ""},
		"users, 73 bytes":                   {"users", users, "all", `{"name":"ann","password":"` + strings.Repeat("x", 73) + `"}`, 401, "wrong_credentials", ""},
		"token, only a name":                {"token", users, "all", `{"name":"ann","password":"correct horse"}`, 401, "unauthorized", ""},
		"token, nonsense":                   {"token", users, "all", `{"token":"nonsense"}`, 401, "unauthorized", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, auth.Options{Mode: tc.mode, Credentials: tc.creds, RelayFor: tc.relayFor})
			resp, a := s.login(tc.body)
			if resp.StatusCode != tc.status || a.Error.Code != tc.code {
				t.Fatalf("got %d %q, want %d %q", resp.StatusCode, a.Error.Code, tc.status, tc.code)
			}
			if tc.status != 200 {
				if len(resp.Cookies()) > 0 || !strings.HasSuffix(a.Error.Message, ".") {
					t.Errorf("cookies %v, message %q", resp.Cookies(), a.Error.Message)
				}
				return
			}
			got := regexp.MustCompile(`g_[a-z2-7]{26}`).ReplaceAllString(quote(a.User), "g_*")
			if got != tc.user {
				t.Errorf("user\n got %s\nwant %s", got, tc.user)
			}
		})
	}
}

func TestLoginAnswer(t *testing.T) {
	for _, secure := range []bool{false, true} {
		s := newSite(t, auth.Options{Secure: secure, SessionTTL: 2 * time.Hour,
			ICE: func(r *http.Request, l auth.Login) (json.RawMessage, time.Duration) {
				return json.RawMessage(`[{"urls":["stun:` + r.Host + `"],"username":"` + l.ID + `"}]`), time.Hour
			}})
		resp, a := s.login(`{"name":"Bob"}`)
		id := s.id(a.Token)
		if want := `[{"urls":["stun:example.com"],"username":"` + id + `"}]`; string(a.ICEServers) != want || a.TTL != 3600 {
			t.Errorf("iceServers %s ttl %d, want %s", a.ICEServers, a.TTL, want)
		}
		if !regexp.MustCompile(`^[a-z2-7]{26}$`).MatchString(id) || a.User.User != "g_"+id {
			t.Errorf("login id %q of user %q", id, a.User.User)
		}
		if want := s.clock.Now().Add(2 * time.Hour); !a.ExpiresAt.Equal(want) {
			t.Errorf("expiresAt %v, want %v", a.ExpiresAt, want)
		}
		if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("headers %v", resp.Header)
		}
		name := "parley"
		if secure {
			name = "__Host-parley"
		}
		c := resp.Cookies()[0]
		if c.Name != name || c.Value != a.Token || !c.HttpOnly || c.Secure != secure || c.Path != "/" ||
			c.SameSite != http.SameSiteStrictMode || c.MaxAge != 7200 || c.Domain != "" {
			t.Errorf("cookie %v", c)
		}
		if again := s.mustLogin(`{"name":"Carl"}`, "Cookie", name+"="+a.Token); s.id(again.Token) == id {
			t.Error("a second sign-in kept the login id of the first")
		}
	}
}

func TestLoginBodies(t *testing.T) {
	s := newSite(t, auth.Options{})
	for name, tc := range map[string]struct {
		kind, body string
		status     int
		code       string
	}{
		"charset":        {"application/json; charset=utf-8", `{"name":"A1","later":{"x":[1]}}`, 200, ""},
		"no type":        {"", `{"name":"A"}`, 415, "bad_message"},
		"a form":         {"application/x-www-form-urlencoded", `name=A`, 415, "bad_message"},
		"plain text":     {"text/plain", `{"name":"A"}`, 415, "bad_message"},
		"empty":          {"application/json", ``, 400, "bad_message"},
		"null":           {"application/json", `null`, 400, "bad_message"},
		"array":          {"application/json", `[{"name":"A"}]`, 400, "bad_message"},
		"number as name": {"application/json", `{"name":7}`, 400, "bad_message"},
		"object token":   {"application/json", `{"token":{}}`, 400, "bad_message"},
		"two objects":    {"application/json", `{"name":"A"}{}`, 400, "bad_message"},
		"half":           {"application/json", `{"name":"A"`, 400, "bad_message"},
		"64 KiB":         {"application/json", `{"name":"A2","x":"` + strings.Repeat("x", 64<<10-20) + `"}`, 200, ""},
		"more":           {"application/json", `{"name":"A","x":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "too_big"},
	} {
		t.Run(name, func(t *testing.T) {
			r := request("POST", "/login", tc.body)
			r.Header.Set("Content-Type", tc.kind)
			w := newRecorder()
			s.web.ServeHTTP(w, r)
			if a := read(t, w.Result()); w.Code != tc.status || a.Error.Code != tc.code {
				t.Errorf("got %d %q, want %d %q", w.Code, a.Error.Code, tc.status, tc.code)
			}
		})
	}
}

func TestMethods(t *testing.T) {
	s := newSite(t, auth.Options{})
	for target, allowed := range map[string]string{"/login": "POST, OPTIONS", "/logout": "POST, OPTIONS", "/me": "GET, OPTIONS"} {
		if resp := s.do("DELETE", target, ""); resp.StatusCode != 405 || resp.Header.Get("Allow") != allowed {
			t.Errorf("DELETE %s: %d, Allow %q", target, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
}

func TestMe(t *testing.T) {
	s := newSite(t, auth.Options{SessionTTL: time.Hour})
	resp := s.do("GET", "/me", "")
	if a := read(t, resp); resp.StatusCode != 401 || a.Error.Code != "unauthorized" {
		t.Errorf("without a login: %d %q", resp.StatusCode, a.Error.Code)
	}
	in := s.mustLogin(`{"name":"Bob"}`)
	for _, header := range []string{"Bearer " + in.Token, "bearer " + in.Token} {
		resp = s.do("GET", "/me", "", "Authorization", header)
		if a := read(t, resp); resp.StatusCode != 200 || quote(a.User) != quote(in.User) || !a.ExpiresAt.Equal(in.ExpiresAt) {
			t.Errorf("GET /me: %d %+v, want %+v", resp.StatusCode, a, in)
		}
	}
	// What another scheme says is not for us: a proxy in front may have its own password.
	for _, header := range []string{"Basic " + in.Token, in.Token} {
		if got := s.do("GET", "/me", "", "Authorization", header).StatusCode; got != 401 {
			t.Errorf("Authorization %.20q without a cookie: %d", header, got)
		}
		if got := s.do("GET", "/me", "", "Authorization", header, "Cookie", "parley="+in.Token).StatusCode; got != 200 {
			t.Errorf("Authorization %.20q hides a good cookie: %d", header, got)
		}
	}
	for _, header := range []string{"Bearer", "Bearer ", "Bearer " + in.Token + "x", "Bearer " + in.Token[:len(in.Token)-1]} {
		if resp := s.do("GET", "/me", "", "Authorization", header, "Cookie", "parley="+in.Token); resp.StatusCode != 401 {
			t.Errorf("Authorization %.20q with a good cookie: %d", header, resp.StatusCode)
		}
	}
	s.clock.Advance(time.Hour - time.Second)
	if got := s.me(in.Token); got != 200 {
		t.Errorf("a second before it expires: %d", got)
	}
	s.clock.Advance(time.Second)
	if got := s.me(in.Token); got != 401 {
		t.Errorf("expired: %d", got)
	}
}

func TestLogout(t *testing.T) {
	var ended []auth.Ended
	s := newSite(t, auth.Options{OnEnd: func(e auth.Ended) { ended = append(ended, e) }})
	for _, headers := range [][]string{nil, {"Authorization", "Bearer nonsense"}, {"Cookie", "parley=nonsense"}} {
		if resp := s.do("POST", "/logout", "", headers...); resp.StatusCode != 204 {
			t.Errorf("POST /logout with %v: %d", headers, resp.StatusCode)
		}
	}
	if len(ended) != 0 {
		t.Fatalf("ended %v without a login", ended)
	}
	one, two := s.mustLogin(`{"name":"Bob"}`), s.mustLogin(`{"name":"Carl"}`)
	id := s.id(one.Token)
	resp := s.do("POST", "/logout", "", "Cookie", "parley="+one.Token)
	if c := resp.Cookies(); resp.StatusCode != 204 || len(c) != 1 || c[0].Name != "parley" || c[0].MaxAge >= 0 {
		t.Errorf("POST /logout: %d, cookies %v", resp.StatusCode, c)
	}
	if len(ended) != 1 || ended[0].Login != id || !s.Ended(id) {
		t.Errorf("ended %v, Ended %v, want %s", ended, s.Ended(id), id)
	}
	if s.me(one.Token) != 401 || s.me(two.Token) != 200 {
		t.Error("the logout ended the wrong login")
	}
	s.mustLogin(`{"name":"Bob"}`) // the name is free at once
}

// Unknown and known names cost the same number of hashes and read the same.
func TestEqualCost(t *testing.T) {
	s := newSite(t, auth.Options{Mode: "users", Credentials: auth.Credentials{Users: accounts()}})
	var texts []string
	for i, body := range []string{`{"name":"ann","password":"wrong"}`, `{"name":"nobody","password":"wrong"}`,
		`{"name":"nobody","password":"` + strings.Repeat("x", 100) + `"}`} {
		_, a := s.login(body)
		texts = append(texts, quote(a.Error))
		if got := s.Snapshot().Hashes; got != uint64(i+1) {
			t.Errorf("%s: %d hashes, want %d", body, got, i+1)
		}
	}
	if texts[0] != texts[1] || texts[1] != texts[2] {
		t.Errorf("the answers differ: %v", texts)
	}
	if n := s.Snapshot().Logins["wrong_credentials"]; n != 3 {
		t.Errorf("counted %d refusals", n)
	}
}

func TestHashingRespectsTheRequest(t *testing.T) {
	s := newSite(t, auth.Options{Mode: "users", Credentials: auth.Credentials{Users: accounts()}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// A request that is gone may still win its slot, but never waits for one.
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			w := newRecorder()
			s.web.ServeHTTP(w, request("POST", "/login", `{"name":"ann","password":"wrong"}`).WithContext(ctx))
			if w.Code == 200 {
				t.Error("signed in")
			}
		})
	}
	wg.Wait()
}
