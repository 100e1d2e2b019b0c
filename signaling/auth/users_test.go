package auth_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"parley/signaling/auth"
)

func TestParseUsers(t *testing.T) {
	good := "# staff\r\n\nAnn:" + annHash + ":user\n  \nRoot Two:" + rootHash + ":admin"
	got, err := auth.ParseUsers("users", []byte(good))
	want := []auth.Account{{Name: "Ann", Hash: annHash, Role: "user"}, {Name: "Root Two", Hash: rootHash, Role: "admin"}}
	if err != nil || quote(got) != quote(want) {
		t.Errorf("%v, %v", got, err)
	}
	cheap, err := bcrypt.GenerateFromPassword([]byte("x"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ line, want string }{
		"two fields":  {"bob:" + annHash, "2 fields"},
		"four fields": {"bob:" + annHash + ":user:x", "4 fields"},
		"plain text":  {"bob:secret:user", "no bcrypt hash"},
		"low cost":    {"bob:" + string(cheap) + ":user", "cost is 4"},
		"high cost":   {"bob:" + strings.Replace(annHash, "$10$", "$20$", 1) + ":user", "cost is 20"},
		"role":        {"bob:" + annHash + ":root", "role"},
		"no name":     {":" + annHash + ":user", "name"},
		"bad name":    {"b\x01b:" + annHash + ":user", "name"},
		"twice":       {"ＡＮＮ:" + annHash + ":user", "twice"},
	} {
		_, err := auth.ParseUsers("/etc/users", []byte("# c\nAnn:"+annHash+":user\n"+tc.line+"\n"))
		if err == nil || !strings.HasPrefix(err.Error(), "/etc/users:3: ") || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "$") {
			t.Errorf("%s: the error shows a hash: %v", name, err)
		}
	}
}

