package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// allowed says what each package may import beside the standard library. A
// package that is not listed fails, and so does an import that is not: the
// design is that packages do not know each other.
func allowed() map[string][]string {
	return map[string][]string{
		"cmd/parley": {"parley/cmd/internal/", "parley/relay", "parley/signaling", "parley/signaling/auth", "parley/web",
			"golang.org/x/term", "rsc.io/qr"},
		// loadgen speaks both protocols as a client and sends by raw system calls, so that it costs less than what it measures
		"cmd/loadgen":          {"github.com/gorilla/websocket", "github.com/pion/turn/v4", "github.com/pion/stun/v3", "golang.org/x/sys/"},
		"cmd/internal/config":  {"github.com/BurntSushi/toml"},
		"cmd/internal/listen":  {},
		"cmd/internal/systemd": {},
		"cmd/internal/certs":   {"golang.org/x/crypto/acme"},
		"cmd/internal/admin":   {"github.com/prometheus/client_golang/"},
		"cmd/internal/doctor":  {"github.com/gorilla/websocket", "github.com/pion/turn/v4", "github.com/pion/stun/v3"},
		"signaling":            {"github.com/gorilla/websocket"},
		"signaling/auth":       {"golang.org/x/crypto/bcrypt", "github.com/golang-jwt/jwt/v5", "golang.org/x/text/secure/precis"},
		"relay":                {"parley/relay/dataplane", "github.com/pion/turn/v4", "github.com/pion/stun/v3"},
		"relay/dataplane":      {"golang.org/x/net/", "golang.org/x/sys/"},
		"web":                  {},
	}
}

// extraForTests is what the tests of a package may use on top: clients, and
// what makes a terminal.
func extraForTests() map[string][]string {
	return map[string][]string{
		"cmd/parley": {"github.com/gorilla/websocket", "github.com/pion/turn/v4", "github.com/pion/stun/v3", "golang.org/x/sys/unix"},
		"relay":      {"github.com/pion/logging", "github.com/pion/transport/v4/"},
	}
}

func TestImports(t *testing.T) {
	rules := allowed()
	eachGoFile(t, func(file string) {
		pkg := path.Dir(file)
		rule, ok := rules[pkg]
		if !ok {
			t.Errorf("%s: package %s is not in the table of allowed imports", file, pkg)
			return
		}
		if strings.HasSuffix(file, "_test.go") {
			rule = append(slices.Clone(rule), append(extraForTests()[pkg], "parley/"+pkg)...)
		}
		for _, imp := range imports(t, file) {
			if !standard(imp) && !slices.ContainsFunc(rule, func(a string) bool { return permits(a, imp) }) {
				t.Errorf("%s imports %s, which %s may not", file, imp, pkg)
			}
		}
	})
	for _, pkg := range slices.Sorted(maps.Keys(rules)) {
		if pkg == "cmd/loadgen" {
			continue
		}
		if found, _ := filepath.Glob(filepath.Join(root, pkg, "*.go")); len(found) == 0 {
			t.Errorf("package %s is in the table and not in the tree", pkg)
		}
	}
}

func permits(rule, imp string) bool {
	return imp == rule || strings.HasPrefix(imp, strings.TrimSuffix(rule, "/")+"/") && !strings.HasPrefix(rule, "parley/") ||
		strings.HasSuffix(rule, "/") && strings.HasPrefix(imp, rule)
}

func standard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".") && first != "parley"
}

func eachGoFile(t *testing.T, visit func(file string)) {
	t.Helper()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(p, ".go") {
			rel, err := filepath.Rel(root, p)
			if err != nil {
				return err
			}
			visit(filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, i := range f.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		out = append(out, p)
	}
	return out
}
