package auth_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"parley/signaling/auth"
)

func TestRestartForgetsNobody(t *testing.T) {
	s := newSite(t, auth.Options{Mode: "open", Credentials: auth.Credentials{Users: accounts()}})
	kept, gone := s.mustLogin(`{"name":"Bob"}`), s.mustLogin(`{"name":"Carl"}`)
	ann := s.mustLogin(`{"name":"ann","password":"correct horse"}`)
	ids := []string{s.id(kept.Token), s.id(gone.Token), s.id(ann.Token)}
	s.do("POST", "/logout", "", "Authorization", "Bearer "+gone.Token)
	s.restart()
	if s.me(kept.Token) != 200 || s.id(kept.Token) != ids[0] {
		t.Error("a login was lost")
	}
	if s.me(gone.Token) != 401 || !s.Ended(ids[1]) {
		t.Error("an ended login came back")
	}
	// The server has not met Ann since it started, and ends her all the same.
	if err := s.EndUser("u_ann"); err != nil {
		t.Fatal(err)
	}
	s.restart()
	if !s.Ended(ids[2]) || s.me(ann.Token) != 401 || s.Ended(ids[0]) {
		t.Errorf("Ended: %v, %v, %v", s.Ended(ids[0]), s.Ended(ids[1]), s.Ended(ids[2]))
	}
	// When login and credential would have expired, the list forgets them.
	s.clock.Advance(auth.DefaultSessionTTL + auth.DefaultCredentialTTL + time.Second)
	s.restart()
	if s.Ended(ids[1]) || s.Ended(ids[2]) {
		t.Error("the list keeps what has expired")
	}
	if data, _ := os.ReadFile(filepath.Join(s.opts.DataDir, "ended")); len(data) != 0 {
		t.Errorf("the file keeps %q", data)
	}
}

func TestEndUser(t *testing.T) {
	var ended []auth.Ended
	s := newSite(t, auth.Options{Mode: "users", Credentials: auth.Credentials{Users: accounts()},
		OnEnd: func(e auth.Ended) { ended = append(ended, e) }})
	const ann = `{"name":"ann","password":"correct horse"}`
	one, two := s.mustLogin(ann), s.mustLogin(ann)
	root := s.mustLogin(`{"name":"root","password":"battery staple"}`)
	a, b, c := s.id(one.Token), s.id(two.Token), s.id(root.Token)
	if a == b {
		t.Fatal("two logins share an id")
	}
	if err := s.EndUser("u_ann"); err != nil {
		t.Fatal(err)
	}
	if !s.Ended(a) || !s.Ended(b) || s.Ended(c) {
		t.Errorf("Ended: %v %v %v", s.Ended(a), s.Ended(b), s.Ended(c))
	}
	if s.me(one.Token) != 401 || s.me(two.Token) != 401 || s.me(root.Token) != 200 {
		t.Error("the wrong logins were ended")
	}
	if len(ended) != 1 || ended[0] != (auth.Ended{User: "u_ann"}) {
		t.Errorf("OnEnd heard %v", ended)
	}
	// She may sign in again in the same moment; another end covers that too.
	again := s.mustLogin(ann)
	if s.me(again.Token) != 200 {
		t.Fatal("the new login is ended too")
	}
	if err := s.EndUser("u_ann"); err != nil {
		t.Fatal(err)
	}
	if s.me(again.Token) != 401 {
		t.Error("the second end missed the new login")
	}
}

func TestEndGuest(t *testing.T) {
	s := newSite(t, auth.Options{})
	one, two := s.mustLogin(`{"name":"Bob"}`), s.mustLogin(`{"name":"Carl"}`)
	if err := s.EndUser(one.User.User); err != nil {
		t.Fatal(err)
	}
	if err := s.EndLogin(s.id(two.Token)); err != nil {
		t.Fatal(err)
	}
	if s.me(one.Token) != 401 || s.me(two.Token) != 401 {
		t.Error("a guest was not ended")
	}
	for _, bad := range []string{"", "ann", "u_", "g_x", "u_a b", "u_a\nlogin x 1", "u_" + strings.Repeat("x", 200)} {
		if got := code(t, s.EndUser(bad)); got != "not_found" {
			t.Errorf("EndUser(%q): %q", bad, got)
		}
	}
	if got := code(t, s.EndLogin("x 1\n")); got != "not_found" {
		t.Errorf("EndLogin: %q", got)
	}
}

func TestEndedFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ended")
	id := strings.Repeat("a", 26)
	// A line without its newline was being written when the power failed.
	os.WriteFile(path, []byte("login "+id+" 1900000000\nlogin "+strings.Repeat("b", 26)+" 19000"), 0o600)
	s := newSite(t, auth.Options{DataDir: dir})
	if !s.Ended(id) || s.Ended(strings.Repeat("b", 26)) {
		t.Error("the half line counts, or the whole one does not")
	}
	s.EndLogin(strings.Repeat("c", 26))
	s.restart()
	if !s.Ended(id) || !s.Ended(strings.Repeat("c", 26)) {
		t.Error("a line was lost")
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	s.Close()
	os.WriteFile(path, []byte("login "+id+" 1900000000\nnonsense\n"), 0o600)
	if _, err := auth.New(s.opts); err == nil || !strings.Contains(err.Error(), "ended:2:") {
		t.Errorf("a damaged list: %v", err)
	}
}

// The file does not grow with what has expired.
func TestEndedFileIsWrittenAnew(t *testing.T) {
	s := newSite(t, auth.Options{SessionTTL: time.Second, CredentialTTL: time.Second})
	for i := range 2500 {
		if err := s.EndLogin(idOf(i)); err != nil {
			t.Fatal(err)
		}
		s.clock.Advance(time.Second)
	}
	data, _ := os.ReadFile(filepath.Join(s.opts.DataDir, "ended"))
	if n := strings.Count(string(data), "\n"); n > 1100 {
		t.Errorf("%d lines for 3 logins", n)
	}
}

func idOf(i int) string {
	b := []byte(strings.Repeat("a", 26))
	for p := 25; i > 0; p, i = p-1, i/26 {
		b[p] = byte('a' + i%26)
	}
	return string(b)
}

func TestSessionKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := newSite(t, auth.Options{DataDir: dir})
	path := filepath.Join(dir, "session-key")
	for p, want := range map[string]os.FileMode{dir: 0o700, path: 0o600} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", p, info.Mode(), err)
		}
	}
	token := s.mustLogin(`{"name":"Bob"}`).Token

	// A rotated key: the new one seals, the old one opens.
	old, _ := os.ReadFile(path)
	os.WriteFile(path, append([]byte(strings.Repeat("0f", 32)+"\n"), old...), 0o600)
	s.restart()
	next := s.mustLogin(`{"name":"Carl"}`).Token
	if s.me(token) != 200 || s.me(next) != 200 {
		t.Error("a rotation signed somebody out")
	}
	os.WriteFile(path, []byte(strings.Repeat("0f", 32)+"\n"), 0o600)
	s.restart()
	if s.me(token) != 401 || s.me(next) != 200 {
		t.Error("the old key still opens, or the new one does not")
	}

	for name, tc := range map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"readable by others": {strings.Repeat("0f", 32), 0o604, "chmod 600"},
		"short":              {"0f0f", 0o600, "session-key:1:"},
		"empty":              {"", 0o600, "session-key:1:"},
		"no hex":             {strings.Repeat("0f", 32) + "\n" + strings.Repeat("xy", 32), 0o600, "session-key:2:"},
	} {
		os.WriteFile(path, []byte(tc.content), 0o600)
		os.Chmod(path, tc.mode)
		if _, err := auth.New(s.opts); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Servers that start at the same time agree on the key.
func TestSessionKeyIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	tokens := make(chan string, 8)
	for range cap(tokens) {
		go func() {
			token, _, err := auth.NewInvite(dir, auth.Invite{Name: "Bob", TTL: time.Hour})
			if err != nil {
				t.Error(err)
			}
			tokens <- token
		}()
	}
	s := newSite(t, auth.Options{DataDir: dir, Now: time.Now})
	for range cap(tokens) {
		if l, err := s.hello(<-tokens, "", tabKey); err != nil || l.Name != "Bob" {
			t.Errorf("%+v, %v", l, err)
		}
	}
}
