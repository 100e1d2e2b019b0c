package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestEveryMetricIsThereFromTheStart(t *testing.T) {
	p := start(t)
	metrics, err := http.Get("http://" + p.socks.Admin.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer metrics.Body.Close()
	b, _ := io.ReadAll(metrics.Body)
	for _, name := range metricNames() {
		if !strings.Contains(string(b), "\n# TYPE "+name+" ") {
			t.Errorf("/metrics has no %s before anything has happened", name)
		}
	}
	if !strings.Contains(string(b), "\nparley_sessions 0\n") {
		t.Errorf("/metrics: %.300s", b)
	}
}

// metric is the value of one series, "" when there is none.
func (p *program) metric(series string) string {
	p.t.Helper()
	resp, err := http.Get("http://" + p.socks.Admin.Addr().String() + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	_, rest, _ := strings.Cut(string(b), "\n"+series+" ")
	value, _, _ := strings.Cut(rest, "\n")
	return value
}

// metricNames is the list of the surface, which dashboards and alerts rely on.
func metricNames() []string {
	return strings.Fields(`
		parley_build_info parley_ws_connections parley_sessions parley_rooms parley_calls_total
		parley_signals_total parley_ws_dropped_total parley_logins_total
		parley_credentials_issued_total parley_stun_requests_total parley_turn_allocations
		parley_turn_allocations_total parley_turn_relayed_bytes_total
		parley_turn_relayed_packets_total parley_turn_dropped_packets_total
		parley_turn_auth_failures_total parley_turn_permission_denied_total
		parley_turn_allocation_duration_seconds parley_ice_selected_total parley_call_setup_seconds
		parley_tls_certificate_expiry_timestamp_seconds parley_relay_budget_bytes
		go_goroutines process_open_fds`)
}
