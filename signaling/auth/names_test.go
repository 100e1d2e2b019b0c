package auth_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"parley/signaling/auth"
)

func TestNames(t *testing.T) {
	s := newSite(t, auth.Options{})
	for raw, want := range map[string]string{
		"Ann":                              "Ann",
		"  Ann   B. ":                      "Ann B.",
		"Jürgen":                           "Jürgen",
		"Ju\u0308rgen 2":                   "Jürgen 2",
		"王小明":                              "王小明",
		"🦊":                                "🦊",
		strings.Repeat("ä", 32):            strings.Repeat("ä", 32),
		strings.Repeat("ä", 33):            "",
		"":                                 "",
		"   ":                              "",
		"a\x00b":                           "",
		"a\nb":                             "",
		"a\tb":                             "",
		"a\u200bb":                         "", // zero width space
		"a\u202eb":                         "", // right-to-left override
		"a\ufeffb":                         "",
		"a\u00adb":                         "", // soft hyphen
		"a\ufffdb":                         "",
		"a\xffb":                           "",
		strings.Repeat("x", 1<<10):         "",
		"x" + strings.Repeat("\u0301", 40): "",
	} {
		l, err := s.hello("", raw, tabKey)
		if want == "" && raw != "" && code(t, err) != "bad_name" || l.Name != want {
			t.Errorf("%q: %q, %v; want %q", raw, l.Name, err, want)
		}
	}
	for _, pair := range [][2]string{{"Ann", "aNN"}, {"Ann B", " ann  b"}, {"ﬁn", "FIN"}, {"Ａ", "a"}, {"Jürgen", "JU\u0308RGEN"}} {
		if !auth.SameName(pair[0], pair[1]) {
			t.Errorf("%q and %q are not the same", pair[0], pair[1])
		}
	}
	if auth.SameName("Ann", "Anne") || auth.SameName("\x00", "\x00") {
		t.Error("different names are the same")
	}
}

func FuzzName(f *testing.F) {
	s, err := auth.New(auth.Options{Mode: "open", DataDir: f.TempDir()})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	for _, seed := range []string{"Ann", " A  b ", "Ｊü", "a\u202e", "\u1e9e", "x\u0301\u0327", "ﷺ"} {
		f.Add(seed)
	}
	r := request("GET", "/ws", "")
	f.Fuzz(func(t *testing.T, raw string) {
		l, err := s.IdentifyHello(r, "", raw, tabKey)
		if err != nil {
			return
		}
		n := utf8.RuneCountInString(l.Name)
		if n < 1 || n > 32 || !utf8.ValidString(l.Name) || strings.TrimSpace(l.Name) != l.Name || strings.ContainsFunc(l.Name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
			t.Errorf("%q became %q", raw, l.Name)
		}
		again, err := s.IdentifyHello(r, "", l.Name, tabKey)
		if err != nil || again.Name != l.Name || !auth.SameName(raw, l.Name) {
			t.Errorf("%q is not stable: %q, %v", l.Name, again.Name, err)
		}
	})
}

// A guest's name is reserved after sign-in, while a session lives, and for a
// while after the last one.
func TestNameReservation(t *testing.T) {
	const hold = time.Minute
	s := newSite(t, auth.Options{NameHold: hold})
	taken := func(want bool) {
		t.Helper()
		l, err := s.hello("", "BOB", otherKey)
		if err != nil {
			t.Fatal(err)
		}
		if err = s.HoldName(l); err == nil {
			s.ReleaseName(l)
		}
		if got := err != nil; got != want || got && code(t, err) != "name_taken" {
			t.Errorf("taken: %v (%v), want %v", got, err, want)
		}
	}
	a := s.mustLogin(`{"name":"Bob"}`)
	bob, err := s.Identify(request("GET", "/me", "", "Authorization", "Bearer "+a.Token))
	if err != nil {
		t.Fatal(err)
	}
	if resp, b := s.login(`{"name":" bob "}`); resp.StatusCode != 409 || b.Error.Code != "name_taken" {
		t.Errorf("signed in under a reserved name: %d", resp.StatusCode)
	}
	taken(true)
	s.clock.Advance(hold - time.Second)
	for range 2 { // two tabs
		if err := s.HoldName(bob); err != nil {
			t.Fatal(err)
		}
	}
	s.clock.Advance(10 * hold)
	taken(true)
	s.ReleaseName(bob)
	s.clock.Advance(10 * hold)
	taken(true)
	s.ReleaseName(bob)
	s.ReleaseName(bob) // once too often does no harm
	s.clock.Advance(hold - time.Second)
	taken(true)
	if err := s.HoldName(bob); err != nil {
		t.Errorf("its own holder: %v", err)
	}
	s.ReleaseName(bob)
	s.clock.Advance(hold)
	taken(false)
	if err := s.HoldName(bob); code(t, err) != "name_taken" {
		t.Errorf("the holder comes back too late: %v", err)
	}
}

