package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// defaultFile is the commented file at the top of the repository.
const defaultFile = "../../../config.toml"

// keyLine matches a key that is commented out; a sentence has a space after its #.
func keyLine() *regexp.Regexp { return regexp.MustCompile(`(?m)^#([a-z_]+ *= )`) }

func readDefaultFile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(defaultFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// loadText loads text as a file in a new directory; where it came from is
// removed from the result, so that it compares with Defaults.
func loadText(t *testing.T, text string, env ...string) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path, env)
}

func sameAsDefaults(t *testing.T, got Config) {
	t.Helper()
	want := Defaults()
	before, after := fields(&want), fields(&got)
	for i, f := range before {
		if !sameValue(f.value, after[i].value) {
			t.Errorf("%s is %v in the file, %v by default", f.key, after[i].value.current(), f.value.current())
		}
	}
}

func TestDefaultFileAsItStandsSaysTheDefaults(t *testing.T) {
	text := readDefaultFile(t)
	got, err := loadText(t, text)
	if err != nil {
		t.Fatal(err)
	}
	sameAsDefaults(t, got)
	if got.AuthModeWritten {
		t.Error("the commented file writes auth.mode, so that an open server would start unasked")
	}
}

func TestDefaultFileUncommentedSaysTheDefaults(t *testing.T) {
	text := keyLine().ReplaceAllString(readDefaultFile(t), "$1")
	got, err := loadText(t, text)
	if err != nil {
		t.Fatal(err)
	}
	sameAsDefaults(t, got)
}

func TestDefaultFileHoldsEveryKeyOnceAndNoOther(t *testing.T) {
	text := keyLine().ReplaceAllString(readDefaultFile(t), "$1")
	var tree map[string]any
	meta, err := toml.Decode(text, &tree)
	if err != nil {
		t.Fatal(err)
	}
	var inFile, inTable []string
	for _, key := range meta.Keys() {
		if meta.Type(key...) != "Hash" {
			inFile = append(inFile, key.String())
		}
	}
	c := Defaults()
	for _, f := range fields(&c) {
		inTable = append(inTable, f.key)
	}
	if !slices.Equal(inFile, inTable) {
		t.Errorf("the file has the keys\n%s\nthe table has\n%s", strings.Join(inFile, "\n"), strings.Join(inTable, "\n"))
	}
}

// Every key has a sentence: a comment or a sister key stands right above it.
func TestDefaultFileExplainsEveryKey(t *testing.T) {
	above := ""
	for n, line := range strings.Split(readDefaultFile(t), "\n") {
		if keyLine().MatchString(line) && !strings.HasPrefix(above, "#") {
			t.Errorf("line %d: %q stands without a sentence", n+1, line)
		}
		above = line
	}
}

// Every field of Config except the four that are no keys is in the table: the
// test sets each through the table and looks whether a field stayed zero.
func TestTableReachesEveryField(t *testing.T) {
	var c Config
	places := map[uintptr]bool{}
	for _, f := range fields(&c) {
		v := reflect.ValueOf(f.value)
		places[v.FieldByName("place").Pointer()] = true
	}
	var walk func(v reflect.Value, name string)
	walk = func(v reflect.Value, name string) {
		for i := range v.NumField() {
			full := name + "." + v.Type().Field(i).Name
			switch {
			case v.Field(i).Kind() == reflect.Struct && v.Field(i).Type() != reflect.TypeFor[PortRange]():
				walk(v.Field(i), full)
			case !places[v.Field(i).Addr().Pointer()]:
				t.Errorf("no key fills %s", full)
			}
		}
	}
	root := reflect.ValueOf(&c).Elem()
	for i := range root.NumField() {
		switch name := root.Type().Field(i).Name; name {
		case "File", "CredentialsDir", "AuthModeWritten", "places", "strangers":
		case "DataDir":
			if !places[root.Field(i).Addr().Pointer()] {
				t.Error("no key fills DataDir")
			}
		default:
			walk(root.Field(i), name)
		}
	}
}

// The surface is fixed: names and defaults as operators were told.
func TestKeysAndDefaultsOfTheSurface(t *testing.T) {
	const surface = `
data_dir=./data
http.listen=127.0.0.1:8080
http.public_url=
http.allowed_origins=[]
http.trusted_proxies=[]
tls.mode=off
tls.cert=
tls.key=
tls.acme_email=
tls.acme_directory=
tls.acme_ca_file=
tls.acme_http_listen=
auth.mode=open
auth.password_file=
auth.users_file=
auth.jwt_keys=[]
auth.session_ttl=12h0m0s
auth.relay_for=all
signaling.room_max=6
signaling.resume_window=1m0s
signaling.ring_timeout=45s
signaling.offer_ttl=10m0s
signaling.max_message=65536
signaling.max_sessions=10000
signaling.max_sessions_per_user=16
signaling.max_sessions_per_ip=64
signaling.directory=all
relay.listen=127.0.0.1:3478
relay.tls_listen=
relay.external_ip=[]
relay.discover=[]
relay.allow_private_external=false
relay.urls=[]
relay.realm=parley
relay.ports={49152 65535}
relay.secrets_file=
relay.credential_ttl=1h0m0s
relay.denied_peers=[]
relay.allowed_peers=[]
relay.allow_own_addresses=false
relay.max_allocations=4000
relay.max_allocations_per_user=64
relay.max_allocations_per_address=512
relay.max_permissions=64
relay.max_tcp_per_address=256
relay.unauthenticated_rate=20
relay.max_bandwidth_per_user=0
relay.max_bandwidth=0
relay.monthly_budget=0
relay.engine=auto
admin.listen=127.0.0.1:9090
admin.token_file=
log.level=INFO
log.format=text
shutdown.grace=30s
`
	c := Defaults()
	got := "\n"
	for _, f := range fields(&c) {
		got += f.key + "=" + strings.TrimSuffix(sprint(f.value.current()), "\n") + "\n"
	}
	if got != surface {
		t.Errorf("keys and defaults are%s", got)
	}
}
