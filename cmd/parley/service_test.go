package main

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"parley/cmd/internal/config"
	"parley/cmd/internal/systemd"
)

// TestServiceManagerHearsWhatHappens plays systemd: it hears READY, WATCHDOG,
// RELOADING and STOPPING.
func TestServiceManagerHearsWhatHappens(t *testing.T) {
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", manager.LocalAddr().String())
	t.Setenv("WATCHDOG_USEC", "200000")
	p := start(t)
	heard := hear(t, manager, "READY=1", "WATCHDOG=1")
	p.reload(func() (config.Config, error) { return p.cfg, nil })
	heard = append(heard, hear(t, manager, "READY=1")...)
	if !slices.ContainsFunc(heard, func(s string) bool { return len(s) > 11 && s[:11] == "RELOADING=1" }) {
		t.Errorf("a reload was not announced: %q", heard)
	}
	go p.stop()
	hear(t, manager, "STOPPING=1")
}

// hear reads messages until every wanted one has come, and returns all.
func hear(t *testing.T, manager *net.UnixConn, wanted ...string) (all []string) {
	t.Helper()
	manager.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 1024)
	for !containsAll(all, wanted) {
		n, err := manager.Read(b)
		if err != nil {
			t.Fatalf("waiting for %q, heard %q: %v", wanted, all, err)
		}
		all = append(all, string(b[:n]))
	}
	return all
}

func containsAll(all, wanted []string) bool {
	for _, w := range wanted {
		if !slices.Contains(all, w) {
			return false
		}
	}
	return true
}

// Whoever waits at the door with more connections than one address may have is
// refused. That the server's own question is refused with them, as it comes from
// the same machine, must not stop the start.
func TestStartsWhileItsOwnAddressHasTooManyConnections(t *testing.T) {
	p := opened(t, nil, func(c *config.Config) { c.Relay.MaxTCPPerAddress = 1 })
	for range 3 {
		c, err := net.Dial("tcp", p.socks.RelayTCP.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	p.begin()
	eventually(t, "ready", func() bool { return strings.Contains(p.log.String(), "Parley is ready.") })
	if n := p.metric(`parley_turn_dropped_packets_total{reason="connections"}`); n != "3" { // two, and its own
		t.Errorf("%s were refused", n)
	}
}

// The name is that of FileDescriptorName=, of the unit, or what stands in for none.
func TestInheritedListenerServesTheWeb(t *testing.T) {
	for _, name := range []string{"http", "parley.socket", "connection", "unknown"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		p := startWith(t, map[string][]net.Listener{name: {l}}, func(c *config.Config) { c.HTTP.Listen = "127.0.0.1:1" })
		resp, err := http.Get("http://" + l.Addr().String() + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if p.socks.HTTP.Addr() != l.Addr() {
			t.Errorf("%s: serves on %v", name, p.socks.HTTP.Addr())
		}
	}
}

// Which of two sockets would be the web port nobody can know, and without TLS
// there is none for TURN over TLS: who connects there must not wait for ever.
func TestInheritedSocketsOfNoUseAreClosed(t *testing.T) {
	var all []net.Listener
	for range 4 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	p := startWith(t, map[string][]net.Listener{"a.socket": all[:1], "b.socket": all[1:2], "relay-tls": all[2:3], "admin": all[3:]})
	if p.socks.Admin.Addr() != all[3].Addr() {
		t.Errorf("admin serves on %v", p.socks.Admin.Addr())
	}
	for _, l := range all[:3] {
		if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
			c.Close()
			t.Errorf("%v is still open", l.Addr())
		}
		if !strings.Contains(p.log.String(), "address="+l.Addr().String()) {
			t.Errorf("nobody was told of %v:\n%s", l.Addr(), p.log)
		}
	}
}

// A package just installed and started has nothing written, and its socket is
// open to everybody: nobody has said yet that everybody may come in.
func TestInheritedListenerOpensNothingUnsaid(t *testing.T) {
	for written, want := range map[bool]bool{true: true, false: false} {
		l, err := net.Listen("tcp", "0.0.0.0:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		cfg := config.Defaults()
		cfg.DataDir, cfg.AuthModeWritten = t.TempDir(), written
		cfg.Relay.Listen, cfg.Admin.Listen = "127.0.0.1:0", "127.0.0.1:0"
		level := &slog.LevelVar{}
		s, err := newServer(t.Context(), cfg, newLogger(io.Discard, cfg, level), level, systemd.Sockets{Listeners: map[string][]net.Listener{"unknown": {l}}})
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "auth.mode: parley.socket lets other machines in") {
			t.Errorf("with auth.mode written %v: %v", written, err)
		}
		if err == nil {
			s.release()
		}
	}
}
