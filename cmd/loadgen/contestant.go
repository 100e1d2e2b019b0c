//go:build linux

package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// contestant is one relay under test.
type contestant struct {
	name string
	bare bool // no TURN: the bare forwarder
	args func(p places) (env, command []string)

	process *process
	tlsAddr string
	http    string // of parley's WebSocket
}

// places is where a contestant listens and what it may use.
type places struct {
	addr, tlsAddr, http string
	dir                 string // the run's own, with the files below
	data                string // the contestant's own
	cores               int
}

// Relay ports lie below the ports that the system gives to clients, so that the
// generator's thousands of sockets take none of them away.
const (
	relayPortMin = 10000
	relayPortMax = 29999

	certFile   = "cert.pem"
	keyFile    = "key.pem"
	secretFile = "secrets"
	// unlimited lifts the limits that one address or login would meet.
	unlimited = "1000000"
)

// contestants lists all of them; coturn may be another binary.
func contestants(binary string) []*contestant {
	coturn := os.Getenv("COTURN")
	if coturn == "" {
		coturn = "turnserver"
	}
	return []*contestant{
		{name: "parley", args: parleyArgs(binary, "user")},
		{name: "parley-pion", args: parleyArgs(binary, "pion")},
		{name: "coturn", args: coturnArgs(coturn)},
		{name: "pion", args: func(p places) (env, command []string) {
			return nil, []string{os.Args[0], "relay-pion", p.addr, p.tlsAddr, filepath.Join(p.dir, certFile), filepath.Join(p.dir, keyFile)}
		}},
		{name: "forward", bare: true, args: func(p places) (env, command []string) {
			return nil, []string{os.Args[0], "relay-forward", p.addr}
		}},
	}
}

// parleyArgs opens the loopback address to peers and lifts what counts clients;
// everything else is the default.
func parleyArgs(binary, engine string) func(places) (env, command []string) {
	return func(p places) (env, command []string) {
		return []string{
			"PARLEY_DATA_DIR=" + p.data, "PARLEY_HTTP_LISTEN=" + p.http, "PARLEY_ADMIN_LISTEN=127.0.0.1:0", "PARLEY_LOG_LEVEL=error",
			"PARLEY_RELAY_LISTEN=" + p.addr, "PARLEY_RELAY_TLS_LISTEN=" + p.tlsAddr, "PARLEY_RELAY_ENGINE=" + engine,
			"PARLEY_TLS_MODE=files", "PARLEY_TLS_CERT=" + filepath.Join(p.dir, certFile), "PARLEY_TLS_KEY=" + filepath.Join(p.dir, keyFile),
			"PARLEY_RELAY_SECRETS_FILE=" + filepath.Join(p.dir, secretFile), "PARLEY_RELAY_ALLOW_OWN_ADDRESSES=true",
			fmt.Sprintf("PARLEY_RELAY_PORTS=%d-%d", relayPortMin, relayPortMax),
			"PARLEY_RELAY_MAX_ALLOCATIONS=" + unlimited, "PARLEY_RELAY_MAX_ALLOCATIONS_PER_USER=" + unlimited,
			"PARLEY_RELAY_MAX_ALLOCATIONS_PER_ADDRESS=" + unlimited, "PARLEY_RELAY_MAX_TCP_PER_ADDRESS=" + unlimited,
			"PARLEY_RELAY_UNAUTHENTICATED_RATE=" + unlimited,
			"PARLEY_SIGNALING_MAX_SESSIONS=" + unlimited, "PARLEY_SIGNALING_MAX_SESSIONS_PER_IP=" + unlimited,
		}, []string{binary, "serve"}
	}
}

// coturnArgs gives coturn one relay thread a core, as it would choose itself.
func coturnArgs(binary string) func(places) (env, command []string) {
	return func(p places) (env, command []string) {
		a, tls := netip.MustParseAddrPort(p.addr), netip.MustParseAddrPort(p.tlsAddr)
		return nil, []string{
			binary, "-n", "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", fmt.Sprint("--listening-port=", a.Port()), fmt.Sprint("--tls-listening-port=", tls.Port()),
			fmt.Sprint("--min-port=", relayPortMin), fmt.Sprint("--max-port=", relayPortMax), "--relay-threads=" + strconv.Itoa(p.cores),
			"--use-auth-secret", "--static-auth-secret=" + benchSecret, "--realm=" + benchRealm, "--allow-loopback-peers",
			"--cert=" + filepath.Join(p.dir, certFile), "--pkey=" + filepath.Join(p.dir, keyFile),
			"--no-cli", "--no-rfc5780", "--no-dtls", "--no-stdout-log", "--log-file=/dev/null",
			"--pidfile=" + filepath.Join(p.data, "pid"), "--userdb=" + filepath.Join(p.data, "db"),
		}
	}
}

// start runs the contestant on one processor, or on all if cpu is -1; extra
// changes its environment.
func (t *contestant) start(ctx context.Context, dir string, cpu, cores int, extra ...string) error {
	data, err := os.MkdirTemp(dir, t.name+"-")
	if err != nil {
		return err
	}
	p := places{dir: dir, data: data, cores: cores}
	for _, addr := range []*string{&p.addr, &p.tlsAddr, &p.http} {
		if *addr, err = freePort(); err != nil {
			return err
		}
	}
	env, command := t.args(p)
	t.tlsAddr, t.http = p.tlsAddr, p.http
	return onCPU(cpu, func() (err error) {
		t.process, err = startProcess(ctx, p.addr, append(env, extra...), command[0], command[1:]...)
		return err
	})
}

func (t *contestant) stop() {
	if t.process != nil {
		t.process.stop()
		t.process = nil
	}
}

func (t *contestant) udp() netip.AddrPort { return netip.MustParseAddrPort(t.process.addr) }

func (t *contestant) streamAddr(transport string) string {
	if transport == "tls" {
		return t.tlsAddr
	}
	return t.process.addr
}

// carries tells whether the contestant can do a case at all.
func (t *contestant) carries(c relayCase) bool {
	return !t.bare || c.transport == "udp" && c.mode == channel
}

// writeFiles puts the secret and a certificate that all contestants use into dir.
func writeFiles(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for name, b := range map[string][]byte{
		certFile:   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		keyFile:    pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		secretFile: []byte(benchSecret + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}
