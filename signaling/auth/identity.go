package auth

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Roles a login may carry. Everybody has RoleUser.
const (
	RoleUser  = "user"
	RoleAdmin = "admin"
)

// User is who somebody is, as POST /login, GET /me and welcome.you show it.
type User struct {
	User  string   `json:"user"`
	Name  string   `json:"name"`
	Guest bool     `json:"guest"`
	Roles []string `json:"roles"`
	Relay bool     `json:"relay"`
	Room  *string  `json:"room"` // not nil: that room and nothing else
}

// Login is one sign-in.
type Login struct {
	// ID is 26 lower-case base32 characters; the username of the login's TURN
	// credentials carries it.
	ID string
	User
	Issued  time.Time
	Expires time.Time

	// grant names what the login rests on (an account, a password, a key), so
	// that it falls when that does.
	grant string
	// again is until when a JWT gives the same login once more; zero for others.
	again time.Time
	// proposed says that whoever wrote the invite chose the name, not its bearer.
	proposed bool
}

// Admin says whether the login may use the admin API.
func (l Login) Admin() bool { return slices.Contains(l.Roles, RoleAdmin) }

const (
	accountPrefix = "u_"
	guestPrefix   = "g_"
	// maxSubject keeps user ids short; longer subjects are hashed.
	maxSubject = 64
)

// accountID makes the user id of an account from the comparison form of its
// name or from the `sub` of a JWT. ASCII letters, digits and `.`, `_`, `-`, `@`
// stand for themselves, every other byte is `~` and two hex digits; what would
// be longer than 64 characters is `~~` and the base32 of its SHA-256. Different
// subjects therefore have different ids, which are safe in JSON, in URL paths
// and in the users messages.
func accountID(subject string) string {
	var b strings.Builder
	b.WriteString(accountPrefix)
	for _, c := range []byte(subject) {
		if plainByte(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "~%02x", c)
		}
	}
	if b.Len() > len(accountPrefix)+maxSubject {
		sum := sha256.Sum256([]byte(subject))
		return accountPrefix + "~~" + base32Lower().EncodeToString(sum[:])
	}
	return b.String()
}

func plainByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("._-@", c) >= 0
}

// base32Lower is RFC 4648 base32 in lower case without padding.
func base32Lower() *base32.Encoding {
	return base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)
}

func roles(role string) []string {
	if role == RoleAdmin {
		return []string{RoleUser, RoleAdmin}
	}
	return []string{RoleUser}
}

// relays says who gets TURN credentials under auth.relay_for.
func (s *Service) relays(member bool) bool {
	return s.opts.RelayFor == RelayAll || s.opts.RelayFor == RelayMembers && member
}
