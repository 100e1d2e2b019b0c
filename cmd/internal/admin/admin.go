// Package admin serves what an operator's tools ask: health, readiness,
// metrics and profiles, on a listener of its own. It owns no goroutine.
package admin

import (
	"crypto/subtle"
	"encoding/json"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"sync"
)

// Options configure the admin pages.
type Options struct {
	API     http.Handler      // below /admin/api/, for who has the token
	Token   string            // bearer token for everything but health, readiness and metrics
	Host    string            // the listener's own `host:port`; other Host headers are refused
	Collect func(Emit)        // called at each scrape, from the scraper's goroutine
	Build   map[string]string // labels of parley_build_info
	Refuse  Refuse
}

// Refuse writes an error answer.
type Refuse func(w http.ResponseWriter, status int, code, message string)

// Readiness answers /healthz and /readyz. The zero value is ready. Its methods
// may be called from any goroutine.
type Readiness struct {
	// Look gives the reasons that hold at the time it is asked; nil has none. Set
	// it before the first request.
	Look func() []string

	mu      sync.Mutex
	reasons []string
}

// Set adds or removes one reason why the server should get no new visitors.
func (r *Readiness) Set(reason string, holds bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reasons = slices.DeleteFunc(r.reasons, func(s string) bool { return s == reason })
	if holds {
		r.reasons = append(r.reasons, reason)
	}
}

// Reasons lists what holds; none means ready.
func (r *Readiness) Reasons() []string {
	r.mu.Lock()
	reasons := append([]string{}, r.reasons...)
	r.mu.Unlock()
	if r.Look != nil {
		reasons = append(reasons, r.Look()...)
	}
	return reasons
}

// Healthz says that the process answers.
func (r *Readiness) Healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Write([]byte("ok"))
}

// Readyz answers 200 or 503, each with the reasons.
func (r *Readiness) Readyz(w http.ResponseWriter, _ *http.Request) {
	reasons := r.Reasons()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if len(reasons) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	json.NewEncoder(w).Encode(map[string]any{"ready": len(reasons) == 0, "reasons": reasons})
}

// New is the handler of admin.listen. A page of an attacker cannot reach it by
// pointing a name of his at 127.0.0.1: the Host header must be the listener's.
func New(o Options, ready *Readiness) http.Handler {
	open := http.NewServeMux()
	handle(open, o.Refuse, http.MethodGet, "/healthz", ready.Healthz)
	handle(open, o.Refuse, http.MethodGet, "/readyz", ready.Readyz)
	handle(open, o.Refuse, http.MethodGet, "/metrics", metrics(o.Build, o.Collect).ServeHTTP)
	open.Handle("/", o.protected())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !ownHost(r.Host, o.Host) {
			o.Refuse(w, http.StatusForbidden, "forbidden", "This address serves administrators by its own name only: use http://"+o.Host+".")
			return
		}
		open.ServeHTTP(w, r)
	})
}

func (o Options) protected() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	if o.API != nil {
		mux.Handle(base, o.API)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		o.Refuse(w, http.StatusNotFound, "not_found", "There is nothing at this address. /healthz, /readyz and /metrics are here.")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if o.Token == "" || subtle.ConstantTimeCompare([]byte(given), []byte(o.Token)) != 1 {
			o.Refuse(w, http.StatusUnauthorized, "unauthorized", "Send `Authorization: Bearer` with the content of the admin token file.")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// ownHost accepts the listener's own address, localhost where that is loopback,
// and any IP literal where it listens on every address.
func ownHost(host, own string) bool {
	ownIP, ownPort, _ := net.SplitHostPort(own)
	h, p, err := net.SplitHostPort(host)
	if err != nil {
		h, p = strings.Trim(host, "[]"), "80"
	}
	if p != ownPort {
		return false
	}
	listen, named := net.ParseIP(ownIP), net.ParseIP(h)
	switch {
	case listen == nil || listen.IsUnspecified():
		return named != nil || strings.EqualFold(h, "localhost")
	case strings.EqualFold(h, "localhost"):
		return listen.IsLoopback()
	}
	return listen.Equal(named)
}
