package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func sprint(v any) string { return fmt.Sprint(v) }

// lines are the problems of err without the directory of the file.
func lines(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatalf("the error is %T, not Problems", err)
	}
	var out []string
	for _, p := range problems {
		p.File = filepath.Base(p.File)
		out = append(out, p.String())
	}
	return out
}

// want fails unless err holds exactly the given problems, each by its beginning.
func want(t *testing.T, err error, begins ...string) {
	t.Helper()
	got := lines(t, err)
	if len(got) != len(begins) {
		t.Fatalf("%d problems, want %d:\n%s", len(got), len(begins), strings.Join(got, "\n"))
	}
	for i := range got {
		if !strings.HasPrefix(got[i], begins[i]) {
			t.Errorf("problem %d is\n%s\nwant it to begin\n%s", i+1, got[i], begins[i])
		}
	}
}

func TestEveryProblemAtOnceWithItsLine(t *testing.T) {
	_, err := loadText(t, `# a comment
data_dir = "/var/lib/parley"

[http]
listen = "8080"
public_url = "ftp://x" # wrong scheme
allowed_origins = [
  "https://a.example", # fine
  "*",
]

[relay]
ports = "65535-49152"
max_bandwith = 5
credential_ttl = 60
max_allocations = "many"
denied_peers = ["10.0.0.0/33", "10.0.0.1"]
allow_own_addresses = "yes"

[signalling]
room_max = 4

[log]
level = "warning"

[shutdown]
grace.seconds = 30
`)
	want(t, err,
		`config.toml:5: http.listen: "8080" is not host:port; write ":8080" for every address`,
		`config.toml:6: http.public_url: "ftp://x" is not a web address`,
		`config.toml:7: http.allowed_origins: "*" is not an origin`,
		`config.toml:13: relay.ports: "65535-49152" is upside down`,
		`config.toml:14: relay.max_bandwith: unknown key; did you mean relay.max_bandwidth?`,
		`config.toml:15: relay.credential_ttl: a duration needs a unit; write "60s", "60m" or "60h"`,
		`config.toml:16: relay.max_allocations: is a string, not a whole number`,
		`config.toml:17: relay.denied_peers: "10.0.0.0/33" is not a CIDR`,
		`config.toml:17: relay.denied_peers: "10.0.0.1" is an address, not a CIDR; write "10.0.0.1/32"`,
		`config.toml:18: relay.allow_own_addresses: is a string; write true or false`,
		`config.toml:21: signalling.room_max: unknown key; did you mean signaling.room_max?`,
		`config.toml:24: log.level: "warning" is not one of debug, info, warn, error`,
		`config.toml:27: shutdown.grace: is a table, not a duration`,
	)
}

func TestSyntaxErrorStandsAlone(t *testing.T) {
	for text, line := range map[string]int{
		"[http]\nlisten = \nnope = 1\n":                         2,
		"[http]\nlisten = \":1\"\nlisten = \":2\"\n":            3,
		"[http\nlisten = \":1\"":                                1,
		"nope = 1\n\n[relay]\nports = 49152-65535\n":            4,
		"[http]\nlisten = \":1\"\n[tls]\n[http]\nnope = true\n": 4,
	} {
		_, err := loadText(t, text)
		want(t, err, fmt.Sprintf("config.toml:%d: syntax: ", line))
	}
}

