package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestShellIsServed(t *testing.T) {
	h, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/r/standup", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("GET /r/standup: %d", w.Code)
	}
}
