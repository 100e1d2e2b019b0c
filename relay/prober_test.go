package relay_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"parley/relay"
)

const (
	proberRealm  = "example.org"
	proberSecret = "north"
)

// check is one row of the conformance table, in RFC 8489, RFC 8656 or our own
// rules for abuse. It runs over every transport on a socket of its own.
type check struct {
	name   string
	strict bool // on the server with the default policy; else peers on loopback are allowed
	run    func(c *client)
}

// TestConformance probes running servers from outside, with a codec of its own,
// and counts what they do as the RFCs demand.
func TestConformance(t *testing.T) {
	for _, engine := range []string{"user", "pion"} {
		open, strict := serveProber(t, engine, true), serveProber(t, engine, false)
		for _, network := range []string{"udp", "tcp", "tls"} {
			probe(t, engine+"/"+network, network, open, strict)
		}
	}
}

func probe(t *testing.T, name, network string, open, strict *proberServer) {
	var passed, failed atomic.Int64
	t.Run(name, func(t *testing.T) {
		for _, k := range checks() {
			s := open
			if k.strict {
				s = strict
			}
			t.Run(k.name, func(t *testing.T) {
				t.Parallel()
				defer func() {
					if t.Failed() {
						failed.Add(1)
					} else {
						passed.Add(1)
					}
				}()
				k.run(s.dial(t, network))
			})
		}
	})
	t.Logf("%s: %d passed, %d failed", name, passed.Load(), failed.Load())
}

func checks() []check {
	return slices.Concat(headerChecks(), bindingChecks(), authChecks(), placementChecks(), allocateChecks(), portChecks(),
		refreshChecks(), permissionChecks(), channelChecks(), addressChecks(), dataChecks())
}

// proberServer is a server on loopback over all transports.
type proberServer struct {
	*relay.Server
	plain, tls netip.AddrPort // UDP and TCP; TLS
	logins     *logins
}

func serveProber(t *testing.T, engine string, loopback bool) *proberServer {
	t.Helper()
	ps := &proberServer{logins: &logins{}}
	s, err := relay.New(relay.Options{
		Realm: proberRealm, Secrets: []string{proberSecret}, External: []netip.Addr{netip.MustParseAddr("127.0.0.1")},
		PortMin: 20000, PortMax: 29999, Engine: engine,
		Reloadable: relay.Reloadable{UnauthenticatedRate: 1 << 20, AllowOwn: loopback,
			MaxPerLogin: 1000, MaxPerAddress: 10000, MaxTCPPerAddress: 10000},
	})
	if err != nil {
		t.Fatal(err)
	}
	ps.Server = s
	tcp, udp := samePort(t)
	secure, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate(t)}})
	if err != nil {
		t.Fatal(err)
	}
	ps.plain = tcp.Addr().(*net.TCPAddr).AddrPort()
	ps.tls = secure.Addr().(*net.TCPAddr).AddrPort()
	ended := make(chan error, 3)
	go func() { ended <- s.ServeUDP(udp) }()
	go func() { ended <- s.ServeTCP(tcp) }()
	go func() { ended <- s.ServeTCP(secure) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for range cap(ended) {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	return ps
}

func samePort(t *testing.T) (net.Listener, *net.UDPConn) {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(l.Addr().(*net.TCPAddr).AddrPort())); err == nil {
			return l, udp
		}
		_ = l.Close()
	}
	t.Fatal("no port is free for both transports")
	return nil, nil
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
