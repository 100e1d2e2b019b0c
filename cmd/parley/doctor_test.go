package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"parley/cmd/internal/config"
	"parley/signaling/auth"
)

// labConfig is a server on the internet of the lab, without TLS. Its addresses
// are documentation's, which relays refuse by default.
func labConfig(more string) string {
	return `
data_dir = "data"
` + more + `
[http]
listen = ":8080"
public_url = "http://call.example.org:8080"
[auth]
mode = "open"
[relay]
listen = ":3478"
external_ip = "198.51.100.10"
allowed_peers = ["198.51.100.0/24"]
`
}

const labURL = "http://" + labName + ":8080"

// wantLines checks lines of the doctor, each "status name" and a part of its
// text or hint.
func wantLines(t *testing.T, out string, want map[string]string) {
	t.Helper()
	for line, part := range want {
		re := regexp.MustCompile(`(?m)^` + strings.Join(strings.SplitN(line, " ", 2), `\s+`) + `\s.*\n(?:\s+->.*\n)?`)
		if got := re.FindString(out); got == "" || !strings.Contains(got, part) {
			t.Errorf("want %q with %q:\n%s", line, part, out)
		}
	}
}

func TestDoctorFindsAHealthyServer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	pki := newPKI(t, l, time.Now().Add(90*24*time.Hour))
	l.write("password", "correct horse\n")
	l.serve(strings.NewReplacer(":8080\"", ":443\"", "http://", "https://", `mode = "open"`, `mode = "password"
password_file = "password"`).Replace(labConfig("")) + pki.config)
	code, out := l.doctor(l.client, []string{labName}, pki.env, "PARLEY_PASSWORD=correct horse")
	if code != 0 || strings.Contains(out, "warn") {
		t.Errorf("from outside: exit %d\n%s", code, out)
	}
	wantLines(t, out, map[string]string{
		"ok certificate": "valid for call.example.org", "ok websocket": "welcome", "ok stun": "udp/3478",
		"ok relay udp": "echo", "ok relay tcp": "echo", "ok relay tls": "turns:call.example.org:443", "ok relay range": labServer, "ok logout": "",
	})
	code, out = l.doctor(l.client, []string{labName}, pki.env, "PARLEY_PASSWORD=wrong")
	if code != 1 || strings.Contains(out, "relay") {
		t.Errorf("with a wrong password: exit %d\n%s", code, out)
	}
	wantLines(t, out, map[string]string{"fail login": "PARLEY_PASSWORD"})
	code, out = l.doctor(l.server, nil, pki.env)
	if code != 0 {
		t.Errorf("from inside: exit %d\n%s", code, out)
	}
	wantLines(t, out, map[string]string{
		"ok service": "ready", "ok admin": "people", "ok ports": "udp/:3478", "ok dns": labServer, "ok certificate": "valid",
		"ok web port turn/tcp": "relay", "ok web port turn/tls": "relay", "ok relay udp": "echo", "ok relay tcp": "echo", "ok relay tls": "echo", "ok files": "closed",
	})
}

