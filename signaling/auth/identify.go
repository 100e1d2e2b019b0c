package auth

import (
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

const (
	cookieName       = "parley"
	secureCookieName = "__Host-parley" // RFC 6265bis section 4.1.3.2: this host, this path, TLS
	tabKeyDigits     = 32              // of hello.key
)

// Identify judges an HTTP request: a bearer token, which must then be good, else
// the cookie where the rules on origins let it count. Without either the error
// is a Refusal that is also ErrNoLogin.
func (s *Service) Identify(r *http.Request) (Login, error) {
	if token, ok := bearer(r); ok {
		return s.fromBearer(token)
	}
	return s.fromCookie(r)
}

// fromBearer takes a login's token or a JWT. An invite is no login before
// somebody has signed in with it.
func (s *Service) fromBearer(token string) (Login, error) {
	if strings.HasPrefix(token, invitePrefix) {
		if _, err := s.openInvite(token); err != nil {
			return Login{}, err
		}
		return Login{}, unauthorized("This is an invite. Send it to POST /login and use the token that you get.")
	}
	return s.fromToken(token, "", "")
}

// Authorized judges an upgrade before its hello: a bearer token must be good; a
// request without one may still bring its login in hello.
func (s *Service) Authorized(r *http.Request) error {
	token, ok := bearer(r)
	if !ok {
		return nil
	}
	if strings.HasPrefix(token, invitePrefix) {
		_, err := s.openInvite(token)
		return err
	}
	_, err := s.fromToken(token, "", "")
	return err
}

// IdentifyHello judges an upgraded request after its hello, protocol.md 3: the
// bearer token of the upgrade, hello.token, the cookie, and in open mode
// hello.name. key is the tab's secret, 32 hex digits: an invite or a bare name
// has the same login id whenever the same tab comes back.
func (s *Service) IdentifyHello(r *http.Request, token, name, key string) (Login, error) {
	if raw, err := hex.DecodeString(key); err != nil || len(raw)*2 != tabKeyDigits {
		return Login{}, badMessage("The key in hello must be 32 hex digits.")
	}
	key = strings.ToLower(key)
	if sent, ok := bearer(r); ok {
		token = sent
	}
	if token != "" {
		return s.fromToken(token, key, name)
	}
	if l, err := s.fromCookie(r); err == nil {
		return l, nil
	}
	if s.opts.Mode != ModeOpen || name == "" {
		return Login{}, noLogin()
	}
	return s.fromName(name, key)
}

// bearer gives the token of the Authorization header, RFC 6750 section 2.1. Any
// other scheme is for somebody else: a browser repeats the password of a proxy in
// front of us at every request.
func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	return strings.TrimSpace(token), true
}

func (s *Service) fromCookie(r *http.Request) (Login, error) {
	if !s.cookieCounts(r) {
		return Login{}, noLogin()
	}
	for _, c := range r.CookiesNamed(s.cookieName()) {
		if l, ok := s.keys.openLogin(c.Value); ok && s.live(l) == nil {
			return l, nil
		}
	}
	return Login{}, noLogin()
}

func (s *Service) cookieName() string {
	if s.opts.Secure {
		return secureCookieName
	}
	return cookieName
}

// fromToken judges a login's token, an invite or a JWT where no sign-in goes
// before: what it gives has the same id each time.
func (s *Service) fromToken(token, key, name string) (Login, error) {
	var l Login
	switch {
	case strings.HasPrefix(token, loginPrefix):
		var ok bool
		if l, ok = s.keys.openLogin(token); !ok {
			return l, unauthorized("This token was not made by this server. Sign in again.")
		}
	case strings.HasPrefix(token, invitePrefix):
		inv, err := s.openInvite(token)
		if err != nil {
			return l, err
		}
		if inv.Name != "" {
			name = inv.Name
		}
		if l, err = s.inviteLogin(inv, s.keys.derivedID("invite", token, key), name); err != nil {
			return l, err
		}
		l.proposed = inv.Name != ""
		l, err = s.claimName(l, func(form string) error {
			return s.names.free(s.opts.Now(), form, l.User.User)
		})
		if err != nil {
			return l, err
		}
	case strings.Count(token, ".") == 2:
		c, err := s.proofs.Load().verifyJWT(token, s.opts.Now())
		if err != nil {
			return l, err
		}
		rest := s.keys[0].sum("jwt", c.signed)
		if l, err = s.jwtLogin(c, s.keys.accountLoginID(accountID(c.Subject), c.issued(), rest)); err != nil {
			return l, err
		}
		l.again = c.ExpiresAt.Time
	default:
		return l, unauthorized("This is no token of this server. Sign in again.")
	}
	return l, s.live(l)
}

// issued is the time that an end of all the user's logins is compared with. A
// JWT that does not say when it was made counts as old.
func (c *jwtClaims) issued() time.Time {
	if c.IssuedAt == nil || c.IssuedAt.Time.Before(time.Unix(0, 0)) {
		return time.Unix(0, 0)
	}
	return c.IssuedAt.Time
}

// fromName is a guest in open mode who did not sign in.
func (s *Service) fromName(name, key string) (Login, error) {
	l, err := s.guest(name, s.keys.derivedID("hello", key))
	if err != nil {
		return l, err
	}
	return l, s.live(l)
}
