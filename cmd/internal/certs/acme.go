package certs

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// errNoCertificate is what visitors meet before the first order has come.
const errNoCertificate = constError("the authority has given no certificate yet")

// acmeTimeout bounds one request to the authority.
const acmeTimeout = 30 * time.Second

// acmeSource obtains one certificate, for the public host, and renews it.
// Handshakes never order one: they would pile up behind an authority that is
// slow, and run into its limits on failed orders. Only refresh does.
type acmeSource struct {
	host    string
	manager *autocert.Manager
	current atomic.Pointer[tls.Certificate]
}

func newACME(opts Options) (*acmeSource, error) {
	a := &acmeSource{host: publicHost(opts.PublicURL)}
	if !isDNSName(a.host) {
		return nil, fmt.Errorf("tls.mode = \"acme\" needs a name in http.public_url, not %q", opts.PublicURL)
	}
	client, err := authorityClient(opts.CAFile)
	if err != nil {
		return nil, err
	}
	a.manager = &autocert.Manager{
		Prompt:     autocert.AcceptTOS, // by choosing the mode the operator agreed
		Cache:      autocert.DirCache(filepath.Join(opts.DataDir, "acme")),
		HostPolicy: func(_ context.Context, host string) error { return a.judge(host) },
		Email:      opts.Email,
		Client:     &acme.Client{DirectoryURL: opts.DirectoryURL, HTTPClient: client, UserAgent: "parley"},
	}
	if opts.DirectoryURL == "" {
		a.manager.Client.DirectoryURL = autocert.DefaultACMEDirectory
	}
	return a, nil
}

// authorityClient trusts the certificates of caFile besides those of the system.
func authorityClient(caFile string) (*http.Client, error) {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: acmeTimeout, IdleConnTimeout: acmeTimeout}
	client := &http.Client{Timeout: acmeTimeout, Transport: transport}
	if caFile == "" {
		return client, nil
	}
	text, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("failed to read tls.acme_ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", caFile)
	}
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return client, nil
}

// judge allows the public host alone, with any port (an HTTP-01 request may name one).
func (a *acmeSource) judge(host string) error {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if !strings.EqualFold(strings.TrimSuffix(host, "."), a.host) {
		return errors.New("this server answers for " + a.host + " alone")
	}
	return nil
}

// certificate serves the public host's certificate, also to a client that names
// no host (TURN by address). Challenges of the authority go straight through.
func (a *acmeSource) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello.ServerName != "" {
		if err := a.judge(hello.ServerName); err != nil {
			return nil, err
		}
	}
	if isChallenge(hello) {
		return a.manager.GetCertificate(hello)
	}
	if cert := a.current.Load(); cert != nil {
		return cert, nil
	}
	return nil, errNoCertificate
}

// refresh orders the first certificate, or picks up what the manager has
// renewed meanwhile by itself, a third of its life before the end. When ctx ends
// first, an order under way goes on alone until it fails, five minutes at most:
// the manager takes no context.
func (a *acmeSource) refresh(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		// One ECDSA certificate serves all clients of today. Passing on what a
		// client supports could order a second one with RSA.
		cert, err := a.manager.GetCertificate(&tls.ClientHelloInfo{
			ServerName:   a.host,
			CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		})
		if err == nil {
			a.current.Store(cert)
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
