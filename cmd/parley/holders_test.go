package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"parley/signaling/auth"
)

// askAdmin asks the admin listener with its token.
func (p *program) askAdmin(method, path string) *http.Response {
	p.t.Helper()
	token, err := os.ReadFile(p.cfg.AdminTokenFile())
	if err != nil {
		p.t.Fatal(err)
	}
	req, _ := http.NewRequest(method, "http://"+p.socks.Admin.Addr().String()+"/admin/api/"+path, nil)
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// Somebody who has signed in and has no socket can hold relays all the same.
func TestRelayWithoutASocketHasAnOwner(t *testing.T) {
	p := start(t)
	ann := p.signIn("Ann")
	if _, _, err := ann.allocate(t, "udp"); err != nil {
		t.Fatal(err)
	}
	var rows []relayRow
	if err := json.NewDecoder(p.askAdmin("GET", "relays").Body).Decode(&rows); err != nil {
		t.Fatal(err)
	}
	user := ann.login.User.User
	if len(rows) != 1 || rows[0].User != user || rows[0].Name != "Ann" {
		t.Fatalf("relays: %+v, want one of Ann (%s)", rows, user)
	}
	for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
		if resp := p.askAdmin("DELETE", "users/"+user+"/sessions"); resp.StatusCode != want {
			t.Errorf("ending Ann's sessions: %s, want %d", resp.Status, want)
		}
	}
	eventually(t, "relay gone", func() bool { return len(p.turn.Allocations()) == 0 })
	if resp := ann.get("/me"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("/me: %s", resp.Status)
	}
	if resp := p.askAdmin("DELETE", "users/nobody/sessions"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("ending the sessions of nobody: %s", resp.Status)
	}
	if strings.Contains(p.log.String(), "level=ERROR") {
		t.Errorf("a user that there is none of is an error in the log:\n%s", p.log)
	}
}

func TestHoldersAreBounded(t *testing.T) {
	h := newHolders(0)
	for i := range maxHolders + 10 {
		h.note(fmt.Sprint(i), "u_ann", "Ann")
	}
	if len(h.by) > maxHolders {
		t.Errorf("%d holders", len(h.by))
	}
	if user, _ := h.find(fmt.Sprint(maxHolders + 9)); user != "u_ann" {
		t.Error("the newest one is not known")
	}
	if !h.forget(auth.Ended{User: "u_ann"}) || len(h.by) != 0 {
		t.Errorf("%d holders of a user who has ended", len(h.by))
	}
}