func TestUnknownKeys(t *testing.T) {
	for text, sentence := range map[string]string{
		"listen = \":1\"":                  `config.toml:1: listen: unknown key; did you mean admin.listen or http.listen or relay.listen?`,
		"[http]\nListen = \":1\"":          `config.toml:2: http.Listen: unknown key; did you mean http.listen?`,
		"[htp]\nlisten = \":1\"":           `config.toml:2: htp.listen: unknown key; did you mean http.listen?`,
		"[nothing]":                        `config.toml:1: nothing: unknown key`,
		"http = 3":                         `config.toml:1: http: is a section; write [http]`,
		"[[http]]\nlisten = \":1\"":        `config.toml:1: http: is a section; write [http]`,
		"[http.listen]\nport = 80":         `config.toml:1: http.listen: is a table, not a string in quotes`,
		"http = { lisen = \":1\" }":        `config.toml:1: http.lisen: unknown key; did you mean http.listen?`,
		"http.zzz = 1":                     `config.toml:1: http.zzz: unknown key`,
		"\n\"http.listen\" = \":1\"":       `config.toml:2: "http.listen": unknown key`,
		"[relay]\nmax_bandwidth_mb = 1":    `config.toml:2: relay.max_bandwidth_mb: unknown key; did you mean relay.max_bandwidth?`,
		"[auth]\nsession_tll = \"1h\"\n":   `config.toml:2: auth.session_tll: unknown key; did you mean auth.session_ttl?`,
		"[relay]\nexternal_ips = \"auto\"": `config.toml:2: relay.external_ips: unknown key; did you mean relay.external_ip?`,
	} {
		_, err := loadText(t, text)
		got := lines(t, err)
		if len(got) != 1 || !strings.HasPrefix(got[0], sentence) {
			t.Errorf("%q gives %q, want %q", text, got, sentence)
		}
	}
	_, err := loadText(t, "[nothing]\nzzz = 1")
	if got := lines(t, err)[0]; got != "config.toml:2: nothing.zzz: unknown key" {
		t.Errorf("a key that resembles nothing gives %q", got)
	}
}

func TestValuesAreRead(t *testing.T) {
	c, err := loadText(t, `
data_dir = "/srv/parley"
http.listen = "[::1]:0"
http.public_url = "https://call.example.org/"
http.allowed_origins = ["https://App.example.org", "capacitor://localhost"]
http.trusted_proxies = ["10.1.2.3/8", "::ffff:192.168.0.0/112"]
[auth]
session_ttl = "1h30m"
[relay]
listen = "localhost:3478"
external_ip = ["203.0.113.7", "2001:db8::7"]
ports = "50000-50099"
max_bandwidth = "2MB"
max_bandwidth_per_user = "2MiB"
monthly_budget = "1.5TB"
urls = ["turn:call.example.org:13478?transport=udp", "stun:[2001:db8::1]:3478", "turns:call.example.org"]
discover = ["stun.example.org:3478"]
[signaling]
max_message = "64KiB"
[shutdown]
grace = "0s"
`)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]any{
		"data_dir":    {c.DataDir, "/srv/parley"},
		"public_url":  {c.HTTP.PublicURL, "https://call.example.org"},
		"session_ttl": {c.Auth.SessionTTL, 90 * time.Minute},
		"ports":       {c.Relay.Ports, PortRange{50000, 50099}},
		"bandwidth":   {c.Relay.MaxBandwidth, int64(2_000_000)},
		"per user":    {c.Relay.MaxBandwidthPerUser, int64(2 << 20)},
		"budget":      {c.Relay.MonthlyBudget, int64(1_500_000_000_000)},
		"max_message": {c.Signaling.MaxMessage, 65536},
		"grace":       {c.Shutdown.Grace, time.Duration(0)},
		"origin":      {c.HTTP.AllowedOrigins[0], "https://app.example.org"},
		"proxy":       {c.HTTP.TrustedProxies[0], netip.MustParsePrefix("10.0.0.0/8")},
		"mapped":      {c.HTTP.TrustedProxies[1], netip.MustParsePrefix("192.168.0.0/16")},
		"external":    {c.Relay.ExternalIP[1], netip.MustParseAddr("2001:db8::7")},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %v, want %v", name, pair[0], pair[1])
		}
	}
}

