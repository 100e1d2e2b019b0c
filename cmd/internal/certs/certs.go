// Package certs provides the server's TLS certificate: made by itself, read
// from files, or obtained by ACME (RFC 8555).
//
// A Provider starts no goroutine of its own; Run, which the caller puts into
// its group, keeps the certificate fresh until its context ends. All methods
// may be called from many goroutines.
package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
)

const (
	// refreshEvery is how often Run looks whether the certificate must be
	// remade: an address from DHCP or 30 days before expiry do not hurry.
	refreshEvery = time.Hour
	// looksInLife is how often Run looks at least in what is left of a certificate.
	looksInLife = 8
	// alpnTURN names TURN over TLS (RFC 7443).
	alpnTURN = "stun.turn"
)

// Options say which certificate is served.
type Options struct {
	Log *slog.Logger     // nil = discard
	Now func() time.Time // nil = time.Now

	Mode      string // self-signed, files, acme
	PublicURL string // https://host[:port]; its host is a name of the certificate
	DataDir   string // keeps the self-signed certificate, and the ACME account and certificates

	// For files: paths of chain and key in PEM.
	Cert, Key string

	// For acme. An empty directory is that of Let's Encrypt.
	Email, DirectoryURL, CAFile string

	// Hostname and Addresses are what a self-signed certificate names besides
	// localhost and the host of PublicURL; nil = those of this machine.
	Hostname  func() (string, error)
	Addresses func() ([]net.Addr, error)
}

// Provider hands certificates to TLS listeners.
type Provider struct {
	opts     Options
	source   source
	config   *tls.Config
	notAfter atomic.Int64 // Unix seconds of the certificate that was served last, 0 = none yet
	acme     *acmeSource  // only with Mode acme
}

// source is one way to come by a certificate.
type source interface {
	// certificate answers one handshake. It must be quick once there is a certificate.
	certificate(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// refresh looks for a newer certificate. With an error the old one stays in use.
	refresh(context.Context) error
}

// New prepares the certificate. With self-signed and files there is one when
// it returns; with acme it comes with Run, since the authority must reach the
// listener.
func New(opts Options) (*Provider, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	p := &Provider{opts: opts}
	var err error
	switch opts.Mode {
	case "self-signed":
		p.source, err = newSelfSigned(opts)
	case "files":
		p.source, err = newFiles(opts)
	case "acme":
		p.acme, err = newACME(opts)
		p.source = p.acme
	default:
		err = fmt.Errorf("there is no certificate in tls.mode %q", opts.Mode)
	}
	if err != nil {
		return nil, err
	}
	p.config = p.newConfig()
	if opts.Mode != "acme" {
		if _, err := p.certificate(&tls.ClientHelloInfo{}); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// newConfig sets what all listeners share: TLS 1.2 or newer with ephemeral keys
// and authenticated ciphers only.
func (p *Provider) newConfig() *tls.Config {
	config := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: p.certificate,
		NextProtos:     []string{"h2", "http/1.1", alpnTURN},
		CipherSuites: []uint16{ // of TLS 1.2; those of 1.3 are all fine
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
	if p.acme != nil {
		config.NextProtos = append(config.NextProtos, acme.ALPNProto)
	}
	return tolerant(config)
}

// tolerant lets clients in whose ALPN list has nothing in common with ours: Go
// would end the handshake (RFC 7301 3.2), but a TURN client that names a
// protocol of its own is still told apart by its first bytes.
func tolerant(config *tls.Config) *tls.Config {
	without := config.Clone()
	without.NextProtos = nil
	known := config.NextProtos
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		common := func(proto string) bool { return slices.Contains(known, proto) }
		if len(hello.SupportedProtos) > 0 && !slices.ContainsFunc(hello.SupportedProtos, common) {
			return without, nil
		}
		return nil, nil
	}
	return config
}

// TLSConfig is the configuration for a listener that speaks HTTP and TURN; each
// call gives a copy. When "h2" was negotiated, net/http needs the *tls.Conn
// itself, not a wrapper around it.
func (p *Provider) TLSConfig() *tls.Config { return p.config.Clone() }

// TURNConfig is the configuration for a listener that speaks TURN alone.
func (p *Provider) TURNConfig() *tls.Config {
	config := p.config.Clone()
	config.NextProtos = []string{alpnTURN}
	return tolerant(config)
}

// HTTPHandler is for plain port 80: it answers HTTP-01 challenges and sends
// everything else to PublicURL. It is nil unless Mode is acme. Call it before
// the first certificate is asked for, and only when it will be served: from
// then on HTTP-01 is tried as well.
func (p *Provider) HTTPHandler() http.Handler {
	if p.acme == nil {
		return nil
	}
	return p.acme.manager.HTTPHandler(redirect(p.opts.PublicURL))
}

// redirect sends a visitor on to base, whatever Host the request claimed.
func redirect(base string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "Use https.", http.StatusBadRequest)
			return
		}
		http.Redirect(w, r, strings.TrimSuffix(base, "/")+r.URL.RequestURI(), http.StatusFound)
	})
}

// NotAfter is when the certificate in use expires; zero while there is none.
func (p *Provider) NotAfter() time.Time {
	if at := p.notAfter.Load(); at != 0 {
		return time.Unix(at, 0)
	}
	return time.Time{}
}

// Reload looks for a newer certificate at once, for SIGHUP. An error means that
// the one in use stays. With acme it may last minutes when there is none yet.
func (p *Provider) Reload() error {
	err := p.source.refresh(context.Background())
	if err == nil {
		_, err = p.certificate(&tls.ClientHelloInfo{})
	}
	return err
}

// Run keeps the certificate fresh until ctx ends; with acme it obtains the
// first one, so start it when the listeners are open. It returns nil.
func (p *Provider) Run(ctx context.Context) error {
	var failures int
	for {
		wait := p.untilNext()
		if err := p.source.refresh(ctx); err != nil && ctx.Err() == nil {
			failures++
			wait = min(backoff(failures), refreshEvery)
			p.opts.Log.Error("The certificate could not be renewed; trying again", "mode", p.opts.Mode, "error", err, "again_in", wait)
		} else if err == nil {
			failures = 0
			_, _ = p.certificate(&tls.ClientHelloInfo{}) // so that NotAfter follows without a visitor
			wait = p.untilNext()
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// untilNext is refreshEvery, or sooner for a certificate of hours: the manager
// of ACME renews at two thirds of its life, and what it has got must be in use
// long before the rest of that is over.
func (p *Provider) untilNext() time.Duration {
	end := p.NotAfter()
	if end.IsZero() {
		return refreshEvery
	}
	return max(time.Second, min(refreshEvery, end.Sub(p.opts.Now())/looksInLife))
}

// backoff is the wait after that many failures in a row: a minute, then twice
// as long each time up to an hour. Authorities allow five failures an hour.
func backoff(failures int) time.Duration {
	return min(time.Minute<<min(failures-1, 6), time.Hour)
}

// certificate asks the source and notes the expiry for the metric.
func (p *Provider) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	cert, err := p.source.certificate(hello)
	if err == nil && cert.Leaf != nil && !isChallenge(hello) {
		p.notAfter.Store(cert.Leaf.NotAfter.Unix())
	}
	return cert, err
}

// isChallenge tells the authority's TLS-ALPN-01 handshake (RFC 8737) from a visitor's.
func isChallenge(hello *tls.ClientHelloInfo) bool {
	return len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == acme.ALPNProto
}

// publicHost is the host of a public URL, or "".
func publicHost(publicURL string) string {
	u, err := url.Parse(publicURL)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}
