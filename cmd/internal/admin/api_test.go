package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"parley/cmd/internal/admin"
)

func TestAPI(t *testing.T) {
	some := func() any { return []string{"row"} }
	h := admin.API{
		Relays: some, Sessions: some, Rooms: some, Overview: some, Reports: some,
		EndRelay: func(id string) bool { return id == "r1" },
		EndUser:  func(user string) bool { return user == "u_ann" },
		Invite:   func(admin.InviteRequest) (admin.Invite, error) { return admin.Invite{Token: "pi_x"}, nil },
		Read:     func(http.ResponseWriter, *http.Request, any) error { return nil },
		Refuse:   func(w http.ResponseWriter, status int, code, _ string) { http.Error(w, code, status) },
	}.Handler()
	for _, c := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "relays", 200, `["row"]`},
		{"GET", "sessions", 200, `["row"]`},
		{"GET", "rooms", 200, `["row"]`},
		{"GET", "overview", 200, `["row"]`},
		{"GET", "reports", 200, `["row"]`},
		{"DELETE", "relays/r1", 204, ""},
		{"DELETE", "relays/r2", 404, "not_found"},
		{"DELETE", "users/u_ann/sessions", 204, ""},
		{"DELETE", "users/u_bob/sessions", 404, "not_found"},
		{"POST", "invites", 200, `"token":"pi_x"`},
		{"POST", "relays", 405, "bad_message"},
		{"GET", "relays/r1", 405, "bad_message"},
		{"DELETE", "invites", 405, "bad_message"},
		{"GET", "nothing", 404, "not_found"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(c.method, "/admin/api/"+c.path, strings.NewReader("{}")))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || (w.Code == 405) != (w.Header().Get("Allow") != "") {
			t.Errorf("%s %s: %d %s (Allow %q); want %d with %q", c.method, c.path, w.Code, w.Body, w.Header().Get("Allow"), c.status, c.body)
		}
	}
}
