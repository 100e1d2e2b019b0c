package auth

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// origin is a web origin in the form in which two are compared: lower case, the
// port always written when the scheme has a usual one.
type origin struct{ scheme, host, port string }

// originRules are the origins that configuration names, surface.md "Origins".
type originRules struct {
	public origin // of http.public_url; zero when there is none
	listed []origin
}

func newOriginRules(publicURL string, allowed []string) (originRules, error) {
	var rules originRules
	if publicURL != "" {
		u, err := url.Parse(publicURL)
		if err != nil {
			return rules, fmt.Errorf("http.public_url %q is no URL: write https://host or https://host:port", publicURL)
		}
		o, ok := parseOrigin(u.Scheme + "://" + u.Host)
		if !ok || o.scheme != "http" && o.scheme != "https" {
			return rules, fmt.Errorf("http.public_url %q is no address of a web page: write https://host or https://host:port", publicURL)
		}
		rules.public = o
	}
	for _, a := range allowed {
		o, ok := parseOrigin(strings.TrimSuffix(a, "/"))
		if !ok {
			return rules, fmt.Errorf("http.allowed_origins: %q is no origin: write https://host or https://host:port, nothing else", a)
		}
		rules.listed = append(rules.listed, o)
	}
	return rules, nil
}

// parseOrigin reads the ASCII form of an origin, RFC 6454 section 6.2. "null"
// and anything with a path, a user or a wildcard is none.
func parseOrigin(s string) (origin, bool) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Opaque != "" || u.User != nil ||
		!strings.EqualFold(s, u.Scheme+"://"+u.Host) || strings.ContainsAny(u.Host, "*, ") {
		return origin{}, false
	}
	o := origin{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port()}
	if o.port == "" {
		o.port = usualPort(o.scheme)
	}
	return o, o.host != "" && !strings.HasSuffix(u.Host, ":")
}

func usualPort(scheme string) string {
	switch scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}

// provenance is what the Origin header says about a request.
type provenance int

const (
	originAbsent  provenance = iota // curl, or a browser that does not send it here
	originOurs                      // a page of this server
	originListed                    // a page of http.allowed_origins: the token, never the cookie
	originForeign                   // refused
)

func (s *Service) provenance(r *http.Request) provenance {
	sent := r.Header.Values("Origin")
	if len(sent) == 0 {
		return originAbsent
	}
	o, ok := parseOrigin(sent[0])
	switch {
	case !ok || len(sent) > 1:
		return originForeign
	case o == s.origins.public || o.isHost(r):
		return originOurs
	case slices.Contains(s.origins.listed, o):
		return originListed
	}
	return originForeign
}

// isHost compares with the Host header. A Host without a port has the usual one
// of the origin's scheme, since a proxy may end TLS before us; but a page that
// came without TLS is not ours when the request came with it.
func (o origin) isHost(r *http.Request) bool {
	if o.scheme != "https" && (o.scheme != "http" || r.TLS != nil) {
		return false
	}
	host, port := r.Host, usualPort(o.scheme)
	if h, p, err := net.SplitHostPort(r.Host); err == nil {
		host, port = h, p
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.EqualFold(host, o.host) && port == o.port
}

// CheckOrigin refuses a request that comes from a page which is neither ours nor
// listed, and a WebSocket that brings the cookie and does not say from which page:
// 403 bad_origin. It comes before everything else.
func (s *Service) CheckOrigin(r *http.Request) error {
	message := "This page may not use this server. Its operator can allow it with http.allowed_origins."
	switch from := s.provenance(r); {
	case from == originAbsent && isUpgrade(r) && s.cookieAlone(r):
		message = "A WebSocket with the cookie needs an Origin header. Send that, or the token in place of the cookie."
	case from != originForeign:
		return nil
	}
	s.opts.Log.Debug("A request from a foreign page was refused.", "origin", r.Header.Get("Origin"), "host", r.Host)
	return &Refusal{Status: http.StatusForbidden, Reason: "bad_origin", Message: message}
}

// cookieAlone reports whether the cookie would say who the request is from.
func (s *Service) cookieAlone(r *http.Request) bool {
	_, token := bearer(r)
	return !token && len(r.CookiesNamed(s.cookieName())) > 0
}

// cookieCounts keeps the cookie from every request that another site may have
// caused.
func (s *Service) cookieCounts(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return false
	}
	p := s.provenance(r)
	return p == originOurs || p == originAbsent && !isUpgrade(r)
}

func isUpgrade(r *http.Request) bool {
	return r.URL.Path == "/ws" || r.Header.Get("Upgrade") != ""
}

// CORS applies the rule on origins before next, answers preflights and lets the
// pages of listed origins read the answers. Every answer varies by Origin.
func (s *Service) CORS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Origin")
		if err := s.CheckOrigin(r); err != nil {
			s.refuse(w, err)
			return
		}
		from := s.provenance(r)
		if from == originListed {
			h := w.Header()
			h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
			h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
		}
		if r.Method == http.MethodOptions && from != originAbsent {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}
