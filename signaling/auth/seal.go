package auth

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// The first characters tell a person, and the server, what a token is. They are
// part of what is sealed, so neither kind can pass for the other.
const (
	loginPrefix  = "pl_"
	invitePrefix = "pi_"
	// maxToken is twice what the longest login or a JWT with many roles needs.
	maxToken = 8192
)

func tokenEncoding() *base64.Encoding { return base64.RawURLEncoding.Strict() }

// seal encrypts v as JSON into a URL-safe token with the given prefix.
func (ring keyring) seal(prefix string, v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return prefix + tokenEncoding().EncodeToString(ring[0].seal.Seal(nil, nil, plain, []byte(prefix))), nil
}

// open undoes seal with any key of the ring and says whether it could.
func (ring keyring) open(prefix, token string, v any) bool {
	text, ok := strings.CutPrefix(token, prefix)
	if !ok || len(token) > maxToken {
		return false
	}
	sealed, err := tokenEncoding().DecodeString(text)
	if err != nil {
		return false
	}
	for _, k := range ring {
		if plain, err := k.seal.Open(nil, nil, sealed, []byte(prefix)); err == nil {
			return json.Unmarshal(plain, v) == nil
		}
	}
	return false
}

// sealedLogin is a Login inside its token; short names keep the cookie small.
type sealedLogin struct {
	ID      string  `json:"i"`
	User    string  `json:"u"`
	Name    string  `json:"n"`
	Guest   bool    `json:"g,omitempty"`
	Admin   bool    `json:"a,omitempty"`
	Relay   bool    `json:"r,omitempty"`
	Room    *string `json:"o,omitempty"`
	Issued  int64   `json:"s"` // Unix milliseconds
	Expires int64   `json:"e"` // Unix milliseconds
	Grant   string  `json:"k"`
}

// sealLogin makes the value of cookie and bearer token.
func (ring keyring) sealLogin(l Login) (string, error) {
	return ring.seal(loginPrefix, sealedLogin{
		ID: l.ID, User: l.User.User, Name: l.Name, Guest: l.Guest, Admin: l.Admin(), Relay: l.Relay,
		Room: l.Room, Issued: l.Issued.UnixMilli(), Expires: l.Expires.UnixMilli(), Grant: l.grant,
	})
}

// openLogin reads what sealLogin made. It judges neither expiry nor ending.
func (ring keyring) openLogin(token string) (Login, bool) {
	var v sealedLogin
	if !ring.open(loginPrefix, token, &v) {
		return Login{}, false
	}
	role := RoleUser
	if v.Admin {
		role = RoleAdmin
	}
	return Login{
		ID:     v.ID,
		User:   User{User: v.User, Name: v.Name, Guest: v.Guest, Roles: roles(role), Relay: v.Relay, Room: v.Room},
		Issued: time.UnixMilli(v.Issued).UTC(), Expires: time.UnixMilli(v.Expires).UTC(),
		grant: v.Grant,
	}, true
}

// live refuses a login that has expired, was ended, or rests on something that
// is gone.
func (s *Service) live(l Login) error {
	now := s.opts.Now()
	// A shorter session_ttl holds for logins that were issued under a longer one.
	until := slices.MinFunc([]time.Time{l.Expires, l.Issued.Add(s.opts.SessionTTL)}, time.Time.Compare)
	switch {
	case !now.Before(until):
		return unauthorized("Your login has expired. Sign in again.")
	case s.Ended(l.ID):
		return unauthorized("This login was ended. Sign in again, or open the page in a new tab.")
	case !s.proofs.Load().grants[l.grant]:
		return unauthorized("What this login rests on was changed. Sign in again.")
	}
	return nil
}
