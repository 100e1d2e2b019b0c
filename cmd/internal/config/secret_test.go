package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestOnlyPublicKeysMayBeOpenToEveryUser(t *testing.T) {
	_, private, public := pair(t)
	dir := t.TempDir()
	for _, c := range []struct {
		name, text string
		fine       bool
	}{
		{"public.pem", string(public), true},
		{"private.pem", private, false},
		{"secret", strings.Repeat("s", 32), false},
	} {
		path := write(t, filepath.Join(dir, c.name), c.text, 0o644)
		key, err := Config{}.ReadJWTKey(path)
		if c.fine != (err == nil) || c.fine && key.Reveal() != strings.TrimSuffix(c.text, "\n") {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	const text = "correct horse"
	s := NewSecret(text)
	type holder struct {
		Open   Secret
		hidden Secret
	}
	var out bytes.Buffer
	for _, v := range []any{s, &s, holder{s, s}, &holder{s, s}, []Secret{s}, map[string]Secret{"k": s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%T", "%10s"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		for _, log := range []*slog.Logger{slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))} {
			log.Info("A message", "value", v)
		}
		_ = json.NewEncoder(&out).Encode(v)
	}
	_ = toml.NewEncoder(&out).Encode(holder{Open: s})
	for _, leak := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%X", text)} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("the secret was printed:\n%s", out.String())
		}
	}
	if n := strings.Count(out.String(), redacted); n < 40 {
		t.Errorf("REDACTED was printed %d times only", n)
	}
	if s.Reveal() != text || (Secret{}).Reveal() != "" {
		t.Error("Reveal gives something else than the text")
	}
}

func TestReadSecretDropsOneNewline(t *testing.T) {
	dir := t.TempDir()
	for content, want := range map[string]string{"a": "a", "a\n": "a", "a\r\n": "a", "a\n\n": "a\n", " a ": " a ", "": ""} {
		s, err := Config{}.ReadSecret(write(t, filepath.Join(dir, "s"), content, 0o600))
		if err != nil || s.Reveal() != want {
			t.Errorf("%q gives %q, %v", content, s.Reveal(), err)
		}
	}
}

func TestReadSecretRefusesWhatEveryoneMayRead(t *testing.T) {
	for mode, fine := range map[uint32]bool{0o600: true, 0o640: true, 0o660: true, 0o604: false, 0o602: false, 0o644: false, 0o666: false} {
		path := write(t, filepath.Join(t.TempDir(), "s"), "text", 0o600)
		chmod(t, path, mode)
		s, err := Config{}.ReadSecret(path)
		if (err == nil) != fine {
			t.Errorf("mode %o gives %v", mode, err)
		}
		if err != nil && s.Reveal() != "" {
			t.Errorf("mode %o hands out the secret beside the error", mode)
		}
	}
}
