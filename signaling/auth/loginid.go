package auth

import (
	"crypto/rand"
	"encoding/binary"
	"strings"
	"time"
)

// A login id is 26 base32 characters of 128 bits that nobody can tell from
// random ones. For a guest they are random, and the guest's user id is `g_` and
// the login id. For an account they are one AES block under the session key over
// the time of issue, a mark of the user, and a random rest. So "every login of
// this user issued before noon" can be judged from the id alone, which is all
// that a TURN username carries, also for logins that a restarted server has not
// met again yet.
const (
	idChars   = 26
	idBytes   = 16
	stampSize = 6 // Unix milliseconds, big endian
	markSize  = 5
	restSize  = 5
)

type userMark [markSize]byte

func (k sessionKey) mark(user string) (m userMark) {
	copy(m[:], k.sum("user", user))
	return m
}

func encodeID(id []byte) string { return base32Lower().EncodeToString(id) }

// newID draws the id of a login of user, or of a guest when user is "".
func (ring keyring) newID(user string, issued time.Time) string {
	id := make([]byte, idBytes)
	rand.Read(id)
	if user == "" {
		return encodeID(id)
	}
	return ring.accountLoginID(user, issued, id[:restSize])
}

// accountLoginID builds an account's id from a given rest.
func (ring keyring) accountLoginID(user string, issued time.Time, rest []byte) string {
	block := binary.BigEndian.AppendUint64(nil, uint64(issued.UnixMilli()))[8-stampSize:]
	mark := ring[0].mark(user)
	block = append(append(block, mark[:]...), rest[:restSize]...)
	ring[0].id.Encrypt(block, block)
	return encodeID(block)
}

// derivedID is the id of a guest who has no login of his own: the same parts
// (a tab's key, an invite) give the same id.
func (ring keyring) derivedID(use string, parts ...string) string {
	return encodeID(ring[0].sum(use, parts...)[:idBytes])
}

// splitID reads an id as an account's. For a guest's it gives a meaningless time
// and mark.
func (k sessionKey) splitID(id string) (issuedMilli int64, mark userMark, ok bool) {
	if len(id) != idChars {
		return 0, mark, false
	}
	block, err := base32Lower().DecodeString(id)
	if err != nil || len(block) != idBytes {
		return 0, mark, false
	}
	k.id.Decrypt(block, block)
	copy(mark[:], block[stampSize:])
	stamp := append(make([]byte, 8-stampSize), block[:stampSize]...)
	return int64(binary.BigEndian.Uint64(stamp)), mark, true
}

// guestLogin gives the login id inside a guest's user id.
func guestLogin(user string) (id string, ok bool) {
	id, ok = strings.CutPrefix(user, guestPrefix)
	return id, ok && IsLoginID(id)
}

// IsLoginID tells whether an id has the form of a login's: TURN credentials that
// another program mints carry what that calls its user.
func IsLoginID(id string) bool {
	return len(id) == idChars && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}