func TestDoctorNamesEachFault(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		fault  func(t *testing.T, l *lab) (config, url string, env []string)
		inside bool
		want   map[string]string
	}{
		{"closed UDP", func(t *testing.T, l *lab) (string, string, []string) {
			l.drop("udp dport 3478")
			return labConfig(""), labURL, nil
		}, false, map[string]string{
			"fail stun":        "udp/3478 gives no answer, tcp/3478 does",
			"fail relay udp":   "publishes only TCP",
			"ok relay tcp":     "echo",
			"warn relay range": "not tried",
		}},
		{"relay range closed", func(t *testing.T, l *lab) (string, string, []string) {
			l.drop("udp dport 49152-65535")
			return labConfig(""), labURL, nil
		}, false, map[string]string{"ok relay udp": "echo", "fail relay range": "49152-65535"}},
		{"wrong external address", func(t *testing.T, l *lab) (string, string, []string) {
			return strings.Replace(labConfig(""), `"`+labServer+`"`, `"`+labNobody+`"`, 1), labURL, nil
		}, false, map[string]string{"fail relay range": "set relay.external_ip"}},
		{"wrong external address, inside", func(t *testing.T, l *lab) (string, string, []string) {
			return strings.Replace(labConfig(""), `"`+labServer+`"`, `"198.51.100.77"`, 1), "", nil
		}, true, map[string]string{"warn address": "198.51.100.77"}},
		{"name of another host", func(t *testing.T, l *lab) (string, string, []string) {
			l.hosts(l.client, labNobody)
			return labConfig(""), labURL, nil
		}, false, map[string]string{"ok dns": labNobody, "fail web port": labNobody}},
		{"name of another host, inside", func(t *testing.T, l *lab) (string, string, []string) {
			l.hosts(l.server, labNobody)
			return labConfig(""), "", nil
		}, true, map[string]string{"fail dns": "change the record to " + labServer}},
		{"expired certificate", func(t *testing.T, l *lab) (string, string, []string) {
			pki := newPKI(t, l, time.Now().Add(-time.Hour))
			return strings.ReplaceAll(labConfig(""), "http://", "https://") + pki.config, "https://" + labName + ":8080", []string{pki.env}
		}, false, map[string]string{"fail certificate": "it expired on", "ok relay tls": "echo"}},
		{"expired certificate, inside", func(t *testing.T, l *lab) (string, string, []string) {
			pki := newPKI(t, l, time.Now().Add(-time.Hour))
			return strings.ReplaceAll(labConfig(""), "http://", "https://") + pki.config, "", []string{pki.env}
		}, true, map[string]string{"fail certificate": "it expired on"}},
		{"unknown authority", func(t *testing.T, l *lab) (string, string, []string) {
			pki := newPKI(t, l, time.Now().Add(time.Hour))
			return strings.ReplaceAll(labConfig(""), "http://", "https://") + pki.config, "https://" + labName + ":8080", nil
		}, false, map[string]string{"fail certificate": "fullchain.pem"}},
		{"certificate of another name", func(t *testing.T, l *lab) (string, string, []string) {
			pki := newPKI(t, l, time.Now().Add(time.Hour))
			return strings.ReplaceAll(labConfig(""), "http://", "https://") + pki.config, "https://" + labServer + ":8080", []string{pki.env}
		}, false, map[string]string{"fail certificate": "it is for " + labName}},
		{"a second address that is dead", func(t *testing.T, l *lab) (string, string, []string) {
			l.must("ip", "-n", l.client, "addr", "add", "2001:db8::20/64", "dev", "wire", "nodad")
			l.hosts(l.client, labServer+" "+labName+"\n2001:db8::10")
			return labConfig(""), labURL, nil
		}, false, map[string]string{"fail web port": "2001:db8::10", "ok relay udp": "echo"}},
		{"no certificate yet, inside", func(t *testing.T, l *lab) (string, string, []string) {
			return strings.ReplaceAll(labConfig(""), "http://", "https://") + "[tls]\nmode = \"acme\"\nacme_directory = \"https://" + labNobody + "/dir\"\n", "", nil
		}, true, map[string]string{"warn service": "certificate", "fail certificate": "the server's log says why", "ok web port turn/tcp": "", "ok relay udp": "echo"}},
		{"port of the relay for that of the web", func(t *testing.T, l *lab) (string, string, []string) {
			return labConfig(""), "https://" + labName + ":3478", nil
		}, false, map[string]string{"fail certificate": "is it the one of http.listen"}},
		{"https in the address of a server without", func(t *testing.T, l *lab) (string, string, []string) {
			return labConfig(""), labName + ":8080", nil
		}, false, map[string]string{"fail certificate": "use http:// in the address"}},
		{"skewed clock", func(t *testing.T, l *lab) (string, string, []string) {
			proxy := l.command(l.server, "skewed proxy", []string{labServer + ":8444", "http://" + labServer + ":8080", "-10m"})
			l.run(proxy)
			l.waitForPort(l.client, labServer+":8444")
			return labConfig(""), "http://" + labName + ":8444", nil
		}, false, map[string]string{"fail clock": "behind this machine's", "ok websocket": "welcome"}},
		{"relay of another secret", func(t *testing.T, l *lab) (string, string, []string) {
			// A relay that this server's secret does not belong to: another Parley.
			other := *l
			other.dir = t.TempDir()
			other.serve(strings.NewReplacer(":8080", ":8081", ":3478", ":3479").Replace(labConfig("")) + "[admin]\nlisten = \"127.0.0.1:9091\"\n")
			return strings.Replace(labConfig(""), "[relay]", "[relay]\nurls = [\"stun:call.example.org:3479\", \"turn:call.example.org:3479?transport=udp\"]", 1), labURL, nil
		}, false, map[string]string{"fail relay udp": "refuses credentials"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			config, url, env := c.fault(t, l)
			l.serve(config)
			ns, args := l.client, []string{url}
			if c.inside {
				ns, args = l.server, nil
			}
			code, out := l.doctor(ns, args, env...)
			fails := false
			for line := range c.want {
				fails = fails || strings.HasPrefix(line, "fail")
			}
			if (code == 1) != fails {
				t.Errorf("exit %d\n%s", code, out)
			}
			wantLines(t, out, c.want)
		})
	}
}

func TestDoctorInsideSeesAStaleSecretAndAnOpenFolder(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.serve(labConfig(""))
	l.write("data/turn-secrets", "a secret that the running server has not read\n")
	if err := os.Chmod(l.dir+"/data", 0o755); err != nil {
		t.Fatal(err)
	}
	code, out := l.doctor(l.server, nil)
	if code != 1 {
		t.Errorf("exit %d", code)
	}
	wantLines(t, out, map[string]string{"fail relay udp": "systemctl reload parley", "ok web port http": "", "fail files": "chmod 0700 data"})
}

func TestDoctorSaysKindlyThatNothingRuns(t *testing.T) {
	code, out, errs := parley(t, t.TempDir(), "", []string{"doctor"}, "PARLEY_HTTP_LISTEN=127.0.0.1:0", "PARLEY_RELAY_LISTEN=127.0.0.1:0", "PARLEY_ADMIN_LISTEN=127.0.0.1:1")
	if code != 1 || strings.Contains(out, "relay udp") || !strings.Contains(errs, "1 of ") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	wantLines(t, out, map[string]string{"fail service": "systemctl start parley", "ok ports": "free"})
}

