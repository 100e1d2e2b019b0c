package auth

import (
	"errors"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"
)

type keyring struct{}
type originRules struct{}
type endedList struct{}
type nameTable struct{}
type throttle struct{}
type hasher struct{ count atomic.Uint64 }
type counters struct{}
type account struct{ user, grant string }
type proofs struct{ accounts map[string]account }

var errTodo = errors.New("not built yet")

func loadKeys(string) (keyring, error)                         { return keyring{}, nil }
func newOriginRules(string, []string) (originRules, error)     { return originRules{}, nil }
func newNameTable(time.Duration) *nameTable                    { return nil }
func newThrottle() *throttle                                   { return nil }
func newHasher() *hasher                                       { return &hasher{} }
func openEnded(string, keyring, time.Time) (*endedList, error) { return &endedList{}, nil }
func (*endedList) close() error                                { return nil }
func (*counters) copy() map[string]uint64                      { return nil }
func (s *Service) prove(Credentials) (*proofs, error)          { return &proofs{}, nil }

// Account is one line of the users file.
type Account struct{ Name, Hash, Role string }

// JWTKey is one key of an application that signs its users in.
type JWTKey struct {
	Name string // file name, for messages
	Data []byte // a PEM public key, or an HS256 secret of at least 32 bytes
}

// Invite is what `parley token` and POST /admin/api/invites sign.
type Invite struct {
	Name  string        // "" lets the guest choose one
	Room  string        // not "": that room and nothing else
	TTL   time.Duration // 1 s to 7 days
	Relay bool          // a member, who may get TURN credentials
	Role  string        // RoleUser, RoleAdmin; "" is RoleUser
}

// HandleLogin serves POST /login.
func (s *Service) HandleLogin(w http.ResponseWriter, r *http.Request) {}

// HandleLogout serves POST /logout.
func (s *Service) HandleLogout(w http.ResponseWriter, r *http.Request) {}

// HandleMe serves GET /me.
func (s *Service) HandleMe(w http.ResponseWriter, r *http.Request) {}

// Identify judges an HTTP request: its bearer token, else its cookie.
func (s *Service) Identify(r *http.Request) (Login, error) { return Login{}, noLogin() }

// Authorized judges an upgrade: a bearer that is present must be valid.
func (s *Service) Authorized(r *http.Request) error { return nil }

// IdentifyHello judges an upgraded request after its hello.
func (s *Service) IdentifyHello(r *http.Request, token, name, key string) (Login, error) {
	return Login{}, noLogin()
}

// CheckOrigin is the rule on origins.
func (s *Service) CheckOrigin(r *http.Request) error { return nil }

// CORS applies the rule on origins and answers preflights.
func (s *Service) CORS(next http.Handler) http.Handler { return next }

// ClientAddr is the address of the client.
func (s *Service) ClientAddr(r *http.Request) netip.Addr { return netip.Addr{} }

// HoldName reserves the name of a login for one more session.
func (s *Service) HoldName(l Login) error { return nil }

// ReleaseName undoes one HoldName.
func (s *Service) ReleaseName(l Login) {}

// Rename gives one session of l another name.
func (s *Service) Rename(l Login, name string) (Login, error) { return l, nil }

// Ended says whether a login has been ended.
func (s *Service) Ended(loginID string) bool { return false }

// UserExists finds an account of the users file by name.
func (s *Service) UserExists(name string) (user string, ok bool) { return "", false }

// EndLogin ends one login.
func (s *Service) EndLogin(id string) error { return errTodo }

// EndUser ends every login of a user issued before now.
func (s *Service) EndUser(user string) error { return errTodo }

// Invite signs an invite.
func (s *Service) Invite(inv Invite) (token string, expires time.Time, err error) {
	return "", time.Time{}, errTodo
}

// NewInvite signs an invite without a running server.
func NewInvite(dataDir string, inv Invite) (token string, expires time.Time, err error) {
	return "", time.Time{}, errTodo
}

// LoadUsers reads a users file.
func LoadUsers(path string) ([]Account, error) { return nil, errTodo }

// ParseUsers reads the content of a users file; name stands in its errors.
func ParseUsers(name string, data []byte) ([]Account, error) { return nil, errTodo }

// AddUser adds an account to a users file, which it makes when there is none.
func AddUser(path, name, password, role string) error { return errTodo }

// SetPassword changes the password of an account.
func SetPassword(path, name, password string) error { return errTodo }

// RemoveUser removes an account.
func RemoveUser(path, name string) error { return errTodo }
