package doctor

import (
	"context"
	"crypto/tls"
	"net/netip"
	"net/url"
)

// Inside looks at a server on its own machine. The addresses are host:port as
// one reaches them from here.
type Inside struct {
	Web      string // http.listen
	TLS      bool   // whether the web port speaks TLS
	Relay    string // relay.listen
	RelayTLS string // relay.tls_listen, "" without one
	Admin    string // admin.listen
	Sockets  []Socket

	PublicURL *url.URL // nil when there is none
	RelayURLs bool     // relay.urls are written, so public_url need not lead to the relay

	Secret     string // signs TURN credentials; "" when it could not be read
	AdminToken string
	Files      []File

	Sessions, Allocations int // what the configuration allows
}

// Socket is one address that Parley binds.
type Socket struct {
	Key     string // of the configuration
	Network string // tcp or udp
	Addr    string // as written
	Local   string // as one reaches it from this machine
}

// File is one that must not be open to others.
type File struct {
	Key, Path string
	Folder    bool // the whole folder is Parley's alone
	Made      bool // Parley makes it at its first start
}

// Checks lists what can be tried on the server's machine. The checks share what
// they learn, so they run once, in their order, on one goroutine. Those that ask
// the running server are left out when there is none.
func (o Inside) Checks() []Check {
	m := &machine{Inside: o}
	list := []Check{
		{"service", m.service},
		{"admin", m.admin},
		{"ports", m.ports},
		{"address", m.address},
		{"dns", m.dns},
		{"clock", m.clock},
		{"certificate", m.certificate},
		{"files", m.files},
		{"kernel buffers", m.buffers},
		{"kernel gso", m.gso},
		{"descriptors", m.descriptors},
		{"web port http", m.http},
		{"web port websocket", m.webSocket},
		{"web port turn/tcp", m.webTURN},
		{"web port turn/tls", m.webTURNS},
		{"relay udp", func(ctx context.Context) Result { return m.relay(ctx, "udp", m.Relay) }},
		{"relay tcp", func(ctx context.Context) Result { return m.relay(ctx, "tcp", m.Relay) }},
	}
	if o.TLS {
		list = append(list, Check{"relay tls", m.relayTLS})
	}
	return list
}

// machine is what the checks from inside have found so far.
type machine struct {
	Inside

	running bool
	metrics string
	relayed netip.Addr // what the relay announces
	mute    bool       // the web port makes no TLS handshake, as the certificate's line says
}

// tlsConfig trusts what this machine itself shows: the check of the certificate
// judges it.
func (m *machine) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: m.name(), InsecureSkipVerify: true}
}

// name is the host that visitors type, or localhost.
func (m *machine) name() string {
	if m.PublicURL == nil {
		return "localhost"
	}
	return m.PublicURL.Hostname()
}

// down is for checks that ask the running server when there is none.
func down() Result { return Result{} }

// dumb says whether the web port can be asked nothing: there is no server, or it
// shows no certificate, which has a line of its own.
func (m *machine) dumb() bool { return !m.running || m.mute }
