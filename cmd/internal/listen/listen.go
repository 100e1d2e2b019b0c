// Package listen owns Parley's listening sockets: it binds them as configured
// or takes those that a service manager hands over, and it shares one TCP port
// between HTTP, TLS and TURN by the first bytes of each connection (Mux).
//
// Open starts no goroutine. A Mux runs one goroutine for each connection that
// has not yet shown what it speaks; see Mux.
package listen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"syscall"
)

// Options names the addresses to listen on, each `host:port`; an empty host is
// every address of the machine and port 0 a free port. An empty address opens
// nothing.
type Options struct {
	HTTP     string // http.listen
	Relay    string // relay.listen, UDP and TCP on the same port
	RelayTLS string // relay.tls_listen
	Admin    string // admin.listen
	Plain    string // tls.acme_http_listen

	// Inherited are TCP listeners handed over by the service manager, by name
	// ("http", "admin", ...); one that is named is used instead of binding.
	Inherited map[string]net.Listener
}

// Sockets are bound and not yet served.
type Sockets struct {
	HTTP     net.Listener
	RelayUDP *net.UDPConn
	RelayTCP net.Listener
	RelayTLS net.Listener
	Admin    net.Listener
	Plain    net.Listener
}

// Error is a socket that could not be opened. It names the configuration key
// so that a person knows which line to change.
type Error struct {
	Key  string
	Addr string
	Err  error
}

func (e *Error) Unwrap() error { return e.Err }

func (e *Error) Error() string {
	return fmt.Sprintf("%s: cannot listen on %q: %s", e.Key, e.Addr, advice(e.Err))
}

func advice(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "the port is in use. Stop the program that holds it (`ss -lntup` shows which), or choose another port"
	case errors.Is(err, syscall.EACCES):
		return "ports below 1024 need a privilege. Start Parley with its systemd unit, or choose a port above 1023"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return "this machine does not have that address. Write one that `ip address` shows, or leave the host empty for all of them"
	}
	return err.Error()
}

// Open binds everything or nothing.
func Open(o Options) (*Sockets, error) {
	s := &Sockets{}
	for _, open := range []func() error{
		func() (err error) { s.HTTP, err = o.tcp("http", "http.listen", o.HTTP); return err },
		func() (err error) { s.RelayUDP, s.RelayTCP, err = pair("relay.listen", o.Relay); return err },
		func() (err error) { s.RelayTLS, err = o.tcp("relay-tls", "relay.tls_listen", o.RelayTLS); return err },
		func() (err error) { s.Admin, err = o.tcp("admin", "admin.listen", o.Admin); return err },
		func() (err error) { s.Plain, err = o.tcp("plain", "tls.acme_http_listen", o.Plain); return err },
	} {
		if err := open(); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// Close closes what is open; closing twice is harmless.
func (s *Sockets) Close() {
	for _, l := range []net.Listener{s.HTTP, s.RelayTCP, s.RelayTLS, s.Admin, s.Plain} {
		closeIf(l)
	}
	if s.RelayUDP != nil {
		s.RelayUDP.Close()
	}
}

func closeIf(c io.Closer) {
	if c != nil {
		c.Close()
	}
}

func (o Options) tcp(name, key, addr string) (net.Listener, error) {
	if l := o.Inherited[name]; l != nil {
		return l, nil
	}
	if addr == "" {
		return nil, nil
	}
	// Whatever is spoken here ends a silent connection by itself: keep-alive
	// probes would be four system calls a connection for nothing.
	l, err := (&net.ListenConfig{KeepAlive: -1}).Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, &Error{key, addr, err}
	}
	return l, nil
}

// pairTries bounds the search for a port that is free for UDP and TCP alike
// when port 0 was asked for.
const pairTries = 20

// pair binds UDP and TCP to one port: clients get a single address for both.
func pair(key, addr string) (*net.UDPConn, net.Listener, error) {
	if addr == "" {
		return nil, nil, nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, &Error{key, addr, err}
	}
	for try := 1; ; try++ {
		u, t, err := pairOnce(host, port)
		if err == nil {
			return u, t, nil
		}
		if port != "0" || try == pairTries {
			return nil, nil, &Error{key, addr, err}
		}
	}
}

func pairOnce(host, port string) (*net.UDPConn, net.Listener, error) {
	ua, err := net.ResolveUDPAddr("udp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, nil, err
	}
	u, err := net.ListenUDP("udp", ua)
	if err != nil {
		return nil, nil, err
	}
	bound := u.LocalAddr().(*net.UDPAddr).Port
	t, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(bound)))
	if err != nil {
		u.Close()
		return nil, nil, err
	}
	return u, t, nil
}
