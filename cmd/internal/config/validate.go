package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// minHMACKey is the least length of an HS256 secret in bytes (RFC 7518 3.2).
const minHMACKey = 32

// validate judges what no single value shows: keys that need each other, and
// files. Keys whose value could not be read are left alone.
func (l *loader) validate() {
	for _, rule := range []func(*loader){
		checkOpenMode, checkAuthFiles, checkJWTKeys, checkTLSFiles, checkACME,
		checkRelayTLS, checkExternal, checkDataDir, checkMadeFiles, checkListeners,
	} {
		rule(l)
	}
}

// refuse notes a problem of key unless one stands there already.
func (l *loader) refuse(key, format string, args ...any) {
	if !l.broken[key] {
		l.problem(key, fmt.Sprintf(format, args...))
	}
}

func checkOpenMode(l *loader) {
	c := &l.config
	if c.Auth.Mode == "open" && !c.AuthModeWritten && !l.broken["http.listen"] && !isLoopback(c.HTTP.Listen) {
		l.refuse("auth.mode", "http.listen = %q lets other machines in; choose who may: write auth.mode = \"password\", \"users\" or \"token\", or \"open\" if anyone may", c.HTTP.Listen)
	}
}

func checkAuthFiles(l *loader) {
	checkAuthFile(l, "password", "auth.password_file", l.config.Auth.PasswordFile)
	checkAuthFile(l, "users", "auth.users_file", l.config.Auth.UsersFile)
}

// checkAuthFile judges the file that a mode needs. In other modes it may be
// missing, but what is there must be private.
func checkAuthFile(l *loader, mode, key, file string) {
	needed := l.config.Auth.Mode == mode
	if file == "" {
		if needed {
			l.refuse(key, "auth.mode = %q needs this file", mode)
		}
		return
	}
	secret, err := l.config.ReadSecret(file)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing && !needed:
		return
	case missing && mode == "users":
		err = fmt.Errorf("%w; make it with: parley user add NAME -file %s", err, file)
	case err == nil && mode == "password" && secret.Reveal() == "":
		err = fmt.Errorf("%s is empty; write the password into it", file)
	}
	if err != nil {
		l.refuse(key, "%v", err)
	}
}

func checkJWTKeys(l *loader) {
	for _, file := range l.config.Auth.JWTKeys {
		if err := checkJWTKey(l.config, file); err != nil {
			l.refuse("auth.jwt_keys", "%v", err)
		}
	}
}

// checkJWTKey accepts a PEM public key, or a secret for HS256 in a private file.
func checkJWTKey(c Config, file string) error {
	text, err := c.readFile(file, false)
	if err != nil {
		return err
	}
	if looksLikePEM(text) {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return fmt.Errorf("%s begins like PEM and is not", file)
		}
		if strings.Contains(block.Type, "PRIVATE") {
			return fmt.Errorf("%s holds a private key; Parley verifies only: give it the public one (openssl pkey -pubout)", file)
		}
		if _, err := x509.ParsePKIXPublicKey(block.Bytes); err != nil {
			return fmt.Errorf("%s holds no public key that can be used (BEGIN PUBLIC KEY)", file)
		}
		return nil
	}
	if len(text) < minHMACKey {
		return fmt.Errorf("%s holds %d bytes; an HS256 secret needs at least %d (openssl rand -hex 32)", file, len(text), minHMACKey)
	}
	_, err = c.ReadSecret(file)
	return err
}

