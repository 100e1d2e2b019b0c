package auth

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"
)

// ErrNoLogin is what errors.Is finds in the refusal of a request that brings no
// login at all.
var ErrNoLogin = errors.New("auth: no login")

// Refusal is an answer of no: an HTTP status, a code of surface.md and a
// sentence that tells a person what to do.
type Refusal struct {
	Status  int
	Reason  string // the code
	Message string
	Retry   time.Duration // with 429 and 503

	none bool
}

// Error is the sentence.
func (r *Refusal) Error() string { return r.Message }

// Code is the error code of the protocol.
func (r *Refusal) Code() string { return r.Reason }

// RetryAfter is how long to wait before the next try; 0 when waiting is no help.
func (r *Refusal) RetryAfter() time.Duration { return r.Retry }

// Is tells a request without a login from one with a bad login.
func (r *Refusal) Is(target error) bool { return target == ErrNoLogin && r.none }

func noLogin() *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Reason: "unauthorized", none: true,
		Message: "You are not signed in. Sign in first."}
}

func unauthorized(message string) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Reason: "unauthorized", Message: message}
}

func wrongCredentials() *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Reason: "wrong_credentials",
		Message: "The name or the password is wrong."}
}

func badMessage(message string) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Reason: "bad_message", Message: message}
}

func badName(message string) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Reason: "bad_name", Message: message}
}

func nameTaken() *Refusal {
	return &Refusal{Status: http.StatusConflict, Reason: "name_taken",
		Message: "Somebody uses this name at the moment. Choose another one."}
}

func rateLimited(wait time.Duration) *Refusal {
	return &Refusal{Status: http.StatusTooManyRequests, Reason: "rate_limited", Retry: wait,
		Message: "Too many wrong passwords. Wait a moment and try again."}
}

func serverFull(message string) *Refusal {
	return &Refusal{Status: http.StatusServiceUnavailable, Reason: "server_full", Retry: fullRetry, Message: message}
}

// fullRetry is how long a client waits when a bounded table is full.
const fullRetry = 10 * time.Second

// refuse answers with err; what is no Refusal is logged and stays hidden.
func (s *Service) refuse(w http.ResponseWriter, err error) {
	var r *Refusal
	if !errors.As(err, &r) {
		s.opts.Log.Error("A sign-in request failed.", "error", err)
		r = &Refusal{Status: http.StatusInternalServerError, Reason: "internal",
			Message: "The server could not do this. Its log says why."}
	}
	s.opts.Refuse(w, r.Status, r.Reason, r.Message, r.Retry)
}

// writeRefusal is the shape of every error body.
func writeRefusal(w http.ResponseWriter, status int, code, message string, retry time.Duration) {
	body := map[string]any{"code": code, "message": message}
	if retry > 0 {
		body["retry_ms"] = retry.Milliseconds()
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(retry.Seconds()))))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": body})
}
