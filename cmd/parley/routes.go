package main

import (
	"encoding/json"
	"net/http"

	"parley/web"
)

// features are the parts of the protocol that this server speaks; a client
// hides what is not among them.
func features() []string { return []string{"rooms", "calls", "offers", "users", "knock"} }

// routes is everything that the web port answers.
func (s *server) routes(site http.Handler) http.Handler {
	mux := http.NewServeMux()
	for _, e := range []struct {
		path   string
		method string
		serve  http.HandlerFunc
	}{
		{"/login", http.MethodPost, s.refuseWhileDraining(s.users.HandleLogin)},
		{"/logout", http.MethodPost, s.users.HandleLogout},
		{"/me", http.MethodGet, s.users.HandleMe},
		{"/ice-config", http.MethodGet, s.iceConfig},
		{"/config", http.MethodGet, s.publicConfig()},
	} {
		mux.Handle(e.path, s.users.CORS(only(e.method, e.serve)))
	}
	mux.Handle("/ws", s.fromOurPages(only(http.MethodGet, s.hub.ServeHTTP)))
	mux.Handle("/healthz", only(http.MethodGet, s.ready.Healthz))
	mux.Handle("/readyz", only(http.MethodGet, s.ready.Readyz))
	mux.Handle("/reports", s.fromOurPages(only(http.MethodPost, s.leaveReport)))
	mux.Handle("/admin/api/", s.fromOurPages(s.forAdmins(s.adminAPI())))
	mux.Handle("/", site)
	served := withNoSniff(mux)
	if s.secure() {
		served = withTLSOnly(served)
	}
	return withTLSState(served)
}

// fromOurPages applies the rule on origins before anything else is looked at.
func (s *server) fromOurPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.users.CheckOrigin(r); err != nil {
			refuseError(w, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *server) refuseWhileDraining(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.draining() {
			refuse(w, http.StatusServiceUnavailable, "draining", "The server is restarting. Try again in a moment.", retryAfterRestart)
			return
		}
		next(w, r)
	}
}

// publicConfig is what a client may know before anyone has signed in.
func (s *server) publicConfig() http.HandlerFunc {
	type limits struct {
		RoomMax    int   `json:"room_max"`
		MsgBytes   int   `json:"msg_bytes"`
		RingMS     int64 `json:"ring_ms"`
		OfferTTLMS int64 `json:"offer_ttl_ms"`
	}
	sig := s.cfg.Signaling
	body, err := json.Marshal(map[string]any{
		"name":     "Parley",
		"build":    web.Build(),
		"auth":     map[string]string{"mode": s.cfg.Auth.Mode},
		"limits":   limits{sig.RoomMax, sig.MaxMessage, sig.RingTimeout.Milliseconds(), sig.OfferTTL.Milliseconds()},
		"features": features(),
	})
	return func(w http.ResponseWriter, _ *http.Request) {
		if err != nil {
			refuseError(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		w.Write(body)
	}
}
