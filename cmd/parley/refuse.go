package main

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"parley/signaling/auth"
)

// refuse writes the one shape of an error answer. When to come back is said
// where waiting helps: with 429 and 503.
func refuse(w http.ResponseWriter, status int, code, message string, retry time.Duration) {
	body := refusal{Code: code, Message: message}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		retry = max(retry, leastRetry)
		body.RetryMS = retry.Milliseconds()
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(retry.Seconds()))))
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": body})
}

// leastRetry keeps clients from asking again at once when nobody knows better.
const leastRetry = time.Second

type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	RetryMS int64  `json:"retry_ms,omitempty"`
}

// refuseError answers with what auth said of a request.
func refuseError(w http.ResponseWriter, err error) {
	var r *auth.Refusal
	if errors.As(err, &r) {
		refuse(w, r.Status, r.Reason, r.Message, r.Retry)
		return
	}
	refuse(w, http.StatusInternalServerError, "internal", "Something went wrong on the server; its log says more. Try again.", 0)
}

// only lets one method pass (HEAD counts as GET).
func only(method string, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method && !(method == http.MethodGet && r.Method == http.MethodHead) {
			w.Header().Set("Allow", method)
			refuse(w, http.StatusMethodNotAllowed, "bad_message", "Use "+method+" for this address.", 0)
			return
		}
		next(w, r)
	})
}
