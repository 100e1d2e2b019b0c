package auth_test

import (
	"errors"
	"testing"
	"time"

	"parley/signaling/auth"
)

const own = "http://example.com" // the Origin of a page of the test server

// The order of protocol.md 3: bearer, hello.token, cookie, hello.name.
func TestHelloOrder(t *testing.T) {
	s := newSite(t, auth.Options{})
	a, b, c := s.mustLogin(`{"name":"A"}`).Token, s.mustLogin(`{"name":"B"}`).Token, s.mustLogin(`{"name":"C"}`).Token
	bearer := []string{"Authorization", "Bearer " + a}
	cookie := []string{"Origin", own, "Cookie", "parley=" + c}
	for name, tc := range map[string]struct {
		token   string
		headers []string
		want    string // name, or code of the refusal
	}{
		"all":                {b, append(bearer, cookie...), "A"},
		"token and cookie":   {b, cookie, "B"},
		"cookie and name":    {"", cookie, "C"},
		"name":               {"", nil, "D"},
		"bad bearer":         {b, append([]string{"Authorization", "Bearer x"}, cookie...), "unauthorized"},
		"bad token":          {"x", cookie, "unauthorized"},
		"bad cookie":         {"", []string{"Origin", own, "Cookie", "parley=x"}, "D"},
		"cookie, no Origin":  {"", cookie[2:], "D"},
		"cookie, cross site": {"", append([]string{"Sec-Fetch-Site", "cross-site"}, cookie...), "D"},
		"one good cookie":    {"", []string{"Origin", own, "Cookie", "parley=x; parley=" + c}, "C"},
		"cookie of TLS":      {"", []string{"Origin", own, "Cookie", "__Host-parley=" + c}, "D"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := s.hello(tc.token, "D", tabKey, tc.headers...)
			if got := l.Name + code(t, err); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
	for _, mode := range []string{"password", "users", "token"} {
		s := newSite(t, auth.Options{Mode: mode, Credentials: auth.Credentials{Password: sharedHash}})
		if _, err := s.hello("", "D", tabKey); code(t, err) != "unauthorized" || !errors.Is(err, auth.ErrNoLogin) {
			t.Errorf("mode %s: a bare name: %v", mode, err)
		}
	}
	if _, err := s.hello("", "", tabKey); code(t, err) != "unauthorized" {
		t.Errorf("nothing at all: %v", err)
	}
	for _, key := range []string{"", "00", tabKey + "00", "zz" + tabKey[2:]} {
		if _, err := s.hello("", "D", key); code(t, err) != "bad_message" {
			t.Errorf("key %q: %v", key, err)
		}
	}
}

func TestAuthorized(t *testing.T) {
	s := newSite(t, auth.Options{})
	invite, _, err := s.Invite(auth.Invite{Name: "Eve", TTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]string{"": "", "Bearer " + s.mustLogin(`{"name":"A"}`).Token: "", "Bearer " + invite: "",
		"Bearer x": "unauthorized", "Bearer": "unauthorized", "Basic eA==": "", "Bearer pi_x": "unauthorized"} {
		r := request("GET", "/ws", "")
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		if got := code(t, s.Authorized(r)); got != want {
			t.Errorf("%.20q: %q, want %q", header, got, want)
		}
	}
}

// Who comes back from the same tab is the same, also after a restart.
func TestHelloIsStable(t *testing.T) {
	s := newSite(t, auth.Options{})
	invite, _, err := s.Invite(auth.Invite{Name: "Eve", Room: "standup", TTL: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"a bare name": "", "an invite": invite} {
		first, err := s.hello(token, "Bob", tabKey)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !first.Guest || first.User.User != "g_"+first.ID || !first.Expires.Equal(s.clock.Now().Add(auth.DefaultSessionTTL)) {
			t.Errorf("%s: %+v", name, first)
		}
		s.clock.Advance(time.Minute)
		s.restart()
		again, err := s.hello(token, "Rob", tabKey)
		if err != nil || again.ID != first.ID || !again.Expires.After(first.Expires) {
			t.Errorf("%s: came back as %+v, %v", name, again, err)
		}
		if other, err := s.hello(token, "Bob", otherKey); err != nil || other.ID == first.ID {
			t.Errorf("%s: another tab is the same: %v", name, err)
		}
		if err := s.EndLogin(first.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := s.hello(token, "Bob", tabKey); code(t, err) != "unauthorized" {
			t.Errorf("%s: ended, and came back: %v", name, err)
		}
	}
	// Over a bearer on the upgrade an invite is the same as in hello.
	a, errA := s.hello(invite, "", otherKey)
	b, errB := s.hello("", "", otherKey, "Authorization", "Bearer "+invite)
	if errA != nil || errB != nil || a.ID != b.ID {
		t.Errorf("%v, %v, %s, %s", errA, errB, a.ID, b.ID)
	}
}
