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

// refuse writes the one shape of an error answer.
func refuse(w http.ResponseWriter, status int, code, message string, retry time.Duration) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(retry.Seconds()))))
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": refusal{code, message, retry.Milliseconds()}})
}

type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	RetryMS int64  `json:"retry_ms"`
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
