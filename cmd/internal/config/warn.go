package config

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// Warning is something that is allowed and that the operator should know at
// every start.
type Warning struct {
	Key      string // or the variable of the environment
	Sentence string
}

// Warnings lists the choices that are risky or have no effect, for the log at
// the start and for `parley check`.
func (c Config) Warnings() []Warning {
	var out []Warning
	warn := func(when bool, key, format string, args ...any) {
		if when {
			out = append(out, Warning{key, fmt.Sprintf(format, args...)})
		}
	}
	public := !isLoopback(c.HTTP.Listen)
	warn(c.Auth.Mode == "open" && public, "auth.mode", "anyone who can reach %s may call under any free name", c.HTTP.Listen)
	warn(c.Auth.Mode == "open" && public && c.Auth.RelayFor == "all", "auth.relay_for", "guests may use the relay; \"members\" keeps it for people with an account or invitation")
	warn(public && c.TLS.Mode == "off" && !strings.HasPrefix(c.HTTP.PublicURL, "https://"), "tls.mode", "browsers give camera and microphone to https alone; set tls.mode, or http.public_url when a proxy in front does TLS")
	warn(public && isLoopback(c.Relay.Listen), "relay.listen", "%s is this machine alone, so no one else gets a relay; on a server write \":3478\"", c.Relay.Listen)
	for _, a := range c.Relay.ExternalIP {
		warn(a.IsLoopback() && !isLoopback(c.Relay.Listen), "relay.external_ip", "%s is this machine alone, so no one else can use a relay; write the address at which they reach it", a)
	}
	warn(!isLoopback(c.Admin.Listen), "admin.listen", "%s is open to other machines; metrics are shown without a token", c.Admin.Listen)
	warn(c.Relay.AllowOwnAddresses, "relay.allow_own_addresses", "relays reach every port of this machine; for tests only")
	for _, p := range c.Relay.AllowedPeers {
		warn(p.Bits() == 0, "relay.allowed_peers", "%s opens every private network to everyone who gets a relay", p)
	}
	warn(c.Relay.Ports.Size() < 40, "relay.ports", "%d ports are few: a call of six may need 30 for each member", c.Relay.Ports.Size())
	warn(c.Log.Level == slog.LevelDebug, "log.level", "debug writes addresses of people into the log")
	return slices.Concat(out, c.idle(), c.strangers)
}

// idle lists keys that are set and do nothing in the chosen mode.
func (c Config) idle() []Warning {
	var out []Warning
	for _, k := range []struct{ key, value, mode, needs, chosen string }{
		{"tls.cert", c.TLS.Cert, "tls.mode", "files", c.TLS.Mode},
		{"tls.key", c.TLS.Key, "tls.mode", "files", c.TLS.Mode},
		{"tls.acme_email", c.TLS.ACMEEmail, "tls.mode", "acme", c.TLS.Mode},
		{"tls.acme_directory", c.TLS.ACMEDirectory, "tls.mode", "acme", c.TLS.Mode},
		{"tls.acme_ca_file", c.TLS.ACMECAFile, "tls.mode", "acme", c.TLS.Mode},
		{"tls.acme_http_listen", c.TLS.ACMEHTTPListen, "tls.mode", "acme", c.TLS.Mode},
		{"auth.password_file", c.Auth.PasswordFile, "auth.mode", "password", c.Auth.Mode},
	} {
		if k.value != "" && k.needs != k.chosen {
			out = append(out, Warning{k.key, fmt.Sprintf("has no effect while %s = %q", k.mode, k.chosen)})
		}
	}
	// The other modes let people of the user file in beside what they are named for.
	if c.Auth.UsersFile != "" && c.Auth.Mode == "token" {
		out = append(out, Warning{"auth.users_file", "has no effect while auth.mode = \"token\""})
	}
	return out
}
