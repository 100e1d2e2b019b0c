package admin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/cmd/internal/admin"
)

func serve(t *testing.T, ready *admin.Readiness) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.Config.Handler = admin.New(admin.Options{
		Token: "s3cret", Host: s.Listener.Addr().String(), Build: map[string]string{"version": "v1"},
		Collect: func(e admin.Emit) {
			e.Value("parley_rooms", 3)
			e.Value("parley_turn_allocations", 2, "udp")
			e.Value("parley_unknown", 1)
			e.Histogram("parley_call_setup_seconds", []float64{1, 2}, []uint64{4, 5}, 6, 7.5)
		},
		Refuse: func(w http.ResponseWriter, status int, code, _ string) { http.Error(w, code, status) },
	}, ready)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func ask(t *testing.T, method, url, host, bearer string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = host
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func TestAdmin(t *testing.T) {
	var ready admin.Readiness
	s := serve(t, &ready)
	_, port, _ := strings.Cut(s.Listener.Addr().String(), ":")
	for _, c := range []struct {
		path, host, bearer string
		status             int
		body               string
	}{
		{"/healthz", "", "", 200, "ok"},
		{"/healthz", "localhost:" + port, "", 200, "ok"},
		{"/healthz", "evil.example:" + port, "", 403, "forbidden"},
		{"/metrics", "evil.example", "", 403, "forbidden"},
		{"/readyz", "", "", 200, `{"ready":true,"reasons":[]}`},
		{"/metrics", "", "", 200, "parley_rooms 3"},
		{"/metrics", "", "", 200, `parley_turn_allocations{transport="udp"} 2`},
		{"/metrics", "", "", 200, `parley_turn_allocations{transport="tls"} 0`},
		{"/metrics", "", "", 200, `parley_logins_total{result="ok"} 0`},
		{"/metrics", "", "", 200, `parley_turn_allocations_total{result="ok",transport="udp"} 0`},
		{"/metrics", "", "", 200, `parley_build_info{version="v1"} 1`},
		{"/metrics", "", "", 200, `parley_call_setup_seconds_bucket{le="2"} 5`},
		{"/metrics", "", "", 200, "process_open_fds"},
		{"/debug/pprof/", "", "", 401, "unauthorized"},
		{"/debug/pprof/", "", "wrong", 401, "unauthorized"},
		{"/debug/pprof/", "", "s3cret", 200, "goroutine"},
		{"/nothing", "", "s3cret", 404, "not_found"},
	} {
		status, body := ask(t, http.MethodGet, s.URL+c.path, c.host, c.bearer)
		if status != c.status || !strings.Contains(body, c.body) {
			t.Errorf("%s (Host %q, token %q): %d %.200s; want %d with %q", c.path, c.host, c.bearer, status, body, c.status, c.body)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if status, _ := ask(t, http.MethodHead, s.URL+path, "", ""); status != 200 {
			t.Errorf("HEAD %s: %d", path, status)
		}
		if status, body := ask(t, http.MethodPost, s.URL+path, "", ""); status != 405 || !strings.Contains(body, "bad_message") {
			t.Errorf("POST %s: %d %s", path, status, body)
		}
	}
	ready.Set("draining", true)
	if status, body := ask(t, http.MethodGet, s.URL+"/readyz", "", ""); status != 503 || strings.TrimSpace(body) != `{"ready":false,"reasons":["draining"]}` {
		t.Errorf("draining: %d %s", status, body)
	}
}
