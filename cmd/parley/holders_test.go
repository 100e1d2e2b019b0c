package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"parley/signaling/auth"
)

// askAdmin asks the admin listener with its token; body is a Content-Type and
// what follows it, or nothing.
func (p *program) askAdmin(method, path string, body ...string) *http.Response {
	p.t.Helper()
	token, err := os.ReadFile(p.cfg.AdminTokenFile())
	if err != nil {
		p.t.Fatal(err)
	}
	req, _ := http.NewRequest(method, "http://"+p.socks.Admin.Addr().String()+"/admin/api/"+path, strings.NewReader(strings.Join(body[min(1, len(body)):], "")))
	if len(body) > 0 {
		req.Header.Set("Content-Type", body[0])
	}
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

// The command finds the running server by its configuration alone.
func TestRelaysAreListedAndEndedFromTheShell(t *testing.T) {
	p := start(t)
	for _, name := range []string{"Ann", "Bob"} {
		if _, _, err := p.signIn(name).allocate(t, "udp"); err != nil {
			t.Fatal(err)
		}
	}
	relays := func(args ...string) (int, []string, string) {
		code, out, errs := parley(t, p.cfg.DataDir, "", append([]string{"relays"}, args...),
			"PARLEY_DATA_DIR="+p.cfg.DataDir, "PARLEY_ADMIN_LISTEN="+p.socks.Admin.Addr().String())
		return code, strings.Split(strings.TrimSpace(out), "\n")[1:], errs
	}
	if _, rows, errs := relays(); len(rows) != 2 {
		t.Fatalf("%d relays, want 2: %q %s", len(rows), rows, errs)
	}
	_, rows, errs := relays("-user", "Ann")
	if len(rows) != 1 || !strings.Contains(rows[0], `"Ann"`) {
		t.Fatalf("relays of Ann: %q %s", rows, errs)
	}
	id := strings.Fields(rows[0])[0]
	if code, _, errs := relays("-end", id); code != 0 || !strings.Contains(errs, id) {
		t.Errorf("ending Ann's: exit %d, %s", code, errs)
	}
	eventually(t, "relay gone", func() bool { return len(p.turn.Allocations()) == 1 })
	for _, none := range []string{id, "x/../y", "a b?c"} {
		if code, _, errs := relays("-end", none); code != 1 || !strings.Contains(errs, "no such relay") {
			t.Errorf("ending %q: exit %d, %s", none, code, errs)
		}
	}
}

// Another program that has the secret mints credentials for users of its own.
func TestRelaysOfAnotherProgramHaveItsUsers(t *testing.T) {
	p := start(t)
	secret, err := os.ReadFile(p.cfg.RelaySecretsFile())
	if err != nil {
		t.Fatal(err)
	}
	addr, _, _ := p.signIn("Ann").turnURL(t, "udp")
	for _, user := range []string{"nc-user", "a\x1b[2J b"} {
		name := fmt.Sprintf("%d:%s", time.Now().Add(time.Hour).Unix(), user)
		mac := hmac.New(sha1.New, bytes.TrimSpace(secret))
		mac.Write([]byte(name))
		if _, _, err := allocateAs(t, "udp", addr, name, base64.StdEncoding.EncodeToString(mac.Sum(nil))); err != nil {
			t.Fatal(err)
		}
		code, out, errs := parley(t, p.cfg.DataDir, "", []string{"relays", "-user", user},
			"PARLEY_DATA_DIR="+p.cfg.DataDir, "PARLEY_ADMIN_LISTEN="+p.socks.Admin.Addr().String())
		shown := strings.Trim(strconv.Quote(user), `"`)
		if rows := strings.Split(strings.TrimSpace(out), "\n")[1:]; len(rows) != 1 || !strings.Contains(rows[0], shown) {
			t.Errorf("relays of %q: exit %d, %q %s", user, code, rows, errs)
		}
	}
}
