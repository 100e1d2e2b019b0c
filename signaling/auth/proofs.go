package auth

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// proofs is what Credentials become: one immutable value that Reload swaps.
type proofs struct {
	accounts map[string]account // by comparison form of the name
	shared   []byte             // bcrypt hash of the shared password
	sharedBy string             // grant of the shared password
	jwtKeys  []jwtKey
	dummy    []byte // what unknown users are compared with

	// grants are what a login may rest on at present.
	grants map[string]bool
}

// account is an Account made ready.
type account struct {
	name, user, role, grant string
	hash                    []byte
}

// Grants that need no credential to exist.
const (
	grantOpen   = "open"
	grantInvite = "invite"
)

// prove checks credentials under the mode of s.
func (s *Service) prove(c Credentials) (*proofs, error) {
	p := &proofs{accounts: map[string]account{}, grants: map[string]bool{grantInvite: true}}
	if s.opts.Mode == ModeOpen {
		p.grants[grantOpen] = true
	}
	steps := []func(Credentials) error{p.addAccounts, p.addJWTKeys}
	if s.opts.Mode == ModePassword {
		steps = append(steps, p.addShared)
	}
	for _, step := range steps {
		if err := step(c); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// CheckPassword says what New would find wrong with a shared password.
func CheckPassword(password string) error {
	if !isHash(password) {
		return passwordOK(password)
	}
	if err := checkHash(password); err != nil {
		return fmt.Errorf("%w: write the password itself or a new hash", err)
	}
	return nil
}

func isHash(password string) bool { return strings.HasPrefix(password, "$2") && len(password) == 60 }

func (p *proofs) addAccounts(c Credentials) error {
	cost := newCost
	for _, a := range c.Users {
		line, err := newUsersLine(a)
		if err != nil {
			return fmt.Errorf("users file: account %q: %w", a.Name, err)
		}
		if _, twice := p.accounts[line.form]; twice {
			return fmt.Errorf("users file: the name %q stands there twice", a.Name)
		}
		acc := account{name: line.account.Name, user: accountID(line.form), role: a.Role,
			hash: []byte(a.Hash), grant: fingerprint("account", line.form, a.Hash, a.Role)}
		p.accounts[line.form], p.grants[acc.grant] = acc, true
		if n, err := bcrypt.Cost(acc.hash); err == nil {
			cost = max(cost, n)
		}
	}
	// Salt and digest of no known password: comparing costs what a real hash
	// of this cost does.
	p.dummy = fmt.Appendf(nil, "$2a$%02d$%s", cost, strings.Repeat("parley", 9)[:53])
	return nil
}

func (p *proofs) addShared(c Credentials) error {
	if c.Password == "" {
		return errors.New("auth mode password needs a password: write one into auth.password_file")
	}
	err := CheckPassword(c.Password)
	hash := c.Password
	if err == nil && !isHash(hash) {
		hash, err = HashPassword(hash)
	}
	if err != nil {
		return fmt.Errorf("auth.password_file: %w", err)
	}
	p.shared, p.sharedBy = []byte(hash), fingerprint("password", c.Password)
	p.grants[p.sharedBy] = true
	return nil
}

func (p *proofs) addJWTKeys(c Credentials) error {
	for _, k := range c.JWTKeys {
		key, err := parseJWTKey(k)
		if err != nil {
			return fmt.Errorf("auth.jwt_keys: %s: %w", k.Name, err)
		}
		p.jwtKeys = append(p.jwtKeys, key)
		p.grants[key.grant] = true
	}
	return nil
}

// fingerprint names a credential without showing it. It travels inside sealed
// logins only.
func fingerprint(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return base64.RawStdEncoding.EncodeToString(h.Sum(nil)[:12])
}

// UserExists finds an account of the users file by name, whoever is online.
func (s *Service) UserExists(name string) (user string, ok bool) {
	_, form, err := cleanName(name)
	if err != nil {
		return "", false
	}
	a, ok := s.proofs.Load().accounts[form]
	return a.user, ok
}
