package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestValuesThatCannotBe(t *testing.T) {
	for setting, sentence := range map[string]string{
		`data_dir = " "`:                             `must not be empty`,
		`http.listen = ""`:                           `"" is not host:port`,
		`http.listen = "localhost"`:                  `"localhost" is not host:port`,
		`http.listen = "127.0.0.1:http"`:             `the port "http" is not a number`,
		`http.listen = ":65536"`:                     `the port "65536" is not a number from 0 to 65535`,
		`http.listen = "256.1.1.1:80"`:               `"256.1.1.1" is neither an address nor a name`,
		`http.listen = "*:80"`:                       `"*" is neither an address nor a name`,
		`http.listen = "::1:80"`:                     `"::1:80" is not host:port`,
		`http.public_url = "call.example.org"`:       `"call.example.org" is not a web address`,
		`http.public_url = "https://"`:               `"https://" is not a web address`,
		`http.public_url = "https://x.org/parley"`:   `"https://x.org/parley" goes on after the host`,
		`http.public_url = "https://x.org?a=1"`:      `"https://x.org?a=1" goes on after the host`,
		`http.public_url = "https://me:pw@x.org"`:    `must not hold a user name`,
		`http.public_url = "https://x.org:99999"`:    `"https://x.org:99999" has no usable host`,
		`http.allowed_origins = ["null"]`:            `"null" is not an origin`,
		`http.allowed_origins = ["https://a.org/"]`:  `"https://a.org/" is not an origin`,
		`http.allowed_origins = ["https://*.a.org"]`: `"https://*.a.org" holds a wildcard`,
		`http.allowed_origins = "https://a.org"`:     `is a string, not an array`,
		`http.trusted_proxies = [8]`:                 `holds a number`,
		`http.trusted_proxies = ["::ffff:0:0/8"]`:    `"::ffff:0:0/8" mixes IPv4 and IPv6`,
		`tls.mode = "on"`:                            `"on" is not one of off, self-signed, files, acme`,
		`tls.mode = "selfsigned"`:                    `"selfsigned" is not one of off, self-signed, files, acme; did you mean "self-signed"?`,
		`tls.acme_email = "me"`:                      `"me" is not an e-mail address`,
		`tls.acme_directory = "http://x.org/"`:       `"http://x.org/" is not the https address`,
		`auth.mode = ""`:                             `"" is not one of open, password, users, token`,
		`auth.session_ttl = "1d"`:                    `"1d" is not a duration`,
		`auth.session_ttl = "0s"`:                    `"0s" is too short`,
		`auth.session_ttl = "-1h"`:                   `"-1h" is too short`,
		`auth.session_ttl = "90000h"`:                `"90000h" is too long; at most "8784h"`,
		`auth.session_ttl = "60"`:                    `a duration needs a unit`,
		`auth.session_ttl = 1.5`:                     `is a number with a fraction, not a duration`,
		`auth.session_ttl = true`:                    `is true or false, not a duration`,
		`signaling.ring_timeout = "0s"`:              `"0s" is too short; it must be more than zero`,
		`shutdown.grace = "-1s"`:                     `"-1s" is too short; it must not be negative`,
		`signaling.room_max = 1`:                     `1 is too small; at least 2`,
		`signaling.room_max = 1000`:                  `1000 is too large`,
		`signaling.room_max = 1.5`:                   `is a number with a fraction, not a whole number`,
		`signaling.max_sessions = 0`:                 `0 is too small`,
		`signaling.max_message = "10B"`:              `10 bytes is too small`,
		`relay.max_bandwidth = -1`:                   `-1 bytes is too small`,
		`relay.max_bandwidth = "2"`:                  `"2" needs a unit`,
		`relay.max_bandwidth = "2Mbit"`:              `"2Mbit" is not a size`,
		`relay.max_bandwidth = "MB"`:                 `"MB" is not a size`,
		`relay.max_bandwidth = "-2MB"`:               `"-2MB" is not a size`,
		`relay.max_bandwidth = "99999999TB"`:         `"99999999TB" is too large`,
		`relay.max_bandwidth = 2.5`:                  `is a number with a fraction; write a whole number of bytes`,
		`relay.max_allocations = 0`:                  `0 is too small`,
		`relay.realm = ""`:                           `must not be empty`,
		`relay.realm = "abcdefghijklmnopqrstuvwxy"`:  `"abcdefghijklmnopqrstuvwxy" is longer than 24 characters`,
		`relay.realm = "a\"b"`:                       `"a\"b" holds characters`,
		`relay.ports = "49152"`:                      `"49152" is not a range`,
		`relay.ports = "49152-70000"`:                `"49152-70000" is not a range`,
		`relay.ports = "80-90"`:                      `"80-90" goes below 1024`,
		`relay.ports = 49152`:                        `is a number, not a string`,
		`relay.engine = "xdp"`:                       `"xdp" is not one of auto, pion, user`,
		`relay.external_ip = "0.0.0.0"`:              `0.0.0.0 is not the address of a machine`,
		`relay.external_ip = "::"`:                   `:: is not the address of a machine`,
		`relay.external_ip = "::ffff:0.0.0.0"`:       `0.0.0.0 is not the address of a machine`,
		`relay.external_ip = "224.0.0.1"`:            `224.0.0.1 is not the address of a machine`,
		`relay.external_ip = "call.example.org"`:     `"call.example.org" is not an IP address`,
		`relay.external_ip = "fe80::1%eth0"`:         `"fe80::1%eth0" is not an IP address`,
		`relay.external_ip = []`:                     `is empty; write "auto"`,
		`relay.external_ip = ["auto", "9.9.9.9"]`:    `"auto" cannot stand beside addresses`,
		`relay.external_ip = ["9.9.9.9", "9.9.9.9"]`: `9.9.9.9 stands twice`,
		`relay.external_ip = "2606:4700::1"`:         `relayed addresses are IPv4`,
		`relay.external_ip = 5`:                      `is a number, not "auto", an address in quotes or an array of them`,
		`relay.external_ip = "10.0.0.1"`:             `10.0.0.1 is a private address`,
		`relay.external_ip = "100.64.0.1"`:           `100.64.0.1 is a private address`,
		`relay.external_ip = "169.254.1.1"`:          `169.254.1.1 is a private address`,
		`relay.external_ip = ["9.9.9.9", "fd00::1"]`: `fd00::1 is a private address`,
		`relay.external_ip = "::ffff:10.0.0.1"`:      `10.0.0.1 is a private address`,
		`relay.discover = ["stun.example.org"]`:      `"stun.example.org" is not host:port`,
		`relay.discover = ["stun:s.org:3478"]`:       `"stun:s.org:3478" is not host:port`,
		`relay.urls = ["https://x.org"]`:             `"https://x.org" is not a STUN or TURN address`,
		`relay.urls = ["turn://x.org"]`:              `"turn://x.org" is not a STUN or TURN address`,
		`relay.urls = ["turn:2001:db8::1"]`:          `"turn:2001:db8::1" is not a STUN or TURN address`,
		`relay.urls = ["turn:x.org:0"]`:              `"turn:x.org:0" is not a STUN or TURN address`,
		`relay.urls = ["turn:x.org?transport=sctp"]`: `"turn:x.org?transport=sctp": after ?`,
		`relay.urls = ["stun:x.org?transport=udp"]`:  `"stun:x.org?transport=udp": after ?`,
		`relay.allowed_peers = ["192.168.0.0"]`:      `"192.168.0.0" is an address, not a CIDR; write "192.168.0.0/32"`,
		`relay.tls_listen = ":5349"`:                 `needs a certificate`,
		`admin.listen = "127.0.0.1:8080"`:            `"127.0.0.1:8080" is taken by http.listen already`,
		`log.format = "logfmt"`:                      `"logfmt" is not one of text, json`,
	} {
		key, _, _ := strings.Cut(setting, " = ")
		_, err := loadText(t, setting)
		if got := lines(t, err); len(got) != 1 || !strings.HasPrefix(got[0], "config.toml:1: "+key+": "+sentence) {
			t.Errorf("%s gives %q, want %q", setting, got, sentence)
		}
	}
}