// The same browser signs in again: the name is its own.
func TestSignInAgain(t *testing.T) {
	s := newSite(t, auth.Options{})
	a := s.mustLogin(`{"name":"Bob"}`)
	b := s.mustLogin(`{"name":"Bob"}`, "Cookie", "parley="+a.Token)
	if a.User.User == b.User.User {
		t.Error("the second sign-in is the same user")
	}
	if resp, _ := s.login(`{"name":"Bob"}`, "Cookie", "parley="+a.Token); resp.StatusCode != 409 {
		t.Errorf("with the cookie before the last: %d", resp.StatusCode)
	}
	// The token of a login gives that login once more.
	if c := s.mustLogin(`{"token":"` + b.Token + `"}`); s.id(c.Token) != s.id(b.Token) {
		t.Error("the token gave another login")
	}
}

func TestRename(t *testing.T) {
	s := newSite(t, auth.Options{Credentials: auth.Credentials{Users: accounts()}})
	bob, _ := s.hello("", "Bob", tabKey)
	eve, _ := s.hello("", "Eve", otherKey)
	for _, l := range []auth.Login{bob, eve} {
		if err := s.HoldName(l); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"EVE": "name_taken", "ann": "name_taken", "\x00": "bad_name", "": "bad_name"} {
		if l, err := s.Rename(bob, name); code(t, err) != want || l.Name != "Bob" {
			t.Errorf("%q: %v", name, err)
		}
	}
	next, err := s.Rename(bob, " Bob  B.")
	if err != nil || next.Name != "Bob B." || next.ID != bob.ID {
		t.Fatalf("%+v, %v", next, err)
	}
	if _, err := s.Rename(eve, "bob b."); code(t, err) != "name_taken" {
		t.Errorf("the new name is free: %v", err)
	}
	if again, err := s.Rename(next, "bob B."); err != nil || again.Name != "bob B." {
		t.Errorf("only the spelling: %+v, %v", again, err)
	}
	s.clock.Advance(time.Hour)
	if _, err := s.Rename(eve, "Bob"); err != nil {
		t.Errorf("the old name stays taken: %v", err)
	}
	if _, err := s.Rename(next, "x"); err != nil {
		t.Error(err)
	}
}

// An account has its name whoever else does; a guest never gets an account's.
func TestAccountNames(t *testing.T) {
	s := newSite(t, auth.Options{Credentials: auth.Credentials{Users: accounts()}})
	ann := auth.Login{User: auth.User{User: "u_other", Name: "Bob"}}
	bob, _ := s.hello("", "Bob", tabKey)
	if err := s.HoldName(bob); err != nil {
		t.Fatal(err)
	}
	if err := s.HoldName(ann); err != nil {
		t.Errorf("an account was refused its name: %v", err)
	}
	s.ReleaseName(bob)
	s.clock.Advance(time.Hour)
	if err := s.HoldName(bob); code(t, err) != "name_taken" {
		t.Errorf("the guest took the account's name: %v", err)
	}
	for _, name := range []string{"ann", " ＡＮＮ "} {
		if _, err := s.hello("", name, tabKey); code(t, err) != "name_taken" {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, want := range map[string]string{"ANN": "u_ann", "root": "u_root", "Bob": "", "\x00": ""} {
		if user, ok := s.UserExists(name); user != want || ok != (want != "") {
			t.Errorf("UserExists(%q) = %q, %v", name, user, ok)
		}
	}
}

func TestText(t *testing.T) {
	long := strings.Repeat("x", 100)
	for raw, want := range map[string]string{" Need  help ": "Need help", long: long, "a\nb": "", "a\u202eb": "", "\xff": "", strings.Repeat("x", 4096): ""} {
		got, err := auth.Text(raw)
		if got != want || want == "" && code(t, err) != "bad_message" {
			t.Errorf("%.20q: %.20q, %v", raw, got, err)
		}
	}
	if auth.NameKey(" ANN ") != auth.NameKey("ann") || auth.NameKey("\x00") != "" {
		t.Error("NameKey is no comparison form")
	}
}
