package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"parley/cmd/internal/config"
)

// A public key is usually there for everyone to read, and a file that belongs
// to another mode may be missing: neither stops the start.
func TestFilesThatDoNotStopTheStart(t *testing.T) {
	dir := t.TempDir()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "app.pub")
	if err := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	p := start(t, func(c *config.Config) {
		c.Auth.JWTKeys = []string{key}
		c.Auth.UsersFile, c.Auth.PasswordFile = filepath.Join(dir, "users"), filepath.Join(dir, "password")
	})
	p.signIn("Ann")
}

func TestRetryIsSaidWhereWaitingHelps(t *testing.T) {
	for _, c := range []struct {
		status int
		retry  time.Duration
		ms     any
		after  string
	}{
		{http.StatusForbidden, 0, nil, ""},
		{http.StatusUnauthorized, time.Second, nil, ""},
		{http.StatusTooManyRequests, 1500 * time.Millisecond, 1500.0, "2"},
		{http.StatusServiceUnavailable, 0, 1000.0, "1"},
	} {
		w := httptest.NewRecorder()
		refuse(w, c.status, "code", "Message.", c.retry)
		var body map[string]map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if got := body["error"]["retry_ms"]; got != c.ms || w.Header().Get("Retry-After") != c.after {
			t.Errorf("%d after %v: retry_ms %v, Retry-After %q", c.status, c.retry, got, w.Header().Get("Retry-After"))
		}
	}
}
