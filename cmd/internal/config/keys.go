package config

import (
	"log/slog"
	"net/netip"
	"strings"
	"time"
)

// field ties one key to its place in a Config.
type field struct {
	key   string
	when  moment
	value value
}

// moment says when a changed key takes effect.
type moment bool

const (
	atStart  moment = false // needs a restart
	onReload moment = true  // SIGHUP is enough
)

// fields is the table of all keys, bound to c: name, what SIGHUP can do for
// it, and how its value is read. The order is that of config.toml.
func fields(c *Config) []field {
	h, t, a, s, r := &c.HTTP, &c.TLS, &c.Auth, &c.Signaling, &c.Relay
	return []field{
		{"data_dir", atStart, one(&c.DataDir, filled)},

		{"http.listen", atStart, one(&h.Listen, listenAddress)},
		{"http.public_url", atStart, one(&h.PublicURL, optional(webURL))},
		{"http.allowed_origins", atStart, many(&h.AllowedOrigins, origin)},
		{"http.trusted_proxies", atStart, many(&h.TrustedProxies, prefix)},

		{"tls.mode", atStart, one(&t.Mode, choice("off", "self-signed", "files", "acme"))},
		{"tls.cert", atStart, one(&t.Cert, anyText)},
		{"tls.key", atStart, one(&t.Key, anyText)},
		{"tls.acme_email", atStart, one(&t.ACMEEmail, optional(email))},
		{"tls.acme_directory", atStart, one(&t.ACMEDirectory, optional(directoryURL))},
		{"tls.acme_ca_file", atStart, one(&t.ACMECAFile, anyText)},
		{"tls.acme_http_listen", atStart, one(&t.ACMEHTTPListen, optional(listenAddress))},

		{"auth.mode", atStart, one(&a.Mode, choice("open", "password", "users", "token"))},
		{"auth.password_file", onReload, one(&a.PasswordFile, anyText)},
		{"auth.users_file", onReload, one(&a.UsersFile, anyText)},
		{"auth.jwt_keys", onReload, many(&a.JWTKeys, filled)},
		{"auth.session_ttl", atStart, one(&a.SessionTTL, duration(time.Second, 366*24*time.Hour))},
		{"auth.relay_for", atStart, one(&a.RelayFor, choice("all", "members", "none"))},

		// The largest room is a limit of the mesh: every member sends to every other.
		{"signaling.room_max", atStart, number(&s.RoomMax, 2, 100)},
		{"signaling.resume_window", atStart, one(&s.ResumeWindow, duration(shortest, time.Hour))},
		{"signaling.ring_timeout", atStart, one(&s.RingTimeout, duration(shortest, time.Hour))},
		{"signaling.offer_ttl", atStart, one(&s.OfferTTL, duration(shortest, 24*time.Hour))},
		// A session description of a browser needs some kilobytes.
		{"signaling.max_message", atStart, size(&s.MaxMessage, 1024, 16<<20)},
		{"signaling.max_sessions", atStart, number(&s.MaxSessions, 1, largest)},
		{"signaling.max_sessions_per_user", atStart, number(&s.MaxSessionsPerUser, 1, largest)},
		{"signaling.max_sessions_per_ip", atStart, number(&s.MaxSessionsPerIP, 1, largest)},
		{"signaling.directory", atStart, one(&s.Directory, choice("all", "members", "none"))},

		{"relay.listen", atStart, one(&r.Listen, listenAddress)},
		{"relay.tls_listen", atStart, one(&r.TLSListen, optional(listenAddress))},
		{"relay.external_ip", atStart, external{&r.ExternalIP}},
		{"relay.discover", atStart, many(&r.Discover, serverAddress)},
		{"relay.allow_private_external", atStart, flag{&r.AllowPrivateExternal}},
		{"relay.urls", atStart, many(&r.URLs, turnURL)},
		{"relay.realm", atStart, one(&r.Realm, realm)},
		{"relay.ports", atStart, one(&r.Ports, portRange)},
		{"relay.secrets_file", onReload, one(&r.SecretsFile, anyText)},
		// The clients get the life of a credential in whole seconds; a week
		// is already far beyond "short-lived".
		{"relay.credential_ttl", atStart, one(&r.CredentialTTL, duration(time.Second, 7*24*time.Hour))},
		{"relay.denied_peers", onReload, many(&r.DeniedPeers, prefix)},
		{"relay.allowed_peers", onReload, many(&r.AllowedPeers, prefix)},
		{"relay.allow_own_addresses", onReload, flag{&r.AllowOwnAddresses}},
		{"relay.max_allocations", onReload, number(&r.MaxAllocations, 1, largest)},
		{"relay.max_allocations_per_user", onReload, number(&r.MaxAllocationsPerUser, 1, largest)},
		{"relay.max_allocations_per_address", onReload, number(&r.MaxAllocationsPerAddress, 1, largest)},
		{"relay.max_permissions", onReload, number(&r.MaxPermissions, 1, largest)},
		{"relay.max_tcp_per_address", onReload, number(&r.MaxTCPPerAddress, 1, largest)},
		{"relay.unauthenticated_rate", onReload, number(&r.UnauthenticatedRate, 1, largest)},
		{"relay.max_bandwidth_per_user", onReload, size(&r.MaxBandwidthPerUser, 0, largestSize)},
		{"relay.max_bandwidth", onReload, size(&r.MaxBandwidth, 0, largestSize)},
		{"relay.monthly_budget", atStart, size(&r.MonthlyBudget, 0, largestSize)},
		{"relay.engine", atStart, one(&r.Engine, choice("auto", "pion", "user"))},

		{"admin.listen", atStart, one(&c.Admin.Listen, listenAddress)},
		{"admin.token_file", atStart, one(&c.Admin.TokenFile, anyText)},

		{"log.level", onReload, one(&c.Log.Level, level)},
		{"log.format", atStart, one(&c.Log.Format, choice("text", "json"))},

		{"shutdown.grace", atStart, one(&c.Shutdown.Grace, duration(0, 24*time.Hour))},
	}
}

// Changed lists the keys that differ between two configurations and need a
// restart; a SIGHUP has done all there is to do about the others. Certificate
// files are read again at SIGHUP, but another path for them needs a restart.
func Changed(old, new Config) []string {
	var keys []string
	before, after := fields(&old), fields(&new)
	for i, f := range before {
		if f.when == atStart && !sameValue(f.value, after[i].value) {
			keys = append(keys, f.key)
		}
	}
	return keys
}

// variable is the environment variable of a key.
func variable(key string) string {
	return "PARLEY_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// section is the part of a key before its dot, empty for a key on top.
func section(key string) string {
	name, _, found := strings.Cut(key, ".")
	if !found {
		return ""
	}
	return name
}

// isLoopback reports whether a listen address is reachable from this machine alone.
func isLoopback(listen string) bool {
	host, _ := splitListen(listen)
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// level reads log.level.
func level(s string) (slog.Level, error) {
	if _, err := choice("debug", "info", "warn", "error")(s); err != nil {
		return 0, err
	}
	var l slog.Level
	err := l.UnmarshalText([]byte(s))
	return l, err
}
