package main

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"time"

	"parley/cmd/internal/listen"
)

// Bounds of one HTTP connection (security: slow and endless requests). A
// WebSocket leaves them behind at its upgrade.
const (
	headerTime = 5 * time.Second
	bodyTime   = 30 * time.Second
	answerTime = 2 * time.Minute // the whole client over a slow phone network
	idleTime   = 2 * time.Minute
	maxHeader  = 16 << 10 // bytes
)

func webServer(h http.Handler, log *slog.Logger) *http.Server {
	s := &http.Server{
		Handler: h, Protocols: new(http.Protocols),
		ReadHeaderTimeout: headerTime, ReadTimeout: bodyTime, WriteTimeout: answerTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if state, ok := listen.TLSState(c); ok {
				return context.WithValue(ctx, tlsState{}, &state)
			}
			return ctx
		},
	}
	s.Protocols.SetHTTP1(true)
	// The mux has ended TLS already, so HTTP/2 arrives here without it.
	s.Protocols.SetUnencryptedHTTP2(true)
	return s
}

type tlsState struct{}

// withTLSState gives handlers r.TLS as if net/http had ended TLS itself.
func withTLSState(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if state, ok := r.Context().Value(tlsState{}).(*tls.ConnectionState); ok && r.TLS == nil {
			r.TLS = state
		}
		next.ServeHTTP(w, r)
	})
}

// withTLSOnly sends who speaks plain HTTP to a port with TLS to its https
// address: no password or token is taken in clear where there is a certificate.
func withTLSOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.TLS != nil:
			next.ServeHTTP(w, r)
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			// Not for good: the operator may turn TLS off again.
			http.Redirect(w, r, "https://"+r.Host+r.URL.RequestURI(), http.StatusTemporaryRedirect)
		default:
			refuse(w, http.StatusBadRequest, "bad_message", "This port speaks HTTPS: use https://"+r.Host+".", 0)
		}
	})
}

// withNoSniff keeps browsers from taking an answer for another kind of file
// than it says (WHATWG Fetch, "X-Content-Type-Options").
func withNoSniff(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}
