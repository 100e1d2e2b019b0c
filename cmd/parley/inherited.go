package main

import (
	"fmt"
	"io"
	"maps"
	"net"
	"slices"

	"parley/cmd/internal/config"
	"parley/signaling/auth"
)

// takeOver sorts the sockets of the service manager by the names of our ports.
// A single stream socket under other names is the web port: FileDescriptorName=
// is seldom written, and the name is then the unit's, or "unknown". What is left
// over is closed, as nobody would ever answer there.
func (s *server) takeOver() map[string]net.Listener {
	ours := map[string]bool{"http": true, "admin": true, "relay-tls": s.secure(), "plain": s.secure()}
	taken := map[string]net.Listener{}
	var others, left []net.Listener
	for _, name := range slices.Sorted(maps.Keys(s.inherited.Listeners)) {
		all := s.inherited.Listeners[name]
		serves, known := ours[name]
		if !known {
			others = append(others, all...)
			continue
		}
		if serves {
			taken[name], all = all[0], all[1:]
		}
		left = append(left, all...)
	}
	if len(others) == 1 && taken["http"] == nil {
		taken["http"], others = others[0], nil
	}
	for _, l := range append(left, others...) {
		s.leave(l.Addr(), l)
	}
	for _, all := range s.inherited.PacketConns {
		for _, c := range all {
			s.leave(c.LocalAddr(), c)
		}
	}
	return taken
}

func (s *server) leave(at net.Addr, socket io.Closer) {
	s.log.Warn("A socket of the service manager has no use here and was closed. Take it out of the socket unit, or let FileDescriptorName= say which port it is: http, admin, and with TLS relay-tls or plain.",
		"network", at.Network(), "address", at.String())
	socket.Close()
}

// judgeInherited looks at the web port that the service manager handed over,
// which may let others in where http.listen would not have.
func (s *server) judgeInherited(web net.Addr) error {
	if a, ok := web.(*net.TCPAddr); ok && !a.IP.IsLoopback() && s.cfg.Auth.Mode == auth.ModeOpen && !s.cfg.AuthModeWritten {
		return config.Problems{s.cfg.Problem("auth.mode", fmt.Sprintf(
			"parley.socket lets other machines in at %s; choose who may: write auth.mode = \"password\", \"users\" or \"token\", or \"open\" if anyone may", web))}
	}
	if !samePort(web.String(), s.cfg.HTTP.Listen) {
		s.log.Warn("The web port comes from parley.socket, whose ListenStream= differs from http.listen.", "serves", web.String(), "http.listen", s.cfg.HTTP.Listen)
	}
	return nil
}

func samePort(a, b string) bool {
	_, one, err := net.SplitHostPort(a)
	_, other, err2 := net.SplitHostPort(b)
	return err == nil && err2 == nil && one == other
}