func TestEnvironmentOverridesTheFile(t *testing.T) {
	c, err := loadText(t, "[relay]\nmax_bandwidth = 1\nports = \"50000-51000\"\n[log]\nlevel = \"debug\"",
		"HOME=/root", "PARLEY_PASSWORD=x",
		"PARLEY_DATA_DIR=/data", "STATE_DIRECTORY=/var/lib/parley",
		"PARLEY_RELAY_MAX_BANDWIDTH=2MB", "PARLEY_RELAY_MONTHLY_BUDGET=5000",
		"PARLEY_LOG_LEVEL=warn",
		"PARLEY_RELAY_DENIED_PEERS=203.0.113.0/24, 2001:db8::/32",
		"PARLEY_RELAY_EXTERNAL_IP=198.51.100.1,2001:db8::1",
		"PARLEY_RELAY_ALLOW_OWN_ADDRESSES=true", "PARLEY_SIGNALING_ROOM_MAX=4", "PARLEY_AUTH_JWT_KEYS=")
	if err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "/data" || c.Relay.MaxBandwidth != 2_000_000 || c.Relay.MonthlyBudget != 5000 || c.Log.Level.String() != "WARN" ||
		len(c.Relay.DeniedPeers) != 2 || len(c.Relay.ExternalIP) != 2 || !c.Relay.AllowOwnAddresses || c.Signaling.RoomMax != 4 || len(c.Auth.JWTKeys) != 0 {
		t.Errorf("the environment did not override: %+v", c)
	}
	if c.Relay.Ports != (PortRange{50000, 51000}) {
		t.Error("a key that is not in the environment lost its value of the file")
	}
}

func TestEnvironmentProblemsNameTheVariable(t *testing.T) {
	_, err := loadText(t, "[relay]\nnope = 1",
		"PARLEY_RELAY_CREDENTIAL_TTL=60", "PARLEY_HTTP_LISEN=:80", "PARLEY_SIGNALING_ROOM_MAX=six",
		"PARLEY_RELAY_DENIED_PEERS=10.0.0.0/8,10.0.0.0/40", "PARLEY_RELAY_ALLOW_OWN_ADDRESSES=yes")
	want(t, err,
		`config.toml:2: relay.nope: unknown key`,
		`environment: PARLEY_HTTP_LISEN: no key has this variable; did you mean PARLEY_HTTP_LISTEN?`,
		`environment: PARLEY_RELAY_ALLOW_OWN_ADDRESSES: relay.allow_own_addresses: "yes" is neither true nor false`,
		`environment: PARLEY_RELAY_CREDENTIAL_TTL: relay.credential_ttl: a duration needs a unit`,
		`environment: PARLEY_RELAY_DENIED_PEERS: relay.denied_peers: "10.0.0.0/40" is not a CIDR`,
		`environment: PARLEY_SIGNALING_ROOM_MAX: signaling.room_max: "six" is not a whole number`,
	)
}

func TestVariablesOfOrchestratorsAreNoKeys(t *testing.T) {
	_, err := loadText(t, "", "PARLEY_SERVICE_HOST=10.0.0.1", "PARLEY_SERVICE_PORT_WEB=80", "PARLEY_PORT=tcp://10.0.0.1:80", "PARLEY_PORT_80_TCP_ADDR=10.0.0.1",
		"PARLEY_RELAY_SERVICE_HOST=10.0.0.1", "PARLEY_RELAY_PORT=udp://10.0.0.1:3478", "PARLEY_RELAY_PORT_3478_UDP_PROTO=udp")
	want(t, err)
	_, err = loadText(t, "", "PARLEY_RELAY_PORT=80")
	want(t, err, "environment: PARLEY_RELAY_PORT: ")
}

// A script's own PARLEY_BIN stops nothing; a slip in data_dir, which has no
// section, is at least told.
func TestVariablesOfOthersAreToldAlone(t *testing.T) {
	c, err := loadText(t, "", "PARLEY_BIN=/x", "PARLEY_DATADIR=/y")
	want(t, err)
	var told []string
	for _, w := range c.Warnings() {
		told = append(told, w.Key+": "+w.Sentence)
	}
	if len(told) != 2 || !strings.HasPrefix(told[0], "PARLEY_BIN: no key") || !strings.HasSuffix(told[1], "did you mean PARLEY_DATA_DIR?") {
		t.Errorf("warnings: %q", told)
	}
}

