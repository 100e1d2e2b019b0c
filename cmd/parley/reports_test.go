package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestReportsAreLeftBySignedInPeopleAndReadByAdministrators(t *testing.T) {
	p := start(t)
	ann := p.signIn("Ann")
	stranger := &visitor{p: p, http: &http.Client{Timeout: patience}}
	for _, c := range []struct {
		who    *visitor
		body   string
		status int
		code   string
	}{
		{stranger, `{"checks":[]}`, 401, "unauthorized"},
		{ann, `not json`, 400, "bad_message"},
		{ann, `[1]`, 400, "bad_message"},
		{ann, `{"x":"` + strings.Repeat("y", 17<<10) + `"}`, 413, "too_big"},
	} {
		resp := c.who.post("/reports", c.body)
		var got struct{ Error struct{ Code string } }
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != c.status || got.Error.Code != c.code {
			t.Errorf("POST %.20s: %d %q, %v; want %d %q", c.body, resp.StatusCode, got.Error.Code, err, c.status, c.code)
		}
	}
	if resp := ann.get("/reports"); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET /reports: %d", resp.StatusCode)
	}
	var left struct{ Code string }
	resp := ann.post("/reports", `{"checks":[{"id":"stun"}]}`)
	if err := json.NewDecoder(resp.Body).Decode(&left); err != nil || resp.StatusCode != http.StatusCreated || left.Code == "" {
		t.Fatalf("a report was answered with %d, code %q, %v", resp.StatusCode, left.Code, err)
	}
	var seen struct {
		Left []struct {
			Code   string
			Report struct{ Checks []struct{ ID string } }
		}
	}
	resp = p.askAdmin(http.MethodGet, "reports")
	if err := json.NewDecoder(resp.Body).Decode(&seen); err != nil || resp.StatusCode != 200 || len(seen.Left) != 1 || seen.Left[0].Code != left.Code || seen.Left[0].Report.Checks[0].ID != "stun" {
		t.Errorf("GET reports: %d %+v, %v", resp.StatusCode, seen, err)
	}
	for range 4 {
		ann.post("/reports", `{}`)
	}
	if resp := ann.post("/reports", `{}`); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a sixth report: %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
}
