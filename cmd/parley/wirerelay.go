package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"parley/cmd/internal/config"
	"parley/relay"
	"parley/signaling/auth"
)

// discoverTime bounds the questions to relay.discover at start.
const discoverTime = 10 * time.Second

func (s *server) buildRelay(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, discoverTime)
	defer cancel()
	r := s.cfg.Relay
	listen := s.socks.RelayUDP.LocalAddr().(*net.UDPAddr).AddrPort()
	external, err := relay.External(ctx, relay.AddressOptions{
		Log: s.log, External: texts(r.ExternalIP), Listen: listen.Addr().Unmap(), Discover: r.Discover, AllowPrivate: r.AllowPrivateExternal,
	})
	if err != nil {
		return fmt.Errorf("relay.external_ip: %w", err)
	}
	secrets, err := relaySecrets(s.cfg)
	if err != nil {
		return s.cfg.Problem("relay.secrets_file", err.Error())
	}
	s.turn, err = relay.New(relay.Options{
		Log: s.log, Realm: r.Realm, Secrets: secrets, CredentialTTL: r.CredentialTTL,
		External: external, PortMin: r.Ports.Min, PortMax: r.Ports.Max, Reloadable: relayLimits(s.cfg),
		MonthlyBudget: r.MonthlyBudget, BudgetFile: filepath.Join(s.cfg.DataDir, "traffic"),
		Ended: s.users.Ended, Engine: r.Engine, ICE: s.iceOptions(listen, external), Refuse: refuse,
	})
	if err != nil {
		return fmt.Errorf("relay: %w", err)
	}
	return nil
}

func texts(addrs []netip.Addr) []string {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a.String()
	}
	return out
}

// relayLimits is what SIGHUP may change of the relay.
func relayLimits(cfg config.Config) relay.Reloadable {
	r := cfg.Relay
	return relay.Reloadable{
		Denied: r.DeniedPeers, Allowed: r.AllowedPeers, AllowOwn: r.AllowOwnAddresses,
		MaxAllocations: r.MaxAllocations, MaxPerLogin: r.MaxAllocationsPerUser, MaxPerAddress: r.MaxAllocationsPerAddress,
		MaxPermissions: r.MaxPermissions, MaxTCPPerAddress: r.MaxTCPPerAddress, UnauthenticatedRate: r.UnauthenticatedRate,
		MaxBandwidth: r.MaxBandwidth, MaxBandwidthPerUser: r.MaxBandwidthPerUser,
	}
}

func (s *server) iceOptions(listen netip.AddrPort, external []netip.Addr) relay.ICEOptions {
	o := relay.ICEOptions{PublicHost: s.publicHost(), Listen: listen, URLs: s.cfg.Relay.URLs, TLS: s.secure()}
	if s.secure() && (!behindProxy(s.socks.HTTP) || slices.ContainsFunc(external, netip.Addr.IsLoopback)) {
		o.TLSPorts = append(o.TLSPorts, port(s.socks.HTTP))
	}
	if s.socks.RelayTLS != nil {
		o.TLSPorts = append(o.TLSPorts, port(s.socks.RelayTLS))
	}
	return o
}

// behindProxy is a web port that others reach through another program on this
// machine, if at all: TURN does not come through that.
func behindProxy(l net.Listener) bool { return l.Addr().(*net.TCPAddr).IP.IsLoopback() }

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// publicHost is the host of http.public_url, "" without one.
func (s *server) publicHost() string {
	u, err := url.Parse(s.cfg.HTTP.PublicURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// iceServers is the part of an ICE configuration that the answer to a login
// carries.
func (s *server) iceServers(r *http.Request, l auth.Login) (json.RawMessage, time.Duration) {
	s.holders.note(l.ID, l.User.User, l.Name)
	c := s.turn.ICEServers(r.Host, l.ID, l.Relay)
	return marshal(c.ICEServers), time.Duration(c.TTL) * time.Second
}

func (s *server) iceConfig(w http.ResponseWriter, r *http.Request) {
	s.turn.HandleICE(
		func(r *http.Request) (string, bool, error) {
			l, err := s.users.Identify(r)
			if err == nil {
				s.holders.note(l.ID, l.User.User, l.Name)
			}
			return l.ID, l.Relay, err
		},
		func(w http.ResponseWriter, _ *http.Request, err error) { refuseError(w, err) },
	).ServeHTTP(w, r)
}

// endEverywhere closes the sockets and relays of what auth has ended.
func (s *server) endEverywhere(e auth.Ended) {
	s.holders.forget(e)
	if e.Login != "" {
		s.hub.EndLogin(e.Login)
		s.turn.EndLogin(e.Login)
		return
	}
	s.hub.EndUser(e.User)
	for _, a := range s.turn.Allocations() {
		if s.users.Ended(a.Login) {
			s.turn.End(a.ID)
		}
	}
}

// reload applies what SIGHUP can change; a configuration with a problem
// changes nothing.
func (s *server) reload(load func() (config.Config, error)) {
	s.tell(s.notify.Reloading)
	defer s.tell(s.notify.Ready)
	next, err := load()
	var problems config.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			s.log.Error("The new configuration has a problem; the old one stays.", "problem", p.String())
		}
		return
	}
	creds, problems := credentials(next, nil)
	secrets, err := relaySecrets(next)
	if err != nil {
		problems = append(problems, next.Problem("relay.secrets_file", err.Error()))
	}
	if len(problems) > 0 {
		s.log.Error("A file of the new configuration cannot be used; the old one stays.", "error", problems)
		return
	}
	err = errors.Join(s.users.Reload(creds), s.turn.Reload(secrets, relayLimits(next)), s.reloadCerts())
	if err != nil {
		s.log.Error("Part of the reload failed; that part stays as it was.", "error", err)
	}
	s.visitors.SetMost(visitorsOf(next))
	s.level.Set(next.Log.Level)
	for _, key := range config.Changed(s.cfg, next) {
		s.log.Warn("This change needs a restart.", "key", key)
	}
	s.log.Info("The configuration was read again.", "file", orElse(next.File, "defaults"))
}
