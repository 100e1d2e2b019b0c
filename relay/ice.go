package relay

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// ICEOptions say under which names and ports clients reach the relay.
type ICEOptions struct {
	PublicHost string         // host of http.public_url, with or without a port; "" when there is none
	Listen     netip.AddrPort // relay.listen as bound (with the real port)
	TLS        bool           // whether turns: can be offered
	TLSPorts   []int          // ports that take TURN over TLS: http.listen, relay.tls_listen
	URLs       []string       // handed out instead of the derived ones when not empty
}

// ICEServer is one entry of an RTCConfiguration's iceServers.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// ICEConfig is the body of /ice-config: an RTCConfiguration as it stands.
type ICEConfig struct {
	ICEServers         []ICEServer `json:"iceServers"`
	ICETransportPolicy string      `json:"iceTransportPolicy"`
	TTL                int         `json:"ttl"`       // seconds
	ExpiresAt          string      `json:"expiresAt"` // RFC 3339, UTC
}

// One login asks at its start, at half of each credential's life and after an
// ICE failure; several tabs share it.
const (
	iceRate  = 10
	iceBurst = 60
)

// SetICE replaces the options for ICEServers, for callers that learn the bound
// port only after New. It must be called before the server is used.
func (s *Server) SetICE(o ICEOptions) { s.o.ICE = o }

// ICEServers builds the iceServers value for a login. host is the Host of the
// request (with or without a port); it is used when there is neither a public
// host nor a single relay address. Without relay the value has STUN alone.
func (s *Server) ICEServers(host, loginID string, relay bool) ICEConfig {
	stun, turn := s.iceURLs(host)
	cfg := ICEConfig{ICEServers: []ICEServer{}, ICETransportPolicy: "all", TTL: int(s.o.CredentialTTL / time.Second)}
	expires := s.o.Now().Add(s.o.CredentialTTL)
	if len(stun) > 0 {
		cfg.ICEServers = append(cfg.ICEServers, ICEServer{URLs: stun})
	}
	if relay && len(turn) > 0 {
		var entry ICEServer
		entry.URLs = turn
		entry.Username, entry.Credential, expires = s.Credentials(loginID)
		cfg.ICEServers = append(cfg.ICEServers, entry)
	}
	cfg.ExpiresAt = expires.UTC().Format(time.RFC3339)
	return cfg
}

// iceURLs lists the STUN and the TURN URLs (RFC 7064, RFC 7065).
func (s *Server) iceURLs(host string) (stun, turn []string) {
	o := s.o.ICE
	for _, u := range o.URLs {
		if scheme, _, _ := strings.Cut(strings.ToLower(u), ":"); scheme == "stun" || scheme == "stuns" {
			stun = append(stun, u)
		} else {
			turn = append(turn, u)
		}
	}
	if len(o.URLs) > 0 {
		return stun, turn
	}
	name := s.iceHost(host)
	at := name + ":" + strconv.Itoa(int(o.Listen.Port()))
	stun = []string{"stun:" + at}
	turn = []string{"turn:" + at + "?transport=udp", "turn:" + at + "?transport=tcp"}
	if o.TLS {
		for _, port := range o.TLSPorts {
			turn = append(turn, fmt.Sprintf("turns:%s:%d?transport=tcp", name, port))
		}
	}
	return stun, turn
}

// iceHost picks the host: of public_url; the relay's own address when it
// listens on a single one; of the request; else a relay address. IPv6 literals
// come in brackets.
func (s *Server) iceHost(requested string) string {
	o := s.o.ICE
	if h := hostname(o.PublicHost); h != "" {
		return h
	}
	if a := o.Listen.Addr(); a.IsValid() && !a.IsUnspecified() {
		return bracket(a)
	}
	if h := hostname(requested); h != "" {
		return h
	}
	return bracket(s.firstIPv4)
}

func bracket(a netip.Addr) string {
	if a = a.WithZone("").Unmap(); a.Is6() {
		return "[" + a.String() + "]"
	}
	return a.String()
}

// hostname takes the host out of a Host header; "" if it is none that can stand
// in a URL, for the header is the client's to choose.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if a, err := netip.ParseAddr(host); err == nil {
		return bracket(a)
	}
	if host == "" || len(host) > 253 {
		return ""
	}
	for _, c := range host {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '-' && c != '.' && c != '_' {
			return ""
		}
	}
	return host
}

// HandleICE serves GET /ice-config. identify tells whose request it is and
// whether that login may relay; fail writes its error.
func (s *Server) HandleICE(
	identify func(*http.Request) (loginID string, relay bool, err error),
	fail func(http.ResponseWriter, *http.Request, error),
) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			s.o.Refuse(w, http.StatusMethodNotAllowed, "bad_message", "Ask for the ICE configuration with GET.", 0)
			return
		}
		login, relay, err := identify(r)
		if err != nil {
			fail(w, r, err)
			return
		}
		if !s.iceLimit.allowString(login) {
			s.o.Refuse(w, http.StatusTooManyRequests, "rate_limited",
				"This login asks for relay credentials too often. Wait a moment.", time.Second)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s.ICEServers(r.Host, login, relay)) // the client has gone
	})
}
