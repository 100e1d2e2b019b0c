package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	keyFile   = "session-key"
	keyBytes  = 32
	maxKeys   = 8    // more than a rotation ever needs; each is tried on every token
	othersMay = 0o07 // permission bits of people who are neither owner nor group
)

// sessionKey is one line of data_dir/session-key, split for its three uses.
type sessionKey struct {
	seal cipher.AEAD  // logins and invites
	id   cipher.Block // login ids of accounts
	mac  []byte       // ids that are derived instead of drawn
}

// keyring is what data_dir/session-key holds: the first key seals, all open, so
// that a new one can be put on top and the old one removed a session_ttl later.
type keyring []sessionKey

// loadKeys reads the session key and makes it, with the directory, when there
// is none.
func loadKeys(dir string) (keyring, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("failed to make the data directory: %w", err)
	}
	path := filepath.Join(dir, keyFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		secret := make([]byte, keyBytes)
		rand.Read(secret)
		if err := createFile(path, []byte(hex.EncodeToString(secret)+"\n")); err != nil {
			return nil, err
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("failed to read the session key: %w", err)
	}
	if info.Mode().Perm()&othersMay != 0 {
		return nil, fmt.Errorf("%s can be read by others: run chmod 600 %s, or remove it to sign everybody out", path, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("failed to read the session key: %w", err)
	}
	return parseKeys(path, string(data))
}

func parseKeys(path, data string) (keyring, error) {
	var ring keyring
	for i, line := range strings.Split(strings.TrimSpace(data), "\n") {
		secret, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil || len(secret) != keyBytes || i == maxKeys {
			return nil, fmt.Errorf("%s:%d: a session key is 64 hex digits, at most %d of them: correct the line, or remove the file to sign everybody out", path, i+1, maxKeys)
		}
		k, err := newSessionKey(secret)
		if err != nil {
			return nil, err
		}
		ring = append(ring, k)
	}
	return ring, nil
}

func newSessionKey(secret []byte) (k sessionKey, err error) {
	part := func(use string) []byte {
		out, e := hkdf.Key(sha256.New, secret, nil, "parley "+use, keyBytes)
		err = errors.Join(err, e)
		return out
	}
	seal, id, mac := part("seal"), part("login id"), part("derived id")
	if err != nil {
		return k, err
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return k, err
	}
	if k.seal, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return k, err
	}
	k.mac = mac
	k.id, err = aes.NewCipher(id)
	return k, err
}

// sum is HMAC-SHA256 over the use and the parts, each closed by its length so
// that no two lists of parts give the same input.
func (k sessionKey) sum(use string, parts ...string) []byte {
	m := hmac.New(sha256.New, k.mac)
	for _, p := range append([]string{use}, parts...) {
		fmt.Fprintf(m, "%d:%s", len(p), p)
	}
	return m.Sum(nil)
}
