package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// An invite without a name is for a guest who chooses one at the sign-in; all
// else but the Content-Type is judged as the body of POST /login is.
func TestInvitesAreRefusedAsLoginsAre(t *testing.T) {
	p := start(t)
	for _, c := range []struct {
		kind, body string
		status     int
		code       string
	}{
		{"application/json", `{"name":"Bob","room":"kitchen","ttl":"1h","relay":false,"role":"user"}`, 200, ""},
		{"application/json", `{}`, 200, ""},
		{"text/plain", `{"name":"Bob"}`, 200, ""}, // as fetch and curl send it unasked: who has the token is no form of another site
		{"application/json", `{"name":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "too_big"},
		{"application/json", `{"name":"a\u0000b"}`, 400, "bad_name"},
		{"application/json", `{"name":"` + strings.Repeat("x", 33) + `"}`, 400, "bad_name"},
		{"application/json", `{"name":7}`, 400, "bad_message"},
		{"application/json", `["Bob"]`, 400, "bad_message"},
		{"application/json", `{"name":"Bob","ttl":"60"}`, 400, "bad_message"},
		{"application/json", `{"name":"Bob","ttl":"169h"}`, 400, "bad_message"},
		{"application/json", `{"name":"Bob","room":"a/b"}`, 400, "bad_message"},
		{"application/json", `{"name":"Bob","role":"root"}`, 400, "bad_message"},
	} {
		resp := p.askAdmin("POST", "invites", c.kind, c.body)
		var answer struct {
			Token string
			Error refusal
		}
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != c.status || answer.Error.Code != c.code || (answer.Token != "") != (resp.StatusCode == http.StatusOK) {
			t.Errorf("%s %.60s: %s %+v; want %d %s", c.kind, c.body, resp.Status, answer, c.status, c.code)
		}
	}
}
