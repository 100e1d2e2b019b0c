package auth

import (
	"fmt"
	"time"
)

// MaxInviteTTL is how long an invite may count.
const MaxInviteTTL = 7 * 24 * time.Hour

// Invite is what `parley token` and POST /admin/api/invites sign. Whoever has
// the token may sign in with it, as often as he likes, until it expires.
type Invite struct {
	Name  string        // "" lets the guest choose one
	Room  string        // not "": that room and nothing else
	TTL   time.Duration // above 0, at most MaxInviteTTL
	Relay bool          // a member, who may get TURN credentials
	Role  string        // RoleUser, RoleAdmin; "" is RoleUser
}

// sealedInvite is an Invite inside its token.
type sealedInvite struct {
	Name    string `json:"n,omitempty"`
	Room    string `json:"o,omitempty"`
	Relay   bool   `json:"r,omitempty"`
	Admin   bool   `json:"a,omitempty"`
	Expires int64  `json:"e"` // Unix seconds
}

// Invite signs an invite with the session key. The error is a sentence about the
// field that is wrong.
func (s *Service) Invite(inv Invite) (token string, expires time.Time, err error) {
	return s.keys.invite(inv, s.opts.Now())
}

// NewInvite does the same without a running server. It makes the session key
// when dataDir has none.
func NewInvite(dataDir string, inv Invite) (token string, expires time.Time, err error) {
	keys, err := loadKeys(dataDir)
	if err != nil {
		return "", time.Time{}, err
	}
	return keys.invite(inv, time.Now())
}

func (ring keyring) invite(inv Invite, now time.Time) (string, time.Time, error) {
	if err := inv.check(); err != nil {
		return "", time.Time{}, err
	}
	expires := now.Add(inv.TTL).Truncate(time.Second).UTC()
	token, err := ring.seal(invitePrefix, sealedInvite{
		Name: inv.Name, Room: inv.Room, Relay: inv.Relay, Admin: inv.Role == RoleAdmin, Expires: expires.Unix(),
	})
	return token, expires, err
}

func (inv *Invite) check() error {
	if inv.Name != "" {
		name, _, err := cleanName(inv.Name)
		if err != nil {
			return err
		}
		inv.Name = name
	}
	switch {
	case inv.Room != "" && !roomOK(inv.Room):
		return badMessage(fmt.Sprintf("The room %q cannot be: 1 to 64 ASCII letters, digits, -, _ and dots.", inv.Room))
	case inv.TTL < time.Second || inv.TTL > MaxInviteTTL:
		return badMessage("An invite counts for at least a second and at most 7 days.")
	case inv.Role != "" && inv.Role != RoleUser && inv.Role != RoleAdmin:
		return badMessage(fmt.Sprintf("The role %q is unknown: write user or admin.", inv.Role))
	}
	return nil
}

// openInvite gives the invite in a token that still counts.
func (s *Service) openInvite(token string) (sealedInvite, error) {
	var inv sealedInvite
	if !s.keys.open(invitePrefix, token, &inv) {
		return inv, unauthorized("This invite was not made by this server. Ask for a new one.")
	}
	if s.opts.Now().Unix() >= inv.Expires {
		return inv, unauthorized("This invite has expired. Ask for a new one.")
	}
	return inv, nil
}
