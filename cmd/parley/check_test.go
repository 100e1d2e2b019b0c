package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is wrong inside the files of [auth] is told beside all else, at the line
// of the key that names the file.
func TestEveryProblemOfTheFilesOfAuth(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("GODEBUG", "rsa1024min=0")
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(weak.Public())
	if err != nil {
		t.Fatal(err)
	}
	write("weak.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	write("short", "too short")
	write("users", "ann:secret:user\n# a comment\nbob\n:x:admin\n")
	write("password", strings.Repeat("x", 73))
	write("x.toml", `[auth]
mode = "password"
password_file = "password"
users_file = "users"
jwt_keys = ["missing", "weak.pem", "short"]
relay_fr = "all"
`)
	want := []string{
		"x.toml:3: auth.password_file: password: The password has more than 72 bytes",
		"x.toml:4: auth.users_file: users:1: this is no bcrypt hash",
		"x.toml:4: auth.users_file: users:3: a line is name:bcrypt:role",
		"x.toml:4: auth.users_file: users:4: the name \"\"",
		"x.toml:5: auth.jwt_keys: missing does not exist",
		"x.toml:5: auth.jwt_keys: short holds 9 bytes",
		"x.toml:5: auth.jwt_keys: weak.pem: this RSA key has fewer than 2048 bits",
		"x.toml:6: auth.relay_fr: unknown key",
	}
	for _, command := range []string{"check", "serve"} {
		code, _, errs := parley(t, dir, "", []string{command, "-config", "x.toml"})
		got := strings.Split(strings.TrimSpace(errs), "\n")
		for i := range max(len(got), len(want)) {
			if code != 1 || i >= len(got) || i >= len(want) || !strings.HasPrefix(got[i], want[i]) {
				t.Fatalf("parley %s: exit %d\n%s\nwant\n%s", command, code, errs, strings.Join(want, "\n"))
			}
		}
	}
}
