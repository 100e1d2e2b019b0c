package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// Modes of signing in; tokens are accepted in each of them.
const (
	ModeOpen     = "open"
	ModePassword = "password"
	ModeUsers    = "users"
	ModeToken    = "token"
)

// Who gets TURN credentials.
const (
	RelayAll     = "all"
	RelayMembers = "members"
	RelayNone    = "none"
)

// Defaults for what Options leaves at zero.
const (
	// DefaultSessionTTL is a working day and an evening: one sign-in a day.
	DefaultSessionTTL = 12 * time.Hour
	// DefaultNameHold covers a reload or a change of network.
	DefaultNameHold = 60 * time.Second
	// DefaultCredentialTTL is how long a TURN credential may outlive its login.
	DefaultCredentialTTL = time.Hour
)

// Credentials is what people and applications prove themselves with, and the
// part of the options that Reload replaces.
type Credentials struct {
	// Password is the shared one of mode password: plain text of at most 72
	// bytes, or a bcrypt hash.
	Password string
	// Users holds the accounts of the users file.
	Users []Account
	// JWTKeys are the keys of applications that sign their users in.
	JWTKeys []JWTKey
}

// Options sets up a Service. Only DataDir and Mode are required.
type Options struct {
	Log *slog.Logger     // nil discards
	Now func() time.Time // nil is time.Now

	Mode        string
	Credentials Credentials
	RelayFor    string // "" is RelayAll

	SessionTTL    time.Duration // how long a login lasts
	NameHold      time.Duration // how long a name stays reserved without a session
	CredentialTTL time.Duration // life of a TURN credential: ended logins are remembered that much longer

	DataDir        string // session-key and ended live here; created 0700
	PublicURL      string
	AllowedOrigins []string
	TrustedProxies []netip.Prefix
	Secure         bool // TLS is on: the cookie is __Host-parley and Secure

	// ICE gives the iceServers of an answer to POST /login and their life; nil
	// gives an empty list.
	ICE func(r *http.Request, l Login) (iceServers json.RawMessage, ttl time.Duration)
	// OnEnd hears of every login that was ended, after it stands in the list.
	// It must not block.
	OnEnd func(Ended)
	// Refuse writes an error answer; nil writes the usual JSON.
	Refuse func(w http.ResponseWriter, status int, code, message string, retry time.Duration)
}

// Service judges who a request comes from. It is safe for concurrent use.
type Service struct {
	// set at construction
	opts    Options
	keys    keyring
	origins originRules
	ended   *endedList

	// guarded by themselves
	names   *nameTable
	throt   *throttle
	hasher  *hasher
	results counters
	proofs  atomic.Pointer[proofs]
}

// Ended names what was ended: one login, or every login of a user.
type Ended struct {
	Login string // one login; "" when all of the user's ended: Service.Ended tells which ids those are
	User  string // "" when only the login is known
}

// New reads or makes the session key, reads the ended list and checks every
// option. Its errors say what to write instead.
func New(o Options) (*Service, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	keys, err := loadKeys(o.DataDir)
	if err != nil {
		return nil, err
	}
	origins, err := newOriginRules(o.PublicURL, o.AllowedOrigins)
	if err != nil {
		return nil, err
	}
	s := &Service{opts: o, keys: keys, origins: origins,
		names: newNameTable(o.NameHold), throt: newThrottle(), hasher: newHasher()}
	p, err := s.prove(o.Credentials)
	if err != nil {
		return nil, err
	}
	s.proofs.Store(p)
	if s.ended, err = openEnded(o.DataDir, keys, o.Now(), o.Log); err != nil {
		return nil, err
	}
	return s, nil
}

func (o Options) withDefaults() (Options, error) {
	if !slices.Contains([]string{ModeOpen, ModePassword, ModeUsers, ModeToken}, o.Mode) {
		return o, fmt.Errorf("auth mode %q is unknown: write open, password, users or token", o.Mode)
	}
	if o.RelayFor == "" {
		o.RelayFor = RelayAll
	}
	if !slices.Contains([]string{RelayAll, RelayMembers, RelayNone}, o.RelayFor) {
		return o, fmt.Errorf("relay_for %q is unknown: write all, members or none", o.RelayFor)
	}
	if o.DataDir == "" {
		return o, errors.New("no data directory is set: the session key needs one")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Refuse == nil {
		o.Refuse = writeRefusal
	}
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&o.SessionTTL, DefaultSessionTTL},
		{&o.NameHold, DefaultNameHold},
		{&o.CredentialTTL, DefaultCredentialTTL},
	} {
		if *d.value <= 0 {
			*d.value = d.fallback
		}
	}
	return o, nil
}

// Close ends the service. It waits for a write of the ended list that is under
// way; the Service is not used afterwards.
func (s *Service) Close() error { return s.ended.close() }

// Reload swaps accounts, shared password and JWT keys. Logins that rest on an
// account which is gone or changed (password, role) are ended, and those that
// rest on a shared password or JWT key which is gone are refused from now on.
// On an error everything stays as it was.
func (s *Service) Reload(c Credentials) error {
	next, err := s.prove(c)
	if err != nil {
		return err
	}
	before := s.proofs.Swap(next)
	var failed []error
	for form, a := range before.accounts {
		if now, ok := next.accounts[form]; !ok || now.grant != a.grant {
			failed = append(failed, s.EndUser(a.user))
		}
	}
	return errors.Join(failed...)
}

// Stats counts since the start.
type Stats struct {
	Logins map[string]uint64 // by result: "ok" or the code of the refusal
	Hashes uint64            // bcrypt computations
}

// Snapshot returns the counters as they are now.
func (s *Service) Snapshot() Stats {
	return Stats{Logins: s.results.copy(), Hashes: s.hasher.count.Load()}
}
