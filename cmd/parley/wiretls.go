package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"parley/cmd/internal/certs"
)

// buildCerts leaves certs nil when TLS is off.
func (s *server) buildCerts(context.Context) error {
	c := s.cfg.TLS
	if c.Mode == "off" {
		return nil
	}
	cert, err := s.cfg.Path(c.Cert)
	key, err2 := s.cfg.Path(c.Key)
	if err := errors.Join(err, err2); err != nil {
		return fmt.Errorf("tls.cert, tls.key: %w", err)
	}
	s.certs, err = certs.New(certs.Options{
		Log: s.log, Mode: c.Mode, PublicURL: s.cfg.HTTP.PublicURL, DataDir: s.cfg.DataDir, Cert: cert, Key: key,
		Email: c.ACMEEmail, DirectoryURL: c.ACMEDirectory, CAFile: c.ACMECAFile,
	})
	if err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	return s.buildPlain()
}

// buildPlain opens tls.acme_http_listen: HTTP-01 challenges and a redirect.
func (s *server) buildPlain() (err error) {
	if s.socks.Plain == nil {
		return nil
	}
	h := s.certs.HTTPHandler()
	if h == nil {
		h = http.NotFoundHandler()
	}
	s.plain = webServer(h, s.log)
	return nil
}

// certExpiry is zero without a certificate.
func (s *server) certExpiry() time.Time {
	if s.certs == nil {
		return time.Time{}
	}
	return s.certs.NotAfter()
}

func (s *server) reloadCerts() error {
	if s.certs == nil {
		return nil
	}
	return s.certs.Reload()
}

func (s *server) scheme() string {
	if s.secure() {
		return "https"
	}
	return "http"
}

func (s *server) secure() bool { return s.cfg.TLS.Mode != "off" }