func TestEveryBadLineIsNamed(t *testing.T) {
	_, err := auth.ParseUsers("users", []byte("bob\nAnn:"+annHash+":user\nann:"+annHash+":user\n:::\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 2 || !strings.Contains(err.Error(), "\nusers:3: ") || !strings.Contains(err.Error(), "\nusers:4: ") {
		t.Errorf("%v", err)
	}
}

func TestEditUsers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	steps := []struct {
		what string
		do   func() error
		want string // "" is success
	}{
		{"remove from nothing", func() error { return auth.RemoveUser(path, "ann") }, "no such file"},
		{"add", func() error { return auth.AddUser(path, "Bob", "a password", "admin") }, ""},
		{"add twice", func() error { return auth.AddUser(path, "BOB", "a password", "user") }, "already"},
		{"colon", func() error { return auth.AddUser(path, "a:b", "a password", "user") }, "colon"},
		{"comment", func() error { return auth.AddUser(path, "#a", "a password", "user") }, "#"},
		{"role", func() error { return auth.AddUser(path, "carl", "a password", "root") }, "role"},
		{"empty", func() error { return auth.SetPassword(path, "bob", "") }, "empty"},
		{"73 bytes", func() error { return auth.SetPassword(path, "bob", strings.Repeat("ä", 36)+"x") }, "72 bytes"},
		{"nobody", func() error { return auth.SetPassword(path, "eve", "a password") }, "no account"},
	}
	for _, s := range steps {
		err := s.do()
		if s.want == "" && err != nil || s.want != "" && (err == nil || !strings.Contains(err.Error(), s.want)) {
			t.Fatalf("%s: %v", s.what, err)
		}
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	added, err := auth.LoadUsers(path)
	if err != nil || len(added) != 1 || added[0].Name != "Bob" || added[0].Role != "admin" {
		t.Fatalf("%v, %v", added, err)
	}
	if cost, _ := bcrypt.Cost([]byte(added[0].Hash)); cost < 10 {
		t.Errorf("cost %d", cost)
	}
	if bcrypt.CompareHashAndPassword([]byte(added[0].Hash), []byte("a password")) != nil {
		t.Error("the hash is of another password")
	}

	// Comments, blank lines and order survive every edit.
	os.WriteFile(path, []byte("# staff\n\nann:"+annHash+":user\n# the boss\nRoot:"+rootHash+":admin\n"), 0o644)
	if err := auth.SetRole(path, "ROOT", "user"); err != nil {
		t.Fatal(err)
	}
	if err := auth.RemoveUser(path, "Ann"); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(path)
	if want := "# staff\n\n# the boss\nRoot:" + rootHash + ":user\n"; string(data) != want {
		t.Errorf("got %q, want %q", data, want)
	}
	if info, _ := os.Stat(path); info.Mode().Perm()&0o007 != 0 {
		t.Errorf("others may read it: %v", info.Mode())
	}
	entries, _ := os.ReadDir(filepath.Dir(path))
	if len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestReload(t *testing.T) {
	var ended []auth.Ended
	s := newSite(t, auth.Options{Mode: "users", Credentials: auth.Credentials{Users: accounts()},
		OnEnd: func(e auth.Ended) { ended = append(ended, e) }})
	ann := s.mustLogin(`{"name":"ann","password":"correct horse"}`).Token
	root := s.mustLogin(`{"name":"root","password":"battery staple"}`).Token

	if err := s.Reload(auth.Credentials{Users: []auth.Account{{Name: "x", Hash: "x", Role: "user"}}}); err == nil || s.me(ann) != 200 {
		t.Errorf("a bad file was taken: %v", err)
	}
	if err := s.Reload(auth.Credentials{Users: accounts()}); err != nil || s.me(ann) != 200 || len(ended) != 0 {
		t.Errorf("the same file ended somebody: %v, %v", err, ended)
	}
	// Ann is gone, Root is no admin any more.
	changed := accounts()[1:]
	changed[0].Role = "user"
	if err := s.Reload(auth.Credentials{Users: changed}); err != nil {
		t.Fatal(err)
	}
	if s.me(ann) != 401 || s.me(root) != 401 || len(ended) != 2 {
		t.Errorf("ann %d, root %d, ended %v", s.me(ann), s.me(root), ended)
	}
	if a := s.mustLogin(`{"name":"root","password":"battery staple"}`); len(a.User.Roles) != 1 {
		t.Errorf("%+v", a.User)
	}
	if _, ok := s.UserExists("ann"); ok {
		t.Error("Ann is still there")
	}
}

// What was changed while the server was down counts as well.
func TestChangesWhileDown(t *testing.T) {
	s := newSite(t, auth.Options{Mode: "open", Credentials: auth.Credentials{Users: accounts()}})
	guest := s.mustLogin(`{"name":"Bob"}`).Token
	ann := s.mustLogin(`{"name":"ann","password":"correct horse"}`).Token
	s.opts.Mode = "users"
	s.restart()
	if s.me(guest) != 401 || s.me(ann) != 200 {
		t.Errorf("mode users: guest %d, account %d", s.me(guest), s.me(ann))
	}
	s.opts.Credentials.Users = accounts()[1:]
	s.restart()
	if s.me(ann) != 401 {
		t.Errorf("a removed account: %d", s.me(ann))
	}
}

func TestSharedPassword(t *testing.T) {
	for _, password := range []string{shared, sharedHash} {
		s := newSite(t, auth.Options{Mode: "password", Credentials: auth.Credentials{Password: password}})
		token := s.mustLogin(`{"name":"Bob","password":"shared secret"}`).Token
		s.restart()
		if s.me(token) != 200 {
			t.Error("a restart with the same password ended the login")
		}
		s.opts.Credentials.Password = rootHash
		s.restart()
		if s.me(token) != 401 {
			t.Error("the login outlived the password")
		}
	}
	for name, bad := range map[string]string{"none": "", "73 bytes": strings.Repeat("x", 73), "low cost": "$2a$04$" + sharedHash[7:]} {
		_, err := auth.New(auth.Options{Mode: "password", DataDir: t.TempDir(), Credentials: auth.Credentials{Password: bad}})
		if err == nil || !strings.Contains(err.Error(), "password_file") || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]auth.Options{
		"no mode":      {DataDir: t.TempDir()},
		"mode":         {Mode: "closed", DataDir: t.TempDir()},
		"relay_for":    {Mode: "open", RelayFor: "friends", DataDir: t.TempDir()},
		"no directory": {Mode: "open"},
	} {
		if _, err := auth.New(o); err == nil {
			t.Errorf("%s: started", name)
		}
	}
}
