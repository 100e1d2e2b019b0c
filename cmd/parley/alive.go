package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// aliveTime is far beyond what an answer needs and well below a watchdog's patience.
const aliveTime = 5 * time.Second

// answers asks each part as a visitor would: the web port through the mux, the
// relay by a STUN request, the hub for its figures.
//
// It asks for no certificate, since with ACME there may be none for a while: on
// a port with TLS the answer to plain HTTP is a redirect, which is an answer.
func (s *server) answers() error {
	if err := askHTTP(reachable(s.socks.HTTP)); err != nil {
		return fmt.Errorf("the web port does not answer: %w", err)
	}
	if err := askSTUN(reachable(s.socks.RelayTCP)); err != nil {
		return fmt.Errorf("the relay does not answer: %w", err)
	}
	s.hub.Snapshot() // comes back when no lock of the hub is stuck
	return nil
}

// alive is what readiness means and the watchdog vouches for: that nothing hangs.
// A connection that is closed or refused was dealt with; a flood that fills the
// limits must neither stop the start nor make the service manager end everybody's
// call. While the server drains, the web port may be closed on purpose.
func (s *server) alive() error {
	if s.draining() {
		return nil
	}
	err := s.answers()
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return err
	}
	return nil
}

func askHTTP(addr string) error {
	client := http.Client{
		Timeout: aliveTime, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Get("http://" + addr + "/healthz")
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// askSTUN sends a Binding request (RFC 8489 section 5) over TCP, where no limit
// on answers makes silence a choice.
func askSTUN(addr string) error {
	c, err := net.DialTimeout("tcp", addr, aliveTime)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(aliveTime))
	request := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, "parley alive"...)
	if _, err := c.Write(request); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, len(request)))
	return err
}

// reachable is where to reach a listener from this machine. One on every address
// takes IPv4 too, also where IPv6 is switched off.
func reachable(l net.Listener) string {
	addr := l.Addr().(*net.TCPAddr).AddrPort()
	host := addr.Addr().Unmap()
	if host.IsUnspecified() {
		host = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.AddrPortFrom(host, addr.Port()).String()
}