func TestDoctorNamesTheFileThatIsMissing(t *testing.T) {
	code, out, errs := parley(t, t.TempDir(), "", []string{"doctor", "-config", "nope.toml"})
	if code != 1 || !strings.Contains(out, "nope.toml: cannot be read: no such file; ") || strings.Contains(out, "->") || !strings.Contains(errs, "for nope.toml") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
}

func TestDoctorTellsMachines(t *testing.T) {
	p := start(t)
	code, out, errs := parley(t, t.TempDir(), "", []string{"doctor", "-json", p.web})
	var report struct {
		Target string
		OK     bool
		Checks []struct {
			Name, Status, Text, Hint string
			MS                       *int64
		}
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs)
	}
	if code != 0 || !report.OK || report.Target != p.web || len(report.Checks) < 10 || errs != "" {
		t.Errorf("exit %d: %+v %s", code, report, errs)
	}
	for _, c := range report.Checks {
		if c.Name == "" || c.MS == nil || c.Status != "ok" && c.Status != "warn" {
			t.Errorf("%+v", c)
		}
	}
	p.signIn("Ann") // the doctor has left nothing behind that refuses people
	if n := len(p.turn.Allocations()); n != 0 {
		eventually(t, "no relay is left", func() bool { return len(p.turn.Allocations()) == 0 })
	}
}

func TestDoctorSignsInAsTheServerWants(t *testing.T) {
	invites := start(t, func(c *config.Config) { c.Auth.Mode = "token" })
	token, _, err := invites.users.Invite(auth.Invite{Name: "Bob", TTL: time.Hour, Relay: true, Role: auth.RoleUser})
	if err != nil {
		t.Fatal(err)
	}
	open := start(t)
	for _, c := range []struct {
		args, secret string
		code         int
		login        string
	}{
		{invites.web, invites.web + "/r/kitchen#t=" + token, 0, "ok login"}, // the link as it was sent
		{invites.web, token, 0, "ok login"},
		{invites.web, "pi_wrong", 1, "fail login"},
		{invites.web, "", 0, "warn login"},
		{open.web + " -user Ann", "", 0, "ok login"},
	} {
		var env []string
		if c.secret != "" {
			env = []string{"PARLEY_PASSWORD=" + c.secret}
		}
		code, out, errs := parley(t, t.TempDir(), "", append([]string{"doctor"}, strings.Fields(c.args)...), env...)
		if code != c.code || strings.Contains(out+errs, token) {
			t.Errorf("%s with %q: exit %d\n%s%s", c.args, c.secret, code, out, errs)
		}
		wantLines(t, out, map[string]string{c.login: ""})
	}
}

func TestDoctorUsage(t *testing.T) {
	for _, args := range []string{"doctor ftp://x", "doctor a b", "doctor -user ann", "doctor -password x https://x", "doctor https://x -config y"} {
		if code, _, errs := parley(t, t.TempDir(), "", strings.Fields(args)); code != 2 || errs == "" {
			t.Errorf("%s: exit %d %s", args, code, errs)
		}
	}
	if code, out, _ := parley(t, t.TempDir(), "", []string{"doctor", "-h"}); code != 0 || !strings.Contains(out, `"checks":[`) {
		t.Errorf("-h: exit %d\n%s", code, out)
	}
}

// pki is an authority of the test's own with one certificate for the public name.
type pki struct {
	config string // the section [tls]
	env    string // makes a client trust the authority
}

func newPKI(t *testing.T, l *lab, end time.Time) pki {
	t.Helper()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, NotBefore: end.AddDate(-2, 0, 0), NotAfter: end.AddDate(2, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	caKey, caDER := certify(t, authority, authority, nil)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: labName}, DNSNames: []string{labName}, NotBefore: end.AddDate(-1, 0, 0), NotAfter: end,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	key, der := certify(t, leaf, authority, caKey)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	l.write("cert.pem", block("CERTIFICATE", der))
	l.write("key.pem", block("PRIVATE KEY", keyDER))
	return pki{"[tls]\nmode = \"files\"\ncert = \"cert.pem\"\nkey = \"key.pem\"\n", "SSL_CERT_FILE=" + l.write("ca.pem", block("CERTIFICATE", caDER))}
}

// certify signs with the parent's key, or with the new one where there is none.
func certify(t *testing.T, template, parent *x509.Certificate, by *ecdsa.PrivateKey) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if by == nil {
		by = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return key, der
}

// skewedProxy passes everything on and sets the Date of each answer off.
func skewedProxy(listen, target, off string) int {
	skew, err := time.ParseDuration(off)
	u, err2 := url.Parse(target)
	if err != nil || err2 != nil {
		return exitUsage
	}
	proxy := httputil.NewSingleHostReverseProxy(u)
	proxy.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
		return nil
	}
	fmt.Fprintln(os.Stderr, http.ListenAndServe(listen, proxy))
	return exitFailed
}
