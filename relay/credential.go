package relay

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"parley/relay/dataplane"
)

// maxAge ends an allocation however often it is refreshed: a credential that
// has expired keeps a call alive, but not for ever.
const maxAge = 24 * time.Hour

// credential is a user name that carries its own expiry, as coturn and others
// mint it with a shared secret: "<unix expiry>:<login id>".
type credential struct {
	name    string
	login   string // the login id; the whole name when it has none
	expires time.Time
}

// parseCredential reads a user name. The expiry is part of what the password
// signs, so cutting it off or changing it makes another name.
func parseCredential(name string) (credential, bool) {
	digits, login, _ := strings.Cut(name, ":")
	sec, err := strconv.ParseUint(digits, 10, 40) // far beyond any date, far from overflow
	if err != nil || digits[0] == '+' {
		return credential{}, false
	}
	if login == "" {
		login = name
	}
	return credential{name: name, login: login, expires: time.Unix(int64(sec), 0)}, true
}

// password is what a shared secret makes of a user name.
func password(secret, name string) string {
	h := hmac.New(sha1.New, []byte(secret))
	h.Write([]byte(name))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// longTermKey is the key of MESSAGE-INTEGRITY (RFC 8489 section 18.5.1.1).
func longTermKey(name, realm, password string) []byte {
	sum := md5.Sum([]byte(name + ":" + realm + ":" + password))
	return sum[:]
}

// verify returns the key that signed a message, for whichever secret fits. A live
// allocation goes on with the key that opened it: a secret that is taken away
// ends the next calls, not this one.
func (s *Server) verify(c dataplane.Client, m *message, name string) ([]byte, bool) {
	for _, secret := range *s.secrets.Load() {
		key := longTermKey(name, s.o.Realm, password(secret, name))
		if m.signedBy(key) {
			return key, true
		}
	}
	if m.method == methodAllocate {
		return nil, false
	}
	key := s.keyOf(c)
	return key, key != nil && m.signedBy(key)
}

// keyOf is the key that opened the client's allocation; nil if it has none.
func (s *Server) keyOf(c dataplane.Client) []byte {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	if a := s.allocs[c]; a != nil {
		return a.key
	}
	return nil
}

// Credentials mints a user name and password for a login. They allow
// allocations until expires; a live allocation may be refreshed past that.
func (s *Server) Credentials(loginID string) (name, pass string, expires time.Time) {
	expires = s.o.Now().Add(s.o.CredentialTTL).Truncate(time.Second)
	name = strconv.FormatInt(expires.Unix(), 10) + ":" + loginID
	s.count.credentials.Add(1)
	return name, password((*s.secrets.Load())[0], name), expires
}
