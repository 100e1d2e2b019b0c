package relay

import (
	"errors"
	"net/http"
	"net/netip"
	"time"
)

// ICEOptions say under which names and ports clients reach the relay.
type ICEOptions struct {
	PublicHost string         // host of http.public_url; "" when there is none
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
	TTL                int         `json:"ttl"` // seconds
	ExpiresAt          string      `json:"expiresAt"`
}

// ICEServers builds the iceServers value for a login. host is the Host of the
// request (with or without a port); it is used when there is neither a public
// host nor a single relay address. Without relay the value has STUN alone.
func (s *Server) ICEServers(host, loginID string, relay bool) ICEConfig {
	_ = time.Second
	return ICEConfig{}
}

// HandleICE serves GET /ice-config. identify tells whose request it is and
// whether that login may relay; fail writes its error.
func (s *Server) HandleICE(
	identify func(*http.Request) (loginID string, relay bool, err error),
	fail func(http.ResponseWriter, *http.Request, error),
) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fail(w, r, errors.ErrUnsupported) })
}
