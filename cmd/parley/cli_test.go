package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// parley runs one command line in dir, with the environment that follows.
func parley(t *testing.T, dir, stdin string, args []string, env ...string) (code int, out, errs string) {
	t.Helper()
	t.Chdir(dir)
	var o, e bytes.Buffer
	code = run(t.Context(), args, terminal{strings.NewReader(stdin), &o, &e, env})
	return code, o.String(), e.String()
}

func TestCommandLine(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	bad := write("bad.toml", "[http]\nlisten = \"nowhere\"\n\n[relay]\nrelm = \"x\"\ndenied_peers = [\"10.0.0.0/33\"]\n")
	syntax := write("syntax.toml", "[http\n")
	broken := write("users.broken", "ann:secret:user\n")
	contents := write("contents.toml", "[auth]\nmode = \"users\"\nusers_file = \""+broken+"\"\n\n[log]\nlevel = \"loud\"\n")
	long := write("password.long", strings.Repeat("x", 73))
	shared := write("shared.toml", "[auth]\nmode = \"password\"\npassword_file = \""+long+"\"\n")
	good := write("good.toml", "[http]\npublic_url = \"https://call.example.org\"\n")
	for _, c := range []struct {
		name string
		args string
		in   string
		code int
		out  string // contained in standard output
		err  string // contained in standard error
	}{
		{name: "no command", code: 2, err: "Commands:"},
		{name: "help", args: "help", code: 0, out: "serve"},
		{name: "unknown command", args: "sevre", code: 2, err: `no command "sevre"`},
		{name: "unknown flag", args: "serve -port 80", code: 2, err: "-port"},
		{name: "unknown argument", args: "check now", code: 2, err: `"now"`},
		{name: "command help", args: "token -h", code: 0, out: "-ttl"},
		{name: "version", args: "version", code: 0, out: "go1."},
		{name: "check the defaults", args: "check", code: 0, out: "no problem"},
		{name: "check a good file", args: "check -config " + good, code: 0, out: "no problem"},
		{name: "check names file, line and key", args: "check -config " + bad, code: 1, err: bad + ":2: http.listen: "},
		{name: "check names every problem", args: "check -config " + bad, code: 1, err: bad + ":6: relay.denied_peers: "},
		{name: "check guesses a mistyped key", args: "check -config " + bad, code: 1, err: "realm"},
		{name: "check reads the user file", args: "check -config " + contents, code: 1, err: contents + ":3: auth.users_file: " + broken + ":1: "},
		{name: "check tells all the same", args: "check -config " + contents, code: 1, err: contents + ":6: log.level: "},
		{name: "check reads the password", args: "check -config " + shared, code: 1, err: "72 bytes"},
		{name: "serve refuses the same", args: "serve -config " + bad, code: 1, err: bad + ":5: relay.relm: "},
		{name: "check a syntax error", args: "check -config " + syntax, code: 1, err: syntax + ":1: "},
		{name: "check a missing file", args: "check -config " + dir + "/none.toml", code: 1, err: "none.toml"},
		{name: "token without a name", args: "token", code: 2, err: "-name"},
		{name: "token that lives too long", args: "token -name Bob -ttl 169h", code: 2, err: "168h"},
		{name: "token as a link", args: "token -name Bob -room kitchen -config " + good, code: 0, out: "https://call.example.org/r/kitchen#t="},
		{name: "relays of one and the end of another", args: "relays -end X -user ann", code: 2, err: "leave -user out"},
		{name: "user without a verb", args: "user", code: 2, err: "add, passwd, list or remove"},
		{name: "user add without a name", args: "user add", code: 2, err: "user add NAME"},
		{name: "user add", args: "user add ann -role admin -file " + dir + "/users", in: "correct horse\n", code: 0},
		{name: "user add twice", args: "user add Ann -file " + dir + "/users", in: "correct horse\n", code: 1, err: "ann"},
		{name: "user add, password too long", args: "user add bob -file " + dir + "/users", in: strings.Repeat("x", 73) + "\n", code: 1, err: "72"},
		{name: "user list", args: "user list -file " + dir + "/users", code: 0, out: "ann\tadmin"},
		{name: "user passwd", args: "user passwd ann -file " + dir + "/users", in: "battery staple\n", code: 0, err: "SIGHUP"},
		{name: "user passwd with a role", args: "user passwd ann -role user -file " + dir + "/users", in: "battery staple\n", code: 2, err: "-role goes with add"},
		{name: "user list with a role", args: "user list -role admin -file " + dir + "/users", code: 2, err: "-role goes with add"},
		{name: "user remove", args: "user remove ann -file " + dir + "/users", code: 0, err: "SIGHUP"},
		{name: "user remove again", args: "user remove ann -file " + dir + "/users", code: 1, err: "ann"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out, errs := parley(t, dir, c.in, strings.Fields(c.args), "PARLEY_DATA_DIR="+dir+"/data")
			if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(errs, c.err) {
				t.Errorf("parley %s: exit %d\nstdout: %s\nstderr: %s\nwant exit %d, %q, %q", c.args, code, out, errs, c.code, c.out, c.err)
			}
		})
	}
}

func TestSyntaxErrorStandsAlone(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x.toml")
	os.WriteFile(file, []byte("[http]\nlisten = \"nowhere\"\nlisten 5\n"), 0o600)
	code, _, errs := parley(t, dir, "", []string{"check", "-config", file})
	if lines := strings.Count(strings.TrimSpace(errs), "\n") + 1; code != 1 || lines != 1 || !strings.HasPrefix(errs, file+":3: ") {
		t.Errorf("exit %d, %d lines:\n%s", code, lines, errs)
	}
}

func TestTokenWithoutPublicURLIsOneLine(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := parley(t, dir, "", []string{"token", "-name", "Bob"}, "PARLEY_DATA_DIR="+dir+"/data")
	if code != 0 || strings.Count(out, "\n") != 1 || strings.Contains(out, "://") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	info, err := os.Stat(dir + "/data")
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data_dir: %v %v", info.Mode(), err)
	}
}

// The manual names every command and every flag that its usage line has.
func TestManualNamesEveryCommand(t *testing.T) {
	text, err := os.ReadFile(root + "/systemd/parley.1")
	if err != nil {
		t.Fatal(err)
	}
	manual := strings.NewReplacer(`\-`, "-", "\n.B ", "\n").Replace(string(text))
	for _, c := range commands() {
		if !strings.Contains(manual, "parley "+c.name) {
			t.Errorf("the manual has no parley %s", c.name)
		}
		for word := range strings.FieldsFuncSeq(c.usage, func(r rune) bool { return strings.ContainsRune(" []|=", r) }) {
			if strings.HasPrefix(word, "-") && !strings.Contains(manual, word) {
				t.Errorf("the manual does not mention parley %s %s", c.name, word)
			}
		}
	}
}
