package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

const (
	redacted = "REDACTED"
	// maxSecretFile bounds what is read as a secret; the user file of a large
	// community is the largest of them.
	maxSecretFile = 16 << 20
	// credentialPrefix marks a file that systemd hands over (LoadCredential=).
	credentialPrefix = "credential:"
)

// Secret is text that must not be printed: every way of formatting, logging or
// encoding it gives REDACTED. The zero Secret is empty.
type Secret struct {
	text *string // a pointer, so that fmt of a surrounding unexported field shows an address
}

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal is the text itself, for the one place that uses it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String is REDACTED.
func (s Secret) String() string { return redacted }

// GoString is REDACTED.
func (s Secret) GoString() string { return redacted }

// Format writes REDACTED for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue is REDACTED.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is REDACTED, in JSON and TOML too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Path is where the file of a key lies: "credential:NAME" becomes
// $CREDENTIALS_DIRECTORY/NAME, everything else stays as it is.
func (c Config) Path(file string) (string, error) {
	name, isCredential := strings.CutPrefix(file, credentialPrefix)
	switch {
	case !isCredential:
		return file, nil
	case name == "" || name != filepath.Base(name) || name == "." || name == "..":
		return "", fmt.Errorf("%q needs the bare name of a credential, like \"credential:password\"", file)
	case c.CredentialsDir == "":
		return "", fmt.Errorf("%q needs $CREDENTIALS_DIRECTORY, which systemd sets for a unit with LoadCredential=%s:…", file, name)
	}
	return filepath.Join(c.CredentialsDir, name), nil
}

// ReadSecret reads the secret file of a key ("credential:NAME" included): its
// content less one trailing newline. A file that every user of the machine may
// read or write is refused. The error is a sentence without the content and
// wraps fs.ErrNotExist when there is no file.
func (c Config) ReadSecret(file string) (Secret, error) {
	text, err := c.readFile(file, true)
	return NewSecret(text), err
}

// ReadJWTKey reads a file of auth.jwt_keys as ReadSecret does, except that a
// public key in PEM is no secret: every user of the machine may read it.
func (c Config) ReadJWTKey(file string) (Secret, error) {
	text, err := c.readFile(file, false)
	if err != nil || looksLikePEM(text) && !strings.Contains(text, "PRIVATE KEY-----") {
		return NewSecret(text), err
	}
	return c.ReadSecret(file)
}

func looksLikePEM(text string) bool {
	return strings.HasPrefix(strings.TrimSpace(text), "-----BEGIN")
}

// readFile is ReadSecret; with private unset the mode does not matter.
func (c Config) readFile(file string, private bool) (string, error) {
	path, err := c.Path(file)
	if err != nil {
		return "", err
	}
	f, err := os.Open(path)
	if err != nil {
		return "", fileError{path, err}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fileError{path, err}
	}
	if info.IsDir() {
		return "", fmt.Errorf("%s is a directory", path)
	}
	// systemd keeps credentials in a directory that is the service's alone.
	if private && !strings.HasPrefix(file, credentialPrefix) && info.Mode().Perm()&0o007 != 0 {
		return "", fmt.Errorf("%s holds a secret and is open to every user of this machine; run: chmod o= %s", path, path)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", fileError{path, err}
	}
	if len(data) > maxSecretFile {
		return "", fmt.Errorf("%s is larger than %d MiB", path, maxSecretFile>>20)
	}
	text := strings.TrimSuffix(string(data), "\n")
	return strings.TrimSuffix(text, "\r"), nil
}

// fileError says in words why a file cannot be read.
type fileError struct {
	path string
	err  error
}

func (e fileError) Unwrap() error { return e.err }

func (e fileError) Error() string {
	switch {
	case errors.Is(e.err, fs.ErrNotExist):
		return e.path + " does not exist"
	case errors.Is(e.err, fs.ErrPermission):
		return e.path + " cannot be read by this user; give its group to the one that runs parley"
	}
	return e.path + " cannot be read: " + reason(e.err)
}
