package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"strings"
	"sync"
	"time"
)

// maxBody is the largest body that ReadJSON takes, in bytes.
const maxBody = 64 << 10

// loginAnswer is the body of a 200 to POST /login.
type loginAnswer struct {
	User       User            `json:"user"`
	Token      string          `json:"token"`
	ExpiresAt  time.Time       `json:"expiresAt"`
	ICEServers json.RawMessage `json:"iceServers"`
	TTL        int64           `json:"ttl"` // seconds
}

// meAnswer is the body of a 200 to GET /me.
type meAnswer struct {
	User      User      `json:"user"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// HandleLogin serves POST /login. Mount it behind CORS.
func (s *Service) HandleLogin(w http.ResponseWriter, r *http.Request) {
	if !s.method(w, r, http.MethodPost) {
		return
	}
	l, token, err := s.serveLogin(w, r)
	s.results.add(err)
	if err != nil {
		s.logRefusal(r, err)
		s.refuse(w, err)
		return
	}
	s.opts.Log.Debug("Somebody signed in.", "user", l.User.User, "guest", l.Guest)
	if s.cookieCounts(r) {
		s.setCookie(w, token, s.opts.SessionTTL)
	}
	answer := loginAnswer{User: l.User, Token: token, ExpiresAt: l.Expires, ICEServers: json.RawMessage("[]")}
	if s.opts.ICE != nil {
		if servers, ttl := s.opts.ICE(r, l); servers != nil {
			answer.ICEServers, answer.TTL = servers, int64(ttl.Seconds())
		}
	}
	writeJSON(w, answer)
}

func (s *Service) serveLogin(w http.ResponseWriter, r *http.Request) (l Login, token string, err error) {
	var in credentialsBody
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return l, "", &Refusal{Status: http.StatusUnsupportedMediaType, Reason: "bad_message",
			Message: "Send JSON with Content-Type: application/json."}
	}
	if err := ReadJSON(w, r, &in, `Send a JSON object with text fields: {"name":"…","password":"…"} or {"token":"…"}.`); err != nil {
		return l, "", err
	}
	if l, err = s.signIn(r, in); err != nil {
		return l, "", err
	}
	token, err = s.keys.sealLogin(l)
	return l, token, err
}

// ReadJSON reads the JSON object of a request into a struct; unknown fields and
// the Content-Type are ignored. Its errors are refusals; wanted is the sentence of the one about an
// object that does not fit.
func ReadJSON(w http.ResponseWriter, r *http.Request, into any, wanted string) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		return &Refusal{Status: http.StatusRequestEntityTooLarge, Reason: "too_big",
			Message: "The request is larger than 64 KiB."}
	case err != nil:
		return badMessage("The request ended too early.")
	}
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) || json.Unmarshal(body, into) != nil {
		return badMessage(wanted)
	}
	return nil
}

// logRefusal keeps the log as slow as passwords are compared: everything else
// can be caused at will and is for debugging.
func (s *Service) logRefusal(r *http.Request, err error) {
	var refused *Refusal
	if !errors.As(err, &refused) {
		return
	}
	log := s.opts.Log.Debug
	if refused.Reason == "wrong_credentials" {
		log = s.opts.Log.Info
	}
	log("A sign-in was refused.", "code", refused.Reason, "address", s.ClientAddr(r))
}

// HandleLogout serves POST /logout: it ends the logins that the request brings
// and answers 204, also when there is none.
func (s *Service) HandleLogout(w http.ResponseWriter, r *http.Request) {
	if !s.method(w, r, http.MethodPost) {
		return
	}
	var failed error
	if token, ok := bearer(r); ok {
		if l, err := s.fromBearer(token); err == nil {
			failed = s.logout(l)
		}
	}
	if l, err := s.fromCookie(r); err == nil {
		failed = errors.Join(failed, s.logout(l))
	}
	if s.cookieCounts(r) {
		s.setCookie(w, "", -1)
	}
	if failed != nil {
		s.refuse(w, failed)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

func (s *Service) logout(l Login) error {
	if strings.HasPrefix(l.User.User, guestPrefix) && s.ended.size() >= maxEnded {
		return serverFull("Too many people sign out at once. Try again in a moment.")
	}
	if _, form, err := cleanName(l.Name); err == nil && strings.HasPrefix(l.User.User, guestPrefix) {
		s.names.drop(form, l.User.User)
	}
	return s.end(Ended{Login: l.ID, User: l.User.User}, l.again)
}

// HandleMe serves GET /me.
func (s *Service) HandleMe(w http.ResponseWriter, r *http.Request) {
	if !s.method(w, r, http.MethodGet) {
		return
	}
	l, err := s.Identify(r)
	if err != nil {
		s.refuse(w, err)
		return
	}
	writeJSON(w, meAnswer{User: l.User, ExpiresAt: l.Expires})
}

// method refuses every other method; HEAD is a GET.
func (s *Service) method(w http.ResponseWriter, r *http.Request, want string) bool {
	if r.Method == want || r.Method == http.MethodHead && want == http.MethodGet {
		return true
	}
	w.Header().Set("Allow", want+", OPTIONS")
	s.opts.Refuse(w, http.StatusMethodNotAllowed, "bad_message", "Use "+want+" here.", 0)
	return false
}

// setCookie sets the login cookie, or removes it when life is negative.
func (s *Service) setCookie(w http.ResponseWriter, value string, life time.Duration) {
	seconds := int(life.Seconds())
	if life < 0 {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{Name: s.cookieName(), Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, Secure: s.opts.Secure, SameSite: http.SameSiteStrictMode})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v)
}

// counters counts logins by result, "ok" or a code of ours.
type counters struct {
	mu sync.Mutex
	n  map[string]uint64
}

func (c *counters) add(err error) {
	result := "ok"
	var refused *Refusal
	switch {
	case errors.As(err, &refused):
		result = refused.Reason
	case err != nil:
		result = "internal"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]uint64{}
	}
	c.n[result]++
}

func (c *counters) copy() map[string]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.n)
}
