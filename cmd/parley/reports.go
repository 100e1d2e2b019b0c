package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"parley/cmd/internal/admin"
)

// leaveReport keeps what a person's connectivity test found, for the
// administrators to look at under the code that the person is given.
func (s *server) leaveReport(w http.ResponseWriter, r *http.Request) {
	l, err := s.users.Identify(r)
	if err != nil {
		refuseError(w, err)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, admin.MaxReportBytes))
	switch {
	case err != nil:
		refuse(w, http.StatusRequestEntityTooLarge, "too_big", "A report may have 16 KiB at most.", 0)
		return
	case !json.Valid(body) || !strings.HasPrefix(strings.TrimSpace(string(body)), "{"):
		refuse(w, http.StatusBadRequest, "bad_message", "Send the report as one JSON object.", 0)
		return
	}
	code, wait := s.left.Leave(l.User.User, body)
	if wait > 0 {
		refuse(w, http.StatusTooManyRequests, "rate_limited", "You have left enough reports for now. Tell the administrator one of their codes.", wait)
		return
	}
	s.log.Info("A report of the connection test was left.", "code", code)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(map[string]string{"code": code})
}
