//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for loadgen where the harness starts
// itself as a server.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "relay-") {
		if err := run(context.Background(), os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// buildParley makes the binary under test.
func buildParley(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and starts servers")
	}
	binary := filepath.Join(t.TempDir(), "parley")
	c := exec.Command("go", "build", "-trimpath", "-o", binary, "../parley") // as make build, which has compiled it
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build parley: %v\n%s", err, out)
	}
	return binary
}

// noChildren checks that every server of the harness is gone.
func noChildren(t *testing.T) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // ended meanwhile
		}
		_, rest, _ := strings.Cut(string(b), ") ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == fmt.Sprint(os.Getpid()) {
			t.Errorf("a server was left behind: %s", b)
		}
	}
}

func TestRelay(t *testing.T) {
	binary := buildParley(t)
	common := []string{"-parley", binary, "-only", "parley,forward", "-rounds", "1", "-duration", "50ms", "-rate", "2000", "-burst", "4", "-flows", "4"}
	for name, c := range map[string]struct {
		args []string
		rows []string
	}{
		"flood": {[]string{"-transports", "udp,tls", "-modes", "channel,indication", "-directions", "both"},
			[]string{"F both 1200 B udp | parley |", "F both 1200 B udp | parley / forward |", "F both 1200 B tls | parley |", "L 1200 B udp | forward |",
				"L 1200 B tls indication | parley |", "F both 1200 B udp indication | parley / its own ChannelData |"}},
		"in one piece": {[]string{"-shapes", "F", "-sizes", "160", "-gso", "-gro"},
			[]string{"F up 160 B udp | parley |", "F down 160 B udp | parley / forward |"}},
		"realistic": {[]string{"-shapes", "R", "-transports", "udp,tcp", "-measure", "latency"},
			[]string{"R up udp | parley |", "R down udp | parley / forward |", "R up tcp | parley |"}},
		"memory": {[]string{"-measure", "memory", "-allocations", "20"},
			[]string{"idle udp | parley |"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
			defer cancel()
			if err := relay(ctx, &out, append(common, c.args...)); err != nil {
				t.Fatal(err)
			}
			for _, row := range c.rows {
				if !strings.Contains(out.String(), "| "+row) {
					t.Errorf("the report has no row %q:\n%s", row, out.String())
				}
			}
			if strings.Contains(out.String(), "NaN") {
				t.Errorf("the report has figures that are none:\n%s", out.String())
			}
			noChildren(t)
		})
	}
}

// TestTalk has clients in a process of their own talk to each other.
func TestTalk(t *testing.T) {
	server := contestants(buildParley(t))[0]
	dir := t.TempDir()
	if err := writeFiles(dir); err != nil {
		t.Fatal(err)
	}
	if err := server.start(t.Context(), dir, -1, 1, "PARLEY_TLS_MODE=off", "PARLEY_RELAY_TLS_LISTEN="); err != nil {
		t.Fatal(err)
	}
	defer server.stop()
	b := &relayBench{relayOptions: relayOptions{sessions: 4, duration: 100 * time.Millisecond}, generatorCPU: -1}
	k, err := b.connectTalkers(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	defer k.stop()
	for range 2 {
		f, err := k.talk()
		if err != nil {
			t.Fatal(err)
		}
		if f.p50 <= 0 || f.p99 < f.p50 {
			t.Errorf("half of the messages took at most %v and 99 %% at most %v", f.p50, f.p99)
		}
	}
}

func TestRelayEndsWhenAsked(t *testing.T) {
	binary := buildParley(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := relay(ctx, &strings.Builder{}, []string{"-parley", binary, "-only", "parley,forward", "-duration", "1h"})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the run ended with %v, want that of its context", err)
	}
	noChildren(t)
}

func TestRelayRefusesUnknownWords(t *testing.T) {
	for _, args := range [][]string{{"-shapes", "X"}, {"-measure", "beauty"}, {"-only", "eturnal"}, {"-sizes", "7"}} {
		if err := relay(t.Context(), &strings.Builder{}, args); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}
