package main

import (
	"errors"
	"net/http"
	"time"

	"parley/cmd/internal/admin"
	"parley/signaling"
	"parley/signaling/auth"
)

// adminAPI connects the admin API with the parts that it shows.
func (s *server) adminAPI() http.Handler {
	return admin.API{
		Relays:   func() any { return s.relayList() },
		EndRelay: s.turn.End,
		Sessions: func() any { return s.hub.Sessions() },
		EndUser:  s.endUser,
		Rooms:    func() any { return s.hub.Rooms() },
		Overview: func() any { return s.overview() },
		Reports:  func() any { return s.reports() },
		Invite:   s.invite,
		Read: func(w http.ResponseWriter, r *http.Request, into any) error {
			return auth.ReadJSON(w, r, into, "Send a JSON object with name, and if you like room, ttl, relay and role.")
		},
		Fail:   refuseError,
		Refuse: func(w http.ResponseWriter, status int, code, message string) { refuse(w, status, code, message, 0) },
	}.Handler()
}

// forAdmins lets only logins with the role admin pass.
func (s *server) forAdmins(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l, err := s.users.Identify(r)
		switch {
		case err != nil:
			refuseError(w, err)
		case !l.Admin():
			refuse(w, http.StatusForbidden, "forbidden", "This page is for administrators. Sign in with an account that has the role admin.", 0)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// relayRow is one live allocation, with the person it belongs to. After a restart
// that is known as soon as the person's client is back. Of a credential that
// another program minted, User is what that calls its user.
type relayRow struct {
	ID        string    `json:"id"`
	User      string    `json:"user"`
	Name      string    `json:"name"`
	Transport string    `json:"transport"`
	Client    string    `json:"client"`
	Relay     string    `json:"relay"`
	Since     time.Time `json:"since"`
	ExpiresAt time.Time `json:"expiresAt"`
	BytesUp   uint64    `json:"bytes_up"`
	BytesDown uint64    `json:"bytes_down"`
}

func (s *server) relayList() []relayRow {
	people := make(map[string]signaling.SessionInfo)
	for _, p := range s.hub.Sessions() {
		people[p.Login] = p
	}
	rows := []relayRow{}
	for _, a := range s.turn.Allocations() {
		user, name := s.holders.find(a.Login)
		if who, present := people[a.Login]; present {
			user, name = who.User, who.Name
		} else if user == "" && !auth.IsLoginID(a.Login) {
			user = a.Login
		}
		rows = append(rows, relayRow{
			a.ID, user, name, a.Transport, a.Client.String(), a.Relay.String(),
			a.Since.UTC(), a.Expires.UTC(), a.BytesUp, a.BytesDown,
		})
	}
	return rows
}

// endUser signs somebody out everywhere. It says whether there was anything to
// end: a session, a relay, or a login that got credentials.
func (s *server) endUser(user string) bool {
	found := s.holders.forget(auth.Ended{User: user})
	for _, p := range s.hub.Sessions() {
		found = found || p.User == user
	}
	err := s.users.EndUser(user)
	var none *auth.Refusal
	if err != nil && !errors.As(err, &none) {
		s.log.Error("A user could not be signed out.", "user", user, "error", err)
	}
	return found && err == nil
}

func (s *server) overview() any {
	h, t := s.hub.Snapshot(), s.turn.Snapshot()
	relays := 0
	for _, n := range t.Allocations {
		relays += n
	}
	return map[string]any{
		"uptime_s": int64(time.Since(s.started).Seconds()), "sessions": h.Sessions, "rooms": h.Rooms,
		"relays": relays, "bytes_up": t.BytesUp, "bytes_down": t.BytesDown,
	}
}

// reports is how calls connected since the start: how many over each path, at
// which step the others failed, and how long the setup took on average; and what
// people left of their connection tests.
func (s *server) reports() any {
	h := s.hub.Snapshot()
	setup := int64(0)
	if h.Setup.Count > 0 {
		setup = int64(1000 * h.Setup.Sum / float64(h.Setup.Count))
	}
	return map[string]any{"paths": h.Reports, "failed_steps": h.Steps, "setup_ms": setup, "left": s.left.List()}
}

func (s *server) invite(req admin.InviteRequest) (admin.Invite, error) {
	inv := auth.Invite{Name: req.Name, Room: req.Room, TTL: time.Hour, Relay: req.Relay == nil || *req.Relay, Role: orElse(req.Role, auth.RoleUser)}
	if req.TTL != "" {
		ttl, err := time.ParseDuration(req.TTL)
		if err != nil {
			return admin.Invite{}, &auth.Refusal{Status: http.StatusBadRequest, Reason: "bad_message", Message: "ttl is a duration with its unit, like \"1h\"."}
		}
		inv.TTL = ttl
	}
	token, expires, err := s.users.Invite(inv)
	if err != nil {
		return admin.Invite{}, err
	}
	out := admin.Invite{Token: token, ExpiresAt: expires.UTC()}
	if s.cfg.HTTP.PublicURL != "" {
		out.Link = inviteLink(s.cfg.HTTP.PublicURL, req.Room, token)
	}
	return out, nil
}
