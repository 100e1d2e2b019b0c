package signaling

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"
)

// Prefixes of ids that the server makes.
const (
	roomPrefix  = "r_"
	callPrefix  = "c_"
	offerPrefix = "o_"
)

func base32Lower(b []byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

// newID returns prefix and 128 random bits.
func newID(prefix string) string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return prefix + base32Lower(b[:])
}

// tabKey is the secret of a tab, as hello brings it.
type tabKey [16]byte

func parseTabKey(s string) (k tabKey, ok bool) {
	if len(s) != 2*len(k) {
		return k, false
	}
	_, err := hex.Decode(k[:], []byte(s))
	return k, err == nil
}

// peerID names a tab of a user: the same over reconnects and restarts, and not
// to be claimed by anyone who lacks the tab's key.
func (h *Hub) peerID(user string, key tabKey) string {
	return "p_" + base32Lower(h.digest(user, hex.EncodeToString(key[:])))[:16]
}

// passDigest is what is kept of a room's password.
func (h *Hub) passDigest(room, pass string) []byte {
	return h.digest("room password", room, pass)
}

func (h *Hub) digest(parts ...string) []byte {
	m := hmac.New(sha256.New, h.opt.Key)
	m.Write([]byte(strings.Join(parts, "\x00")))
	return m.Sum(nil)
}
