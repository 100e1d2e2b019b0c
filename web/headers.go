package web

import (
	"net/http"
	"strings"
)

// hstsValue asks for a year, the length that browsers' own lists require.
const hstsValue = "max-age=31536000"

// policy is the content security policy without connect-src, which names the
// host. No inline script or style, no foreign origin, no frame, no worker,
// and no string ever becomes markup or code (Trusted Types).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
	"media-src 'self' blob:; font-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'; "

const permissions = "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), " +
	"picture-in-picture=(self), screen-wake-lock=(self), speaker-selection=(self), autoplay=(self), geolocation=()"

// secure sets the headers that every answer of the client carries.
func secure(o Options, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy+connectSource(o.Host(r), r.TLS != nil))
		h.Set("Permissions-Policy", permissions)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		if o.HSTS {
			h.Set("Strict-Transport-Security", hstsValue)
		}
		next.ServeHTTP(w, r)
	})
}

// connectSource names the WebSocket's host explicitly, since 'self' does not
// cover WebSockets in older Safari. Without TLS of our own both schemes stand:
// the page may be plain, or a proxy in front may speak TLS.
func connectSource(host string, tls bool) string {
	source := "connect-src 'self'"
	if !plainHost(host) {
		return source
	}
	if !tls {
		source += " ws://" + host
	}
	return source + " wss://" + host
}

// plainHost tells whether a host may stand in a header: the request's Host is
// what the other side wrote, and a ';' in it would end the directive. The
// policy's grammar has no IPv6 literals: browsers call them invalid.
func plainHost(host string) bool {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:"
	return host != "" && strings.Trim(host, allowed) == ""
}