func TestValuesThatMayBe(t *testing.T) {
	for _, text := range []string{
		`relay.external_ip = "203.0.113.9"`, // a documentation range, written
		`relay.external_ip = "127.0.0.1"`,   // relay.listen is loopback
		"[relay]\nexternal_ip = [\"10.0.0.1\", \"fd00::1\"]\nallow_private_external = true",
		`relay.external_ip = ["auto"]`,
		`http.public_url = "http://192.168.1.4:8080/"`,
		`http.public_url = "https://[2001:db8::1]:8443"`,
		`http.listen = "localhost:8080"`,
		`http.listen = "[::ffff:127.0.0.1]:8080"`,
		"http.listen = \":8443\"\ntls.mode = \"self-signed\"\nauth.mode = \"open\"",
		"http.listen = \":80\"\nauth.mode = \"token\"",
		"tls.mode = \"acme\"\nhttp.public_url = \"https://call.example.org\"",
		"tls.mode = \"self-signed\"\nrelay.tls_listen = \":5349\"",
		`signaling.resume_window = "500ms"`,
		"http.listen = \"127.0.0.1:0\"\nadmin.listen = \"127.0.0.1:0\"",
	} {
		if _, err := loadText(t, text); err != nil {
			t.Errorf("%s\ngives %v", text, err)
		}
	}
}

