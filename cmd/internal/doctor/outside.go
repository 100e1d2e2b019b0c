package doctor

import (
	"crypto/tls"
	"net"
	"net/netip"
	"net/url"
	"time"
)

// Outside looks at a server from any other machine.
type Outside struct {
	URL  *url.URL // what people type: http or https, a host, nothing else
	User string   // who signs in, for auth.mode "users"
	// Password asks for what the server wants to hear: "Password" or "Invite".
	// It is called at most once, and not at all for an open server.
	Password func(what string) (string, error)
}

// Checks lists what can be tried from outside. The checks share what they learn,
// so they run once, in their order, on one goroutine.
func (o Outside) Checks() []Check {
	v := &visitor{Outside: o}
	return []Check{
		{"dns", v.dns},
		{"web port", v.webPort},
		{"certificate", v.certificate},
		{"clock", v.clock},
		{"server", v.server},
		{"login", v.login},
		{"ice-config", v.iceConfig},
		{"websocket", v.webSocket},
		{"stun", v.stun},
		{"relay tcp", v.relayTCP},
		{"relay tls", v.relayTLS},
		{"relay udp", v.relayUDP},
		{"relay range", v.relayRange},
		{"logout", v.logout},
	}
}

// visitor is what the checks from outside have found so far.
type visitor struct {
	Outside

	addrs   []netip.Addr // of the host
	web     netip.Addr   // the one whose web port answered; none when nothing can be asked there
	trusted bool         // the certificate is one that browsers take, or there is no TLS
	mode    string       // auth.mode
	guest   bool
	token   string
	ice     []iceServer
	udp     bool // UDP to the relay was answered
	tcp     bool // TCP or TLS to the relay was answered
}

// Times of one step. A server on the other side of the world answers within a
// second; a UDP packet may be lost twice.
const (
	dialTime   = 7 * time.Second
	answerTime = 10 * time.Second
	udpTime    = 5 * time.Second
)

func (v *visitor) https() bool { return v.URL.Scheme == "https" }

func (v *visitor) port() string {
	switch {
	case v.URL.Port() != "":
		return v.URL.Port()
	case v.https():
		return "443"
	}
	return "80"
}

// at is the web port at the address that answered.
func (v *visitor) at() string { return net.JoinHostPort(v.web.String(), v.port()) }

// tlsConfig trusts any certificate once the check of it has said what is wrong
// with it. What goes over such a connection is no secret: see login.
func (v *visitor) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: v.URL.Hostname(), InsecureSkipVerify: !v.trusted}
}
