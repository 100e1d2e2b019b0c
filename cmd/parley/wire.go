package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"parley/cmd/internal/config"
	"parley/cmd/internal/listen"
	"parley/signaling"
	"parley/signaling/auth"
	"parley/web"
)

// The build steps of newServer, in its order, and the small adapters between
// packages that do not know each other.

func (s *server) buildData(context.Context) error {
	if err := makeDataDir(s.cfg.DataDir); err != nil {
		return err
	}
	var errs []error
	for _, f := range []struct{ key, path, written string }{
		{"relay.secrets_file", s.cfg.RelaySecretsFile(), s.cfg.Relay.SecretsFile},
		{"admin.token_file", s.cfg.AdminTokenFile(), s.cfg.Admin.TokenFile},
	} {
		path, err := s.cfg.Path(f.path)
		if err != nil || path != f.path {
			continue // a credential is handed over, and judged when it is read
		}
		made, err := makeSecret(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.key, err))
		}
		if made && f.written != "" {
			s.log.Warn("This file was named and missing, so a new secret was made.", "key", f.key, "file", path)
		}
	}
	return errors.Join(errs...)
}

func (s *server) buildSockets(context.Context) (err error) {
	s.visitors = listen.NewVisitors(listen.VisitorsOptions{Most: visitorsOf(s.cfg), Proxies: s.cfg.HTTP.TrustedProxies, Log: s.log})
	taken := s.takeOver()
	s.held = taken["http"] != nil
	s.socks, err = listen.Open(listen.Options{
		HTTP: s.cfg.HTTP.Listen, Relay: s.cfg.Relay.Listen,
		RelayTLS: s.cfg.Relay.TLSListen, Admin: s.cfg.Admin.Listen, Plain: s.cfg.TLS.ACMEHTTPListen,
		Inherited: taken,
	})
	if err == nil && s.held {
		return s.judgeInherited(s.socks.HTTP.Addr())
	}
	return err
}

// connectionsPerSession is what a person's browser opens on the web port at most:
// the WebSocket, six more by HTTP/1.1, and one ahead of time.
const connectionsPerSession = 8

// visitorsOf is how many connections one address may have on the web port, which
// serves the web to as many people as may be signed in there, and TURN.
func visitorsOf(cfg config.Config) int {
	return connectionsPerSession*cfg.Signaling.MaxSessionsPerIP + cfg.Relay.MaxTCPPerAddress
}

func (s *server) buildUsers(context.Context) (err error) {
	creds, problems := credentials(s.cfg, nil)
	if len(problems) > 0 {
		return problems
	}
	s.users, err = auth.New(auth.Options{
		Log: s.log, Mode: s.cfg.Auth.Mode, Credentials: creds, RelayFor: s.cfg.Auth.RelayFor,
		SessionTTL: s.cfg.Auth.SessionTTL, NameHold: s.cfg.Signaling.ResumeWindow, CredentialTTL: s.cfg.Relay.CredentialTTL,
		DataDir: s.cfg.DataDir, PublicURL: s.cfg.HTTP.PublicURL, AllowedOrigins: s.cfg.HTTP.AllowedOrigins,
		TrustedProxies: s.cfg.HTTP.TrustedProxies, Secure: s.secure(),
		ICE: s.iceServers, OnEnd: s.endEverywhere, Refuse: refuse,
	})
	return err
}

func (s *server) buildHub(context.Context) (err error) {
	sig := s.cfg.Signaling
	key, err := os.ReadFile(filepath.Join(s.cfg.DataDir, "session-key"))
	if err != nil {
		return err
	}
	// The oldest key of the file, its last line: peer ids outlive a rotation.
	lines := secretLines(string(key))
	if len(lines) == 0 {
		return errors.New("session-key in data_dir is empty: remove it, and everybody signs in anew")
	}
	peerKey := sha256.Sum256([]byte("parley peer ids\x00" + lines[len(lines)-1]))
	s.hub, err = signaling.New(signaling.Options{
		Log: s.log, Build: web.Build(), Key: peerKey[:], RoomsFile: filepath.Join(s.cfg.DataDir, "rooms.json"),
		RoomMax: sig.RoomMax, ResumeWindow: sig.ResumeWindow, RingTimeout: sig.RingTimeout, OfferTTL: sig.OfferTTL,
		MaxMessage: sig.MaxMessage, MaxSessions: sig.MaxSessions, MaxPerUser: sig.MaxSessionsPerUser,
		MaxPerIP: sig.MaxSessionsPerIP, Directory: sig.Directory,
		CheckOrigin: s.users.CheckOrigin, ClientAddr: s.users.ClientAddr, Authorized: s.users.Authorized, Ended: s.users.Ended,
		Identify: func(r *http.Request, token, name, key string) (signaling.Identity, error) {
			l, err := s.users.IdentifyHello(r, token, name, key)
			return identityOf(l), err
		},
		HoldName:    func(id signaling.Identity) error { return s.users.HoldName(loginOf(id)) },
		ReleaseName: func(id signaling.Identity) { s.users.ReleaseName(loginOf(id)) },
		Rename: func(id signaling.Identity, name string) (signaling.Identity, error) {
			l, err := s.users.Rename(loginOf(id), name)
			id.Name = l.Name
			return id, err
		},
		Lookup: s.users.UserExists, NameKey: auth.NameKey, Text: auth.Text,
		ICE: func(r *http.Request, id signaling.Identity) json.RawMessage {
			s.holders.note(id.Login, id.User, id.Name)
			return marshal(s.turn.ICEServers(r.Host, id.Login, id.Relay))
		},
		ICELife: func() time.Duration { return s.cfg.Relay.CredentialTTL },
		Refuse:  refuse,
	})
	return err
}

// identityOf and loginOf translate between the login that auth knows and the
// identity that the hub shows.
func identityOf(l auth.Login) signaling.Identity {
	return signaling.Identity{
		Login: l.ID, User: l.User.User, Name: l.Name, Guest: l.Guest, Member: !l.Guest,
		Roles: l.Roles, Relay: l.Relay, Room: l.Room,
	}
}

func loginOf(id signaling.Identity) auth.Login {
	return auth.Login{ID: id.Login, User: auth.User{
		User: id.User, Name: id.Name, Guest: id.Guest, Roles: id.Roles, Relay: id.Relay, Room: id.Room,
	}}
}

func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

func (s *server) buildSite(context.Context) error {
	site, err := web.New(web.Options{Build: web.Build(), HSTS: s.cfg.TLS.Mode == "files" || s.cfg.TLS.Mode == "acme"})
	if err != nil {
		return err
	}
	var config *tls.Config
	if s.certs != nil {
		config = s.certs.TLSConfig()
	}
	routes := s.routes(site)
	s.mux = listen.NewMux(s.socks.HTTP, listen.MuxOptions{
		TLS: config, Turn: s.turn.ServeConn, Upgrade: newUpgrades(routes, s.log).serve, Visitors: s.visitors, Log: s.log,
	})
	s.http = webServer(routes, s.log)
	return nil
}