func TestOpenModeOnTheNetworkMustBeWritten(t *testing.T) {
	for _, listen := range []string{":8080", "0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080", "call.example.org:8080"} {
		_, err := loadText(t, fmt.Sprintf("http.listen = %q", listen))
		want(t, err, "config.toml:1: auth.mode: http.listen = ")
	}
	if _, err := loadText(t, `http.listen = ":8080"`, "PARLEY_AUTH_MODE=open"); err != nil {
		t.Errorf("open mode written in the environment gives %v", err)
	}
}

func TestOneMistakeIsReportedOnce(t *testing.T) {
	_, err := loadText(t, "auth.mode = \"opne\"\nhttp.listen = \":80\"\ntls.mode = \"x\"\nrelay.tls_listen = \":5349\"")
	want(t, err, "config.toml:1: auth.mode: \"opne\"", "config.toml:3: tls.mode: \"x\"")
}

func TestExternalLoopbackWithAPublicListener(t *testing.T) {
	for listen, warned := range map[string]bool{":3478": true, "127.0.0.1:3478": false} {
		c, err := loadText(t, "relay.listen = \""+listen+"\"\nrelay.external_ip = \"127.0.0.1\"")
		if err != nil {
			t.Errorf("relay.listen = %q: %v", listen, err)
		}
		if slices.ContainsFunc(c.Warnings(), func(w Warning) bool { return w.Key == "relay.external_ip" }) != warned {
			t.Errorf("relay.listen = %q: warnings %v", listen, c.Warnings())
		}
	}
}

func TestFilesOfTheModes(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, filepath.Join(dir, "secret"), strings.Repeat("s", 32)+"\n", 0o640)
	open := write(t, filepath.Join(dir, "open"), strings.Repeat("s", 32), 0o644)
	empty := write(t, filepath.Join(dir, "empty"), "\n", 0o600)
	short := write(t, filepath.Join(dir, "short"), strings.Repeat("s", 31)+"\n", 0o600)
	missing := filepath.Join(dir, "missing")
	for _, c := range []struct{ text, key, sentence string }{
		{`auth.mode = "password"`, "auth.password_file", `auth.mode = "password" needs this file`},
		{`auth.mode = "users"`, "auth.users_file", `auth.mode = "users" needs this file`},
		{file("auth.mode = \"password\"\nauth.password_file = %q", secret), "", ""},
		{file("auth.mode = \"password\"\nauth.password_file = %q", open), "auth.password_file", open + " holds a secret and is open to every user"},
		{file("auth.mode = \"password\"\nauth.password_file = %q", empty), "auth.password_file", empty + " is empty"},
		{file("auth.mode = \"password\"\nauth.password_file = %q", missing), "auth.password_file", missing + " does not exist"},
		{file("auth.mode = \"password\"\nauth.password_file = %q", dir), "auth.password_file", dir + " is a directory"},
		{file("auth.mode = \"users\"\nauth.users_file = %q", open), "auth.users_file", open + " holds a secret"},
		{file("auth.users_file = %q", missing), "", ""}, // not needed in this mode
		{file("auth.users_file = %q", open), "auth.users_file", open + " holds a secret"},
		{file("auth.jwt_keys = [%q]", secret), "", ""},
		{file("auth.jwt_keys = [%q]", short), "auth.jwt_keys", short + " holds 31 bytes"},
		{file("auth.jwt_keys = [%q]", open), "auth.jwt_keys", open + " holds a secret"},
		{file("auth.jwt_keys = [%q]", missing), "auth.jwt_keys", missing + " does not exist"},
		{file("relay.secrets_file = %q", missing), "", ""}, // made at the start
		{file("relay.secrets_file = %q", filepath.Join(missing, "below")), "relay.secrets_file", missing + "/below cannot be made: there is no folder " + missing},
		{file("admin.token_file = %q", filepath.Join(missing, "below")), "admin.token_file", missing + "/below cannot be made: there is no folder " + missing},
		{file("relay.secrets_file = %q", open), "relay.secrets_file", open + " holds a secret"},
		{file("relay.secrets_file = %q", empty), "relay.secrets_file", empty + " is empty"},
		{file("admin.token_file = %q", open), "admin.token_file", open + " holds a secret"},
	} {
		_, err := loadText(t, c.text)
		got := strings.Join(lines(t, err), "\n")
		if c.key == "" && got != "" || c.key != "" && (strings.Contains(got, "\n") || !strings.Contains(got, ": "+c.key+": "+c.sentence)) {
			t.Errorf("%s\ngives %q, want %q", c.text, got, c.sentence)
		}
	}
}

