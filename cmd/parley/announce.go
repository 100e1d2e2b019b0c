package main

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"

	"rsc.io/qr"
)

// announce tells the person at the terminal what to open. A phone reads the
// address of a LAN server from a QR code instead of typing it.
func announce(w io.Writer, s *server) {
	if os.Getenv("INVOCATION_ID") != "" || s.cfg.Log.Format == "json" {
		return // a service, or a container whose output machines read: the log says it
	}
	open := s.address()
	fmt.Fprintf(w, "\nParley is ready. Open %s\n", open)
	if s.cfg.TLS.Mode != "self-signed" {
		fmt.Fprintf(w, "Call between two tabs to try it. Ctrl-C stops it.\n\n")
		return
	}
	if code, err := terminalQR(open); err == nil {
		fmt.Fprintf(w, "\n%s\n", code)
	}
	fmt.Fprint(w, "The certificate was made by this machine, so the browser warns once: choose “Advanced” and go on.\nCtrl-C stops it.\n\n")
}

// address is what to type into a browser on this machine, or on the LAN when
// the server listens there.
func (s *server) address() string {
	if s.cfg.HTTP.PublicURL != "" {
		return s.cfg.HTTP.PublicURL
	}
	u := url.URL{Scheme: "http"}
	if s.cfg.TLS.Mode != "off" {
		u.Scheme = "https"
	}
	bound := s.socks.HTTP.Addr().(*net.TCPAddr).AddrPort()
	host := bound.Addr().Unmap().String()
	switch {
	case bound.Addr().IsLoopback():
		host = "localhost"
	case bound.Addr().IsUnspecified():
		host = lanAddress()
	}
	u.Host = net.JoinHostPort(host, fmt.Sprint(bound.Port()))
	return strings.TrimSuffix(strings.TrimSuffix(u.String(), defaultPort(u.Scheme)), "/")
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return ":443"
	}
	return ":80"
}

// lanAddress is this machine's address on the network that leads out. Connecting
// a UDP socket asks the kernel for a route and sends nothing.
func lanAddress() string {
	c, err := net.Dial("udp4", "203.0.113.1:9")
	if err != nil {
		return "localhost"
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).IP.String()
}

// quiet is the white border that scanners need (ISO/IEC 18004: four modules;
// two do on a screen and save lines).
const quiet = 2

// terminalQR draws a QR code, two modules a character, dark on light whatever
// the colours of the terminal are.
func terminalQR(text string) (string, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		b.WriteString("\x1b[30;107m")
		for x := -quiet; x < code.Size+quiet; x++ {
			b.WriteString(module(code.Black(x, y), code.Black(x, y+1)))
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String(), nil
}

func module(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}