func checkTLSFiles(l *loader) {
	t := l.config.TLS
	if t.Mode != "files" {
		return
	}
	if t.Cert == "" {
		l.refuse("tls.cert", "tls.mode = \"files\" needs the certificate chain (PEM)")
	}
	if t.Key == "" {
		l.refuse("tls.key", "tls.mode = \"files\" needs the private key (PEM)")
	}
	if t.Cert == "" || t.Key == "" {
		return
	}
	cert, certErr := l.config.readFile(t.Cert, false)
	if certErr != nil {
		l.refuse("tls.cert", "%v", certErr)
	}
	key, keyErr := l.config.ReadSecret(t.Key)
	if keyErr != nil {
		l.refuse("tls.key", "%v", keyErr)
	}
	if certErr != nil || keyErr != nil {
		return
	}
	if _, err := tls.X509KeyPair([]byte(cert), []byte(key.Reveal())); err != nil {
		l.refuse("tls.cert", "does not go with tls.key: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
}

func checkACME(l *loader) {
	t := l.config.TLS
	if t.Mode != "acme" {
		return
	}
	u, err := url.Parse(l.config.HTTP.PublicURL)
	if err != nil || u.Scheme != "https" || !isName(u.Hostname()) || !strings.Contains(u.Hostname(), ".") {
		l.refuse("http.public_url", "tls.mode = \"acme\" needs the name to certify: write public_url = \"https://call.example.org\" with your name")
	}
	if t.ACMECAFile == "" {
		return
	}
	text, err := l.config.readFile(t.ACMECAFile, false)
	if err == nil && !x509.NewCertPool().AppendCertsFromPEM([]byte(text)) {
		err = errors.New(t.ACMECAFile + " holds no certificate in PEM")
	}
	if err != nil {
		l.refuse("tls.acme_ca_file", "%v", err)
	}
}

func checkRelayTLS(l *loader) {
	if l.config.Relay.TLSListen != "" && l.config.TLS.Mode == "off" && !l.broken["tls.mode"] {
		l.refuse("relay.tls_listen", "needs a certificate; set tls.mode to \"files\", \"acme\" or \"self-signed\"")
	}
}

// checkExternal judges addresses that were written. Documentation ranges pass:
// laboratories use them, and nobody writes them by accident.
func checkExternal(l *loader) {
	r := l.config.Relay
	seen := map[netip.Addr]bool{}
	for _, a := range r.ExternalIP {
		switch {
		case seen[a]:
			l.refuse("relay.external_ip", "%s stands twice", a)
		case r.AllowPrivateExternal || l.broken["relay.allow_private_external"]:
		case isPrivate(a):
			l.refuse("relay.external_ip", "%s is a private address that the internet cannot reach; write the public one, or allow_private_external = true for a LAN", a)
		}
		seen[a] = true
	}
	if len(r.ExternalIP) > 0 && !slices.ContainsFunc(r.ExternalIP, netip.Addr.Is4) {
		l.refuse("relay.external_ip", "relayed addresses are IPv4; add the IPv4 address of this server")
	}
}

func isPrivate(a netip.Addr) bool {
	cgnat := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10) // RFC 6598
	return a.IsPrivate() || a.IsLinkLocalUnicast() || cgnat.Contains(a)
}

// checkDataDir lets a directory be missing; it is made at first start.
func checkDataDir(l *loader) {
	dir := l.config.DataDir
	if info, err := os.Stat(dir); err == nil && !info.IsDir() || errors.Is(err, syscall.ENOTDIR) {
		l.refuse("data_dir", "%s is not a directory; choose a folder that this user may write to", dir)
		l.broken["data_dir"] = true
	}
}

// checkMadeFiles judges the secret files that are made at first start: they may
// be missing, but when they are there they must be private and readable.
func checkMadeFiles(l *loader) {
	for _, made := range [][2]string{
		{"relay.secrets_file", l.config.RelaySecretsFile()},
		{"admin.token_file", l.config.AdminTokenFile()},
		{"data_dir", filepath.Join(l.config.DataDir, "session-key")},
	} {
		key, file := made[0], made[1]
		if l.broken["data_dir"] && filepath.Dir(file) == filepath.Clean(l.config.DataDir) {
			continue
		}
		secret, err := l.config.ReadSecret(file)
		if errors.Is(err, fs.ErrNotExist) && !strings.HasPrefix(file, credentialPrefix) {
			if dir := filepath.Dir(file); dir != filepath.Clean(l.config.DataDir) && !isDir(dir) {
				l.refuse(key, "%s cannot be made: there is no folder %s", file, dir)
			}
			continue
		}
		if err == nil && strings.TrimSpace(secret.Reveal()) == "" {
			err = fmt.Errorf("%s is empty; remove it and a new one is made at the start", file)
		}
		if err != nil {
			l.refuse(key, "%v", err)
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// checkListeners finds two listeners on one TCP port. They collide on the same
// host, and when one of them takes every address.
func checkListeners(l *loader) {
	c := &l.config
	var before [][2]string
	for _, own := range [][2]string{
		{"http.listen", c.HTTP.Listen}, {"relay.listen", c.Relay.Listen}, {"relay.tls_listen", c.Relay.TLSListen},
		{"admin.listen", c.Admin.Listen}, {"tls.acme_http_listen", c.TLS.ACMEHTTPListen},
	} {
		if own[1] == "" || l.broken[own[0]] {
			continue
		}
		for _, other := range before {
			if collide(own[1], other[1]) {
				l.refuse(own[0], "%q is taken by %s already; it needs a port of its own", own[1], other[0])
				break
			}
		}
		before = append(before, own)
	}
}

func collide(a, b string) bool {
	hostA, portA := splitListen(a)
	hostB, portB := splitListen(b)
	return portA == portB && portA != "0" && (hostA == hostB || covers(hostA, hostB) || covers(hostB, hostA))
}

// covers says that listening on all takes the port of host as well: "" and "::"
// every address, 0.0.0.0 those of IPv4.
func covers(all, host string) bool {
	if all == "" || all == "::" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return all == "0.0.0.0" && (host == "" || err == nil && a.Unmap().Is4())
}