func file(format, path string) string { return fmt.Sprintf(format, path) }

func TestListenersHavePortsOfTheirOwn(t *testing.T) {
	_, err := loadText(t, "auth.mode = \"open\"\nhttp.listen = \":3478\"\nadmin.listen = \"127.0.0.1:3478\"")
	want(t, err, `config.toml:2: relay.listen: "127.0.0.1:3478" is taken by http.listen`, `config.toml:3: admin.listen: "127.0.0.1:3478" is taken by http.listen`)
	for _, listen := range []string{"127.0.0.2:9090", "[::1]:9090"} {
		if _, err := loadText(t, file("http.listen = %q", listen)); err != nil {
			t.Errorf("two hosts on one port give %v", err)
		}
	}
	if _, err := loadText(t, "admin.listen = \"[::1]:8081\"\nauth.mode = \"open\"\nhttp.listen = \"0.0.0.0:8081\""); err != nil {
		t.Errorf("IPv4 and IPv6 on one port give %v", err)
	}
}

func TestDataDirMustBeADirectory(t *testing.T) {
	path := write(t, filepath.Join(t.TempDir(), "data"), "", 0o600)
	for _, dir := range []string{path, filepath.Join(path, "below")} {
		_, err := loadText(t, file("data_dir = %q", dir))
		want(t, err, "config.toml:1: data_dir: "+dir+" is not a directory")
	}
}

func TestDefaultSecretFilesMustBePrivate(t *testing.T) {
	dir := t.TempDir()
	path := write(t, filepath.Join(dir, "turn-secrets"), "secret\n", 0o604)
	_, err := loadText(t, file("data_dir = %q", dir))
	want(t, err, "config.toml:1: relay.secrets_file: "+path+" holds a secret")

	dir = t.TempDir()
	path = write(t, filepath.Join(dir, "session-key"), "secret\n", 0o604)
	_, err = loadText(t, file("data_dir = %q", dir))
	want(t, err, "config.toml:1: data_dir: "+path+" holds a secret")
}

// pair makes a certificate and its key in PEM.
func pair(t *testing.T) (cert, key string, public []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", keyDER), []byte(block("PUBLIC KEY", pub))
}

func TestTLSFiles(t *testing.T) {
	dir := t.TempDir()
	certText, keyText, public := pair(t)
	_, otherKey, _ := pair(t)
	cert := write(t, filepath.Join(dir, "cert.pem"), certText, 0o644)
	key := write(t, filepath.Join(dir, "key.pem"), keyText, 0o640)
	other := write(t, filepath.Join(dir, "other.pem"), otherKey, 0o600)
	open := write(t, filepath.Join(dir, "open.pem"), keyText, 0o644)
	write(t, filepath.Join(dir, "public.pem"), string(public), 0o644)

	const text = "tls.mode = \"files\"\ntls.cert = %q\ntls.key = %q\n"
	if _, err := loadText(t, fmt.Sprintf(text, cert, key)); err != nil {
		t.Error(err)
	}
	if _, err := loadText(t, fmt.Sprintf(text, "credential:cert.pem", "credential:open.pem"), "CREDENTIALS_DIRECTORY="+dir); err != nil {
		t.Errorf("a pair from systemd's credentials gives %v", err)
	}
	_, err := loadText(t, fmt.Sprintf(text, cert, other))
	want(t, err, "config.toml:2: tls.cert: does not go with tls.key: private key does not match public key")
	_, err = loadText(t, fmt.Sprintf(text, cert, open))
	want(t, err, "config.toml:3: tls.key: "+open+" holds a secret")
	_, err = loadText(t, `tls.mode = "files"`)
	want(t, err, "config.toml:1: tls.cert: ", "config.toml:1: tls.key: ")
	_, err = loadText(t, fmt.Sprintf(text, "/nonexistent/c", "/nonexistent/k"))
	want(t, err, "config.toml:2: tls.cert: /nonexistent/c does not exist", "config.toml:3: tls.key: /nonexistent/k does not exist")

	if _, err := loadText(t, file("auth.jwt_keys = [%q]", filepath.Join(dir, "public.pem"))); err != nil {
		t.Errorf("a public key that all may read gives %v", err)
	}
	_, err = loadText(t, file("auth.jwt_keys = [%q]", key))
	want(t, err, "config.toml:1: auth.jwt_keys: "+key+" holds a private key")
	_, err = loadText(t, file("auth.jwt_keys = [%q]", cert))
	want(t, err, "config.toml:1: auth.jwt_keys: "+cert+" holds no public key")
}