func TestStateDirectoryIsTheDefaultOfDataDir(t *testing.T) {
	c, err := loadText(t, "", "STATE_DIRECTORY=/var/lib/parley:/var/lib/other")
	if err != nil || c.DataDir != "/var/lib/parley" {
		t.Errorf("data_dir is %q (%v)", c.DataDir, err)
	}
	c, _ = loadText(t, `data_dir = "/srv"`, "STATE_DIRECTORY=/var/lib/parley")
	if c.DataDir != "/srv" {
		t.Errorf("data_dir of the file lost to %q", c.DataDir)
	}
	if got := c.RelaySecretsFile() + " " + c.AdminTokenFile(); got != "/srv/turn-secrets /srv/admin-token" {
		t.Errorf("files below data_dir are %s", got)
	}
}

func TestSearchOrder(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.toml"), filepath.Join(dir, "second.toml")
	c, err := load([]string{first, second}, false, nil)
	if err != nil || c.File != "" {
		t.Errorf("without files: %q, %v", c.File, err)
	}
	write(t, second, "[signaling]\nroom_max = 2", 0o600)
	c, _ = load([]string{first, second}, false, nil)
	if c.File != second || c.Signaling.RoomMax != 2 {
		t.Errorf("read %q, want the second file", c.File)
	}
	write(t, first, "[signaling]\nroom_max = 3", 0o600)
	c, _ = load([]string{first, second}, false, nil)
	if c.File != first || c.Signaling.RoomMax != 3 {
		t.Errorf("read %q, want the first file", c.File)
	}
}

func TestNamedFileMustExist(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.toml")
	_, err := Load(path, nil)
	want(t, err, "config.toml: cannot be read: no such file")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = Load(path, nil)
	want(t, err, "config.toml: cannot be read: is a directory")
}

func TestProblemOfDefaultsHasNoLine(t *testing.T) {
	_, err := load(nil, false, []string{"PARLEY_HTTP_LISTEN=:8080"})
	want(t, err, `defaults: auth.mode: http.listen = ":8080" lets other machines in`)
}

func TestConfigIsFilledBesideProblems(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users")
	c, err := loadText(t, fmt.Sprintf("[auth]\nmode = \"users\"\nusers_file = %q", users))
	want(t, err, "config.toml:3: auth.users_file: "+users+" does not exist; make it with: parley user add")
	if c.Auth.UsersFile != users {
		t.Error("the command that would make the file cannot learn its name")
	}
}

func TestChangedListsWhatNeedsARestart(t *testing.T) {
	old := Defaults()
	next := Defaults()
	next.Log.Level++
	next.Relay.DeniedPeers = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	next.Relay.MaxBandwidth = 5
	next.Auth.UsersFile = "users"
	next.Relay.AllowOwnAddresses = true
	next.HTTP.AllowedOrigins = []string{} // as nil
	if got := Changed(old, next); len(got) != 0 {
		t.Errorf("a reload is said to need a restart for %v", got)
	}
	next.HTTP.Listen = ":80"
	next.HTTP.AllowedOrigins = []string{"https://a.example"}
	next.TLS.Cert = "cert.pem"
	next.Relay.Ports.Max--
	next.Relay.MonthlyBudget = 5
	if got := Changed(old, next); !slices.Equal(got, []string{"http.listen", "http.allowed_origins", "tls.cert", "relay.ports", "relay.monthly_budget"}) {
		t.Errorf("restart needed for %v", got)
	}
}

func TestErrorWrapsNothingThatHidesAMissingSecret(t *testing.T) {
	_, err := Config{}.ReadSecret(filepath.Join(t.TempDir(), "none"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

func write(t *testing.T, path, text string, mode fs.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func chmod(t *testing.T, path string, mode uint32) {
	t.Helper()
	if err := os.Chmod(path, fs.FileMode(mode)); err != nil {
		t.Fatal(err)
	}
}
