package admin

import (
	"encoding/json"
	"net/http"
	"time"
)

// API is the JSON surface for administrators below /admin/api/. The functions
// answer what the wiring knows; each may be called from any goroutine.
type API struct {
	Relays   func() any
	EndRelay func(id string) bool
	Sessions func() any
	EndUser  func(user string) bool // false when the user has no session and no relay
	Rooms    func() any
	Overview func() any
	Reports  func() any // how calls connected, as the clients told
	Invite   func(InviteRequest) (Invite, error)
	Read     func(w http.ResponseWriter, r *http.Request, into any) error // the JSON of a request
	Fail     func(w http.ResponseWriter, err error)                       // answers with what Read or Invite said
	Refuse   Refuse
}

// InviteRequest asks for an invite; the fields are those of `parley token`.
type InviteRequest struct {
	Name  string `json:"name"`
	Room  string `json:"room"`
	TTL   string `json:"ttl"` // a duration with its unit, "1h" when absent
	Relay *bool  `json:"relay"`
	Role  string `json:"role"`
}

// Invite is a signed invite; Link is empty without http.public_url.
type Invite struct {
	Token     string    `json:"token"`
	Link      string    `json:"link"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// base is where the API lives on either listener.
const base = "/admin/api/"

// Handler serves the API. Who may call it is for the caller to judge.
func (a API) Handler() http.Handler {
	mux := http.NewServeMux()
	for path, list := range map[string]func() any{
		"relays": a.Relays, "sessions": a.Sessions, "rooms": a.Rooms, "overview": a.Overview, "reports": a.Reports,
	} {
		handle(mux, a.Refuse, http.MethodGet, base+path, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, list()) })
	}
	handle(mux, a.Refuse, http.MethodDelete, base+"relays/{id}", func(w http.ResponseWriter, r *http.Request) {
		a.deleted(w, a.EndRelay(r.PathValue("id")), "There is no such relay (any more).")
	})
	handle(mux, a.Refuse, http.MethodDelete, base+"users/{user}/sessions", func(w http.ResponseWriter, r *http.Request) {
		a.deleted(w, a.EndUser(r.PathValue("user")), "This user has no session and no relay.")
	})
	handle(mux, a.Refuse, http.MethodPost, base+"invites", a.invite)
	mux.HandleFunc(base, func(w http.ResponseWriter, _ *http.Request) {
		a.Refuse(w, http.StatusNotFound, "not_found", "The admin API has relays, sessions, rooms, overview, reports, users/ID/sessions and invites.")
	})
	return mux
}

// handle serves one method of a path (HEAD counts as GET) and answers 405 to the
// others.
func handle(mux *http.ServeMux, refuse Refuse, method, path string, serve http.HandlerFunc) {
	mux.HandleFunc(method+" "+path, serve)
	mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", method)
		refuse(w, http.StatusMethodNotAllowed, "bad_message", "Use "+method+" for this address.")
	})
}

func (a API) deleted(w http.ResponseWriter, found bool, missing string) {
	if !found {
		a.Refuse(w, http.StatusNotFound, "not_found", missing)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a API) invite(w http.ResponseWriter, r *http.Request) {
	var req InviteRequest
	var inv Invite
	err := a.Read(w, r, &req)
	if err == nil {
		inv, err = a.Invite(req)
	}
	if err != nil {
		a.Fail(w, err)
		return
	}
	writeJSON(w, inv)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(v)
}
