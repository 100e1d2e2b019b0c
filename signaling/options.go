package signaling

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"time"
)

// Identity is who is at the other end of a socket, as the outside world sees it.
type Identity struct {
	Login  string   // id of the login; EndLogin ends its sessions
	User   string   // u_<name> for accounts, g_<id> for guests
	Name   string   // what others are shown
	Guest  bool     // has no account
	Member bool     // counts as a member where Options.Directory is "members"
	Roles  []string // as in the login
	Relay  bool     // gets TURN credentials
	Room   *string  // the only room this identity may enter, nil for no such limit
}

// Coded is what an error of an injected function may implement: its code and
// text are passed on to the client, where any other error becomes "internal".
type Coded interface {
	error
	Code() string              // one of protocol.md section 10
	RetryAfter() time.Duration // 0 for none
}

// Options configure a Hub. The zero value of a field means its default.
type Options struct {
	Log   *slog.Logger     // nil discards
	Now   func() time.Time // nil is time.Now
	Build string           // hash of the client that is being served
	Key   []byte           // HMAC key for peer ids and room passwords; nil makes one for this run

	RoomsFile    string        // where rooms that are more than a name are kept; "" keeps none
	RoomMax      int           // largest room; 6
	ResumeWindow time.Duration // how long a peer without a socket is waited for; 60 s
	RingTimeout  time.Duration // 45 s
	OfferTTL     time.Duration // 10 min
	PingEvery    time.Duration // WebSocket pings; silence of twice that drops the socket; 15 s
	HelloTimeout time.Duration // from the upgrade to hello; 5 s
	MaxMessage   int           // bytes of one message, all fragments together; 65536
	MaxSessions  int           // sockets, and sessions, in all; 10000
	MaxPerUser   int           // sessions of one user; 16
	MaxPerIP     int           // sockets of one address (IPv6: one /64); 64
	Directory    string        // who sees the people online: all, members, none; all

	// CheckOrigin judges the Origin header before anything else; nil accepts all.
	CheckOrigin func(*http.Request) error
	// ClientAddr is the address that limits count; nil takes RemoteAddr.
	ClientAddr func(*http.Request) netip.Addr
	// Authorized runs before the upgrade: it refuses a login that is present and
	// invalid. A missing one is fine, hello may bring it. nil accepts all.
	Authorized func(*http.Request) error
	// Identify answers who says hello. The request holds the headers of the
	// upgrade that identity depends on, but no body and no context.
	Identify func(r *http.Request, token, name, key string) (Identity, error)
	// Ended tells whether a login has been ended. It is asked once more when a
	// session stands, so that a logout between Identify and then is not lost.
	Ended func(login string) bool
	// HoldName reserves the name of a user whose first session starts,
	// ReleaseName gives it up after the last one has ended. They are called in
	// turn, never twice in a row for the same user.
	HoldName    func(Identity) error
	ReleaseName func(Identity)
	// Rename judges a name and moves the reservation; nil refuses new names.
	Rename func(Identity, string) (Identity, error)
	// Lookup finds an account by a typed name, whether online or not.
	Lookup func(name string) (user string, ok bool)
	// NameKey is the comparison form of a name (RFC 8266 2.4); nil folds case
	// and spaces.
	NameKey func(name string) string
	// Text judges titles and notes by the rule for names, whatever their length;
	// nil refuses control characters and trims spaces.
	Text func(string) (string, error)

	// ICE is what /ice-config answers for this identity; opaque here.
	ICE func(r *http.Request, id Identity) json.RawMessage
	// ICELife is how long its credentials live; a fresh one is pushed at half of it.
	ICELife func() time.Duration

	// Refuse writes a refusal before the upgrade; nil writes the same JSON itself.
	Refuse func(w http.ResponseWriter, status int, code, message string, retry time.Duration)
}
