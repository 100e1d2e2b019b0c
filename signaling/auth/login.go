package auth

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// credentialsBody is what POST /login takes.
type credentialsBody struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	Token    string `json:"token"`
}

// signIn judges the body of POST /login.
func (s *Service) signIn(r *http.Request, in credentialsBody) (Login, error) {
	var l Login
	var err error
	if in.Token != "" {
		l, err = s.byToken(in.Token, in.Name)
	} else {
		l, err = s.byName(r, in.Name, in.Password)
	}
	if err != nil {
		return l, err
	}
	var former string
	if old, err := s.Identify(r); err == nil {
		former = old.User.User
	}
	return s.claimName(l, func(form string) error {
		return s.names.reserve(s.opts.Now(), form, l.User.User, former)
	})
}

// byToken signs in with an invite, a JWT, or the token of a login, which gives
// that login once more.
func (s *Service) byToken(token, name string) (Login, error) {
	if strings.HasPrefix(token, invitePrefix) {
		inv, err := s.openInvite(token)
		if err != nil {
			return Login{}, err
		}
		l, err := s.inviteLogin(inv, s.keys.newID("", s.opts.Now()), orElse(name, inv.Name))
		l.proposed = name == ""
		return l, err
	}
	if strings.Count(token, ".") == 2 {
		c, err := s.proofs.Load().verifyJWT(token, s.opts.Now())
		if err != nil {
			return Login{}, err
		}
		return s.jwtLogin(c, s.accountLogin(accountID(c.Subject)))
	}
	return s.fromToken(token, "", "")
}

// byName signs in with what a person typed.
func (s *Service) byName(r *http.Request, name, password string) (Login, error) {
	if s.opts.Mode == ModeToken {
		return Login{}, unauthorized("This server lets in by invite only. Open the link that you were given.")
	}
	name, form, err := cleanName(name)
	if err != nil {
		return Login{}, err
	}
	p := s.proofs.Load()
	_, isAccount := p.accounts[form]
	switch {
	case s.opts.Mode == ModeUsers,
		s.opts.Mode == ModeOpen && password != "" && len(p.accounts) > 0,
		s.opts.Mode == ModePassword && isAccount:
		return s.byAccount(r, p, form, password)
	case s.opts.Mode == ModePassword:
		if err := s.checkPassword(r, "", p.shared, true, password); err != nil {
			return Login{}, err
		}
		return s.login(User{Name: name, Roles: roles(RoleUser), Relay: s.relays(true)}, s.keys.newID("", s.opts.Now()), p.sharedBy), nil
	}
	return s.guest(name, s.keys.newID("", s.opts.Now()))
}

func (s *Service) byAccount(r *http.Request, p *proofs, form, password string) (Login, error) {
	a, known := p.accounts[form]
	if !known {
		a.hash = p.dummy
	}
	if err := s.checkPassword(r, form, a.hash, known, password); err != nil {
		return Login{}, err
	}
	u := User{User: a.user, Name: a.name, Roles: roles(a.role), Relay: s.relays(true)}
	return s.login(u, s.accountLogin(a.user), a.grant), nil
}

// accountLogin draws a login id that no earlier end of the user's logins covers.
func (s *Service) accountLogin(user string) string {
	issued := max(s.opts.Now().UnixMilli(), s.ended.lastEnd(user)+1)
	return s.keys.newID(user, time.UnixMilli(issued))
}

// guest is who typed a free name in open mode.
func (s *Service) guest(name, id string) (Login, error) {
	name, _, err := cleanName(name)
	if err != nil {
		return Login{}, err
	}
	if _, err := s.freeForm(name, guestPrefix+id); err != nil {
		return Login{}, err
	}
	u := User{Name: name, Guest: true, Roles: roles(RoleUser), Relay: s.relays(false)}
	return s.login(u, id, grantOpen), nil
}

func (s *Service) inviteLogin(inv sealedInvite, id, name string) (Login, error) {
	name, _, err := cleanName(name)
	if err != nil {
		return Login{}, err
	}
	u := User{Name: name, Guest: !inv.Relay, Roles: roles(RoleUser), Relay: inv.Relay && s.relays(true)}
	if inv.Admin {
		u.Roles = roles(RoleAdmin)
	}
	if inv.Room != "" {
		u.Room = &inv.Room
	}
	return s.login(u, id, grantInvite), nil
}

func (s *Service) jwtLogin(c *jwtClaims, id string) (Login, error) {
	name := c.Name
	if name == "" {
		name = string([]rune(c.Subject)[:min(len([]rune(c.Subject)), maxName)])
	}
	name, _, err := cleanName(name)
	if err != nil {
		return Login{}, err
	}
	u := User{User: accountID(c.Subject), Name: name, Room: c.Room, Roles: roles(RoleUser),
		Relay: (c.Relay == nil || *c.Relay) && s.relays(true)}
	if slices.Contains(c.Roles, RoleAdmin) {
		u.Roles = roles(RoleAdmin)
	}
	return s.login(u, id, c.grant), nil
}

// login dates a login; who has no user id is a guest by its login id.
func (s *Service) login(u User, id, grant string) Login {
	if u.User == "" {
		u.User = guestPrefix + id
	}
	now := s.opts.Now().UTC()
	// Whole seconds, as the answer shows it.
	return Login{ID: id, User: u, Issued: now, Expires: now.Add(s.opts.SessionTTL).Truncate(time.Second), grant: grant}
}
