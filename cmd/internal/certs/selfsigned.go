package certs

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// selfSignedName holds key and certificate, so that both change at once.
	selfSignedName = "self-signed.pem"
	// selfSignedLife stays below the 398 days that browsers accept.
	selfSignedLife = 397 * 24 * time.Hour
	// remakeBefore is how long before its end a certificate is replaced.
	remakeBefore = 30 * 24 * time.Hour
	// clockSlack keeps the certificate valid on phones whose clock is behind.
	clockSlack = 24 * time.Hour
)

// selfSigned makes a certificate for this machine and keeps it: a browser asks
// again about every new one.
type selfSigned struct {
	path      string
	host      string
	now       func() time.Time
	log       *slog.Logger
	hostname  func() (string, error)
	addresses func() ([]net.Addr, error)

	current atomic.Pointer[tls.Certificate]
	mu      sync.Mutex // one maker at a time
}

func newSelfSigned(opts Options) (*selfSigned, error) {
	s := &selfSigned{
		path: filepath.Join(opts.DataDir, selfSignedName), host: publicHost(opts.PublicURL),
		now: opts.Now, log: opts.Log, hostname: opts.Hostname, addresses: opts.Addresses,
	}
	if s.hostname == nil {
		s.hostname = os.Hostname
	}
	if s.addresses == nil {
		s.addresses = net.InterfaceAddrs
	}
	if err := os.MkdirAll(opts.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("failed to make the directory for the certificate: %w", err)
	}
	return s, s.refresh(context.Background())
}

func (s *selfSigned) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return s.current.Load(), nil
}

// refresh keeps the stored certificate while it names this machine and lasts,
// and makes a new one otherwise. A file that cannot be understood is replaced.
func (s *selfSigned) refresh(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := s.names()
	cert, err := s.load()
	switch {
	case err == nil && s.serves(cert.Leaf, names):
		s.current.Store(cert)
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errUnusable):
		return fmt.Errorf("failed to read the self-signed certificate: %w", err)
	}
	cert, err = s.make(names)
	if err != nil {
		return fmt.Errorf("failed to make a self-signed certificate: %w", err)
	}
	s.current.Store(cert)
	s.log.Info("A self-signed certificate was made; browsers ask once whether to trust it", "file", s.path, "expires", cert.Leaf.NotAfter)
	return nil
}

// names are what visitors may type to reach this machine.
func (s *selfSigned) names() []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if host, err := s.hostname(); err == nil && isDNSName(host) {
		names = append(names, strings.ToLower(host))
		if !strings.Contains(host, ".") {
			names = append(names, strings.ToLower(host)+".local") // as mDNS announces it
		}
	}
	if s.host != "" && (isDNSName(s.host) || isAddress(s.host)) {
		names = append(names, s.host)
	}
	addrs, err := s.addresses()
	if err != nil {
		s.log.Warn("The addresses of this machine are unknown, so the certificate does not name them", "error", err)
	}
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err == nil && !prefix.Addr().IsLinkLocalUnicast() { // a browser cannot be given a zone
			names = append(names, prefix.Addr().Unmap().String())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

func isDNSName(s string) bool {
	bad := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.')
	}
	return s != "" && len(s) <= 253 && !isAddress(s) && !strings.ContainsFunc(s, bad)
}

// serves reports whether a certificate lasts and names all of names. One that
// names more is kept: an address that left may come back with the next network.
func (s *selfSigned) serves(leaf *x509.Certificate, names []string) bool {
	if now := s.now(); now.Before(leaf.NotBefore) || now.Add(remakeBefore).After(leaf.NotAfter) {
		return false
	}
	for _, name := range names {
		if leaf.VerifyHostname(name) != nil {
			return false
		}
	}
	return true
}

// errUnusable is a stored certificate that cannot be parsed.
const errUnusable = constError("the stored certificate cannot be used")

// constError is an error that nobody can reassign.
type constError string

func (e constError) Error() string { return string(e) }

func (s *selfSigned) load() (*tls.Certificate, error) {
	text, err := os.ReadFile(s.path)
	if err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUnusable, err)
	}
	return &cert, nil
}

// make signs a new certificate and writes it, readable by its owner alone.
func (s *selfSigned) make(names []string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := s.now()
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{Organization: []string{"Parley"}, CommonName: "Parley, self-signed"},
		NotBefore:    now.Add(-clockSlack), NotAfter: now.Add(selfSignedLife - clockSlack),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // a Buffer takes everything
	_ = pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	if err := writeFile(s.path, text.Bytes()); err != nil {
		return nil, err
	}
	cert, err := tls.X509KeyPair(text.Bytes(), text.Bytes())
	return &cert, err
}

// writeFile replaces path at once with a file of mode 0600.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600 by itself
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // in vain once renamed
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
