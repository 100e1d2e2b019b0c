package relay

import (
	"context"
	"errors"
	"net"
)

// Server is a STUN and TURN server. Make one with New.
type Server struct{ o Options }

// New checks the options and prepares a server. Nothing listens yet; Close must
// be called in any case.
func New(o Options) (*Server, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	return &Server{o: o}, nil
}

// ServeUDP answers on conn until Close, which closes it.
func (s *Server) ServeUDP(conn *net.UDPConn) error { return errors.ErrUnsupported }

// ServeTCP accepts TURN connections on l until Close, which closes it.
func (s *Server) ServeTCP(l net.Listener) error { return errors.ErrUnsupported }

// ServeConn serves one accepted connection and returns when it has ended.
func (s *Server) ServeConn(c net.Conn) { _ = c.Close() }

// EndLogin ends all allocations of a login before it returns.
func (s *Server) EndLogin(loginID string) {}

// End ends one allocation; false means that there is none of that id.
func (s *Server) End(id string) bool { return false }

// Allocations lists the live allocations, oldest first.
func (s *Server) Allocations() []Allocation { return nil }

// Drain refuses new allocations and waits until the last one has ended or ctx is done.
func (s *Server) Drain(ctx context.Context) error { return nil }

// Reload replaces secrets (when not empty), policy and limits.
func (s *Server) Reload(secrets []string, r Reloadable) error { return nil }

// Snapshot returns the counters.
func (s *Server) Snapshot() Stats { return Stats{} }

// Close ends everything and waits.
func (s *Server) Close() error { return nil }