func TestACMENeedsAName(t *testing.T) {
	for _, url := range []string{"", "http://call.example.org", "https://203.0.113.5", "https://localhost"} {
		_, err := loadText(t, fmt.Sprintf("http.public_url = %q\ntls.mode = \"acme\"", url))
		want(t, err, "config.toml:1: http.public_url: tls.mode = \"acme\" needs the name")
	}
	ca := write(t, filepath.Join(t.TempDir(), "ca.pem"), "nothing", 0o644)
	_, err := loadText(t, file("tls.mode = \"acme\"\nhttp.public_url = \"https://a.example\"\ntls.acme_ca_file = %q", ca))
	want(t, err, "config.toml:3: tls.acme_ca_file: "+ca+" holds no certificate")
}

func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "password"), "tr\u00e8s secret\r\n", 0o400)
	const text = "auth.mode = \"password\"\nauth.password_file = \"credential:password\""
	c, err := loadText(t, text, "CREDENTIALS_DIRECTORY="+dir)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := c.ReadSecret(c.Auth.PasswordFile)
	if err != nil || secret.Reveal() != "tr\u00e8s secret" {
		t.Errorf("read %q, %v", secret.Reveal(), err)
	}
	_, err = loadText(t, text)
	want(t, err, `config.toml:2: auth.password_file: "credential:password" needs $CREDENTIALS_DIRECTORY`)
	_, err = loadText(t, `relay.secrets_file = "credential:none"`, "CREDENTIALS_DIRECTORY="+dir)
	want(t, err, "config.toml:1: relay.secrets_file: "+filepath.Join(dir, "none")+" does not exist")
	for _, name := range []string{"", "..", "../password", "a/b"} {
		_, err = loadText(t, fmt.Sprintf("relay.secrets_file = \"credential:%s\"", name), "CREDENTIALS_DIRECTORY="+dir)
		want(t, err, fmt.Sprintf("config.toml:1: relay.secrets_file: \"credential:%s\" needs the bare name", name))
	}
}

func TestWarnings(t *testing.T) {
	keys := func(c Config) []string {
		var out []string
		for _, w := range c.Warnings() {
			out = append(out, w.Key)
		}
		return out
	}
	if got := keys(Defaults()); len(got) != 0 {
		t.Errorf("the defaults warn of %v", got)
	}
	c, err := loadText(t, `
http.listen = ":8080"
auth.mode = "open"
auth.password_file = "/nonexistent/password"
auth.users_file = "/nonexistent/users"
tls.cert = "x"
admin.listen = ":9090"
log.level = "debug"
[relay]
allow_own_addresses = true
allowed_peers = ["0.0.0.0/0"]
ports = "50000-50038"
`)
	if err != nil {
		t.Fatal(err)
	}
	got := keys(c)
	for _, key := range []string{
		"auth.mode", "auth.relay_for", "tls.mode", "relay.listen", "admin.listen", "relay.allow_own_addresses",
		"relay.allowed_peers", "relay.ports", "log.level", "tls.cert", "auth.password_file",
	} {
		if !slices.Contains(got, key) {
			t.Errorf("no warning of %s in %v", key, got)
		}
	}
	if len(got) != 11 {
		t.Errorf("warnings of %v", got)
	}
}
