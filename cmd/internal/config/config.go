// Package config turns config.toml and the environment into a typed Config.
//
// It owns the names, defaults and rules of every key and finds all problems of
// a configuration at once, each with its line. It opens no sockets, starts no
// goroutines and keeps no secrets: it checks that secret files can be used, and
// the wiring reads them with Config.ReadSecret.
//
// A Config is a plain value: copy it, compare two with Changed, and do not
// alter one that is shared between goroutines.
package config

import (
	"log/slog"
	"net/netip"
	"path/filepath"
	"time"
)

// Config holds every key of config.toml. The five fields at its end are no
// keys: they say where the values came from.
type Config struct {
	DataDir   string
	HTTP      HTTP
	TLS       TLS
	Auth      Auth
	Signaling Signaling
	Relay     Relay
	Admin     Admin
	Log       Log
	Shutdown  Shutdown

	// File is the file that was read, or could not be; empty with the embedded defaults.
	File string
	// CredentialsDir is $CREDENTIALS_DIRECTORY, where "credential:NAME" is looked up.
	CredentialsDir string
	// AuthModeWritten says that auth.mode stands in the file or the environment.
	AuthModeWritten bool

	// places says where each written key stands, as Problems without a sentence.
	places map[string]Problem
	// strangers are variables PARLEY_… that belong to nobody here.
	strangers []Warning
}

// HTTP is the section [http]: web, WebSocket and API.
type HTTP struct {
	Listen         string
	PublicURL      string // scheme://host[:port], without a slash at the end
	AllowedOrigins []string
	TrustedProxies []netip.Prefix
}

// TLS is the section [tls]. Cert and Key may be "credential:NAME"; see Config.Path.
type TLS struct {
	Mode           string // off, self-signed, files, acme
	Cert           string
	Key            string
	ACMEEmail      string
	ACMEDirectory  string
	ACMECAFile     string
	ACMEHTTPListen string
}

// Auth is the section [auth].
type Auth struct {
	Mode         string // open, password, users, token
	PasswordFile string
	UsersFile    string
	JWTKeys      []string
	SessionTTL   time.Duration
	RelayFor     string // all, members, none
}

// Signaling is the section [signaling].
type Signaling struct {
	RoomMax            int
	ResumeWindow       time.Duration
	RingTimeout        time.Duration
	OfferTTL           time.Duration
	MaxMessage         int // bytes
	MaxSessions        int
	MaxSessionsPerUser int
	MaxSessionsPerIP   int
	Directory          string // all, members, none
}

// Relay is the section [relay]. An empty ExternalIP means "auto"; an empty
// SecretsFile means the one of Config.RelaySecretsFile.
type Relay struct {
	Listen                   string
	TLSListen                string
	ExternalIP               []netip.Addr
	Discover                 []string // host:port of STUN servers
	AllowPrivateExternal     bool
	URLs                     []string
	Realm                    string
	Ports                    PortRange
	SecretsFile              string
	CredentialTTL            time.Duration
	DeniedPeers              []netip.Prefix
	AllowedPeers             []netip.Prefix
	AllowOwnAddresses        bool
	MaxAllocations           int
	MaxAllocationsPerUser    int // per login
	MaxAllocationsPerAddress int
	MaxPermissions           int // per allocation
	MaxTCPPerAddress         int
	UnauthenticatedRate      int   // answers a second to one address
	MaxBandwidthPerUser      int64 // bytes/s each direction, 0 = none
	MaxBandwidth             int64 // bytes/s each direction, 0 = none
	MonthlyBudget            int64 // bytes, 0 = none
	Engine                   string
}

// Admin is the section [admin]. An empty TokenFile means the one of Config.AdminTokenFile.
type Admin struct {
	Listen    string
	TokenFile string
}

// Log is the section [log].
type Log struct {
	Level  slog.Level
	Format string // text, json
}

// Shutdown is the section [shutdown].
type Shutdown struct {
	Grace time.Duration
}

// PortRange is an inclusive range of UDP ports.
type PortRange struct {
	Min, Max uint16
}

// Size is the number of ports in the range.
func (p PortRange) Size() int { return int(p.Max) - int(p.Min) + 1 }

// Defaults is the configuration of a machine on which nothing was written:
// everything listens on loopback alone.
func Defaults() Config {
	return Config{
		DataDir: "./data",
		HTTP:    HTTP{Listen: "127.0.0.1:8080"},
		TLS:     TLS{Mode: "off"},
		Auth:    Auth{Mode: "open", SessionTTL: 12 * time.Hour, RelayFor: "all"},
		Signaling: Signaling{
			RoomMax: 6, ResumeWindow: 60 * time.Second, RingTimeout: 45 * time.Second, OfferTTL: 10 * time.Minute,
			MaxMessage: 65536, MaxSessions: 10000, MaxSessionsPerUser: 16, MaxSessionsPerIP: 64, Directory: "all",
		},
		Relay: Relay{
			Listen: "127.0.0.1:3478", Realm: "parley", Ports: PortRange{Min: 49152, Max: 65535},
			CredentialTTL: time.Hour, MaxAllocations: 4000, MaxAllocationsPerUser: 64, MaxAllocationsPerAddress: 512,
			MaxPermissions: 64, MaxTCPPerAddress: 256, UnauthenticatedRate: 20, Engine: "auto",
		},
		Admin:    Admin{Listen: "127.0.0.1:9090"},
		Log:      Log{Level: slog.LevelInfo, Format: "text"},
		Shutdown: Shutdown{Grace: 30 * time.Second},
	}
}

// RelaySecretsFile is relay.secrets_file or its default below data_dir.
func (c Config) RelaySecretsFile() string {
	if c.Relay.SecretsFile != "" {
		return c.Relay.SecretsFile
	}
	return filepath.Join(c.DataDir, "turn-secrets")
}

// AdminTokenFile is admin.token_file or its default below data_dir.
func (c Config) AdminTokenFile() string {
	if c.Admin.TokenFile != "" {
		return c.Admin.TokenFile
	}
	return filepath.Join(c.DataDir, "admin-token")
}
