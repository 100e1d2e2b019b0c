package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"strings"
	"time"

	"parley/cmd/internal/admin"
)

func (s *server) buildAdmin(context.Context) error {
	token, err := s.cfg.ReadSecret(s.cfg.AdminTokenFile())
	if err != nil {
		return fmt.Errorf("admin.token_file: %w", err)
	}
	s.ready.Look = s.withoutCertificate
	v, c := versionOf()
	s.admin = webServer(admin.New(admin.Options{
		API:   s.adminAPI(),
		Token: strings.TrimSpace(token.Reveal()), Host: s.socks.Admin.Addr().String(), Collect: s.collect,
		Build:  map[string]string{"version": v, "commit": c, "go": runtime.Version()},
		Refuse: func(w http.ResponseWriter, status int, code, message string) { refuse(w, status, code, message, 0) },
	}, &s.ready), s.log)
	s.admin.WriteTimeout = profileTime
	return nil
}

// withoutCertificate is a reason not to be ready: with ACME there is none at
// first, and browsers turn away from one that has expired.
func (s *server) withoutCertificate() []string {
	if s.certs == nil || time.Now().Before(s.certExpiry()) {
		return nil
	}
	return []string{"certificate"}
}

// profileTime lets /debug/pprof/profile run as long as somebody asks, within
// reason.
const profileTime = 10 * time.Minute

// collect turns the parts' snapshots into metrics.
func (s *server) collect(emit admin.Emit) {
	s.collectHub(emit)
	s.collectRelay(emit)
	each(s.users.Snapshot().Logins, func(result string, n uint64) { emit.Value("parley_logins_total", float64(n), result) })
	emit.Value("parley_tls_certificate_expiry_timestamp_seconds", s.expirySeconds())
}

// expirySeconds is infinite without TLS, so that an alert on what is left needs
// no exception, and 0 while a certificate is missing: that is worth an alert.
func (s *server) expirySeconds() float64 {
	end := s.certExpiry()
	switch {
	case !end.IsZero():
		return float64(end.Unix())
	case s.certs != nil:
		return 0
	}
	return math.Inf(1)
}

func (s *server) collectHub(emit admin.Emit) {
	h := s.hub.Snapshot()
	emit.Value("parley_ws_connections", float64(h.Connections))
	emit.Value("parley_sessions", float64(h.Sessions))
	emit.Value("parley_rooms", float64(h.Rooms))
	emit.Value("parley_signals_total", float64(h.Signals))
	each(h.Calls, func(result string, n uint64) { emit.Value("parley_calls_total", float64(n), result) })
	each(h.Dropped, func(reason string, n uint64) { emit.Value("parley_ws_dropped_total", float64(n), reason) })
	emit.Value("parley_ws_dropped_total", float64(s.visitors.Refused()), "connections")
	each(h.Reports, func(path string, n uint64) { emit.Value("parley_ice_selected_total", float64(n), path) })
	emit.Histogram("parley_call_setup_seconds", h.Setup.Bounds, h.Setup.Counts, h.Setup.Count, h.Setup.Sum)
}

func (s *server) collectRelay(emit admin.Emit) {
	t := s.turn.Snapshot()
	emit.Value("parley_credentials_issued_total", float64(t.CredentialsIssued))
	emit.Value("parley_stun_requests_total", float64(t.StunRequests))
	each(t.Allocations, func(transport string, n int) { emit.Value("parley_turn_allocations", float64(n), transport) })
	for transport, results := range t.AllocationResults {
		each(results, func(result string, n uint64) {
			emit.Value("parley_turn_allocations_total", float64(n), transport, result)
		})
	}
	emit.Value("parley_turn_relayed_bytes_total", float64(t.BytesUp), "up")
	emit.Value("parley_turn_relayed_bytes_total", float64(t.BytesDown), "down")
	emit.Value("parley_turn_relayed_packets_total", float64(t.PacketsUp), "up")
	emit.Value("parley_turn_relayed_packets_total", float64(t.PacketsDown), "down")
	each(t.Dropped, func(reason string, n uint64) { emit.Value("parley_turn_dropped_packets_total", float64(n), reason) })
	each(t.AuthFailures, func(reason string, n uint64) { emit.Value("parley_turn_auth_failures_total", float64(n), reason) })
	each(t.PermissionDenied, func(rule string, n uint64) { emit.Value("parley_turn_permission_denied_total", float64(n), rule) })
	d := t.Durations
	emit.Histogram("parley_turn_allocation_duration_seconds", d.Bounds, d.Counts, d.Count, d.Sum)
	left := math.Inf(1)
	if t.BudgetLimit > 0 {
		left = float64(max(0, t.BudgetLimit-t.BudgetUsed))
	}
	emit.Value("parley_relay_budget_bytes", left)
}

func each[V any](m map[string]V, f func(string, V)) {
	for k, v := range m {
		f(k, v)
	}
}
