package relay

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// foreign finds another implementation's tool. `make test` has installed it and
// sets INTEROP=required, so that its absence is a failure there.
func foreign(t *testing.T, name, debian string) string {
	t.Helper()
	tool, err := exec.LookPath(name)
	if err != nil {
		absent(t, name, debian)
	}
	return tool
}

// absent fails or skips the test for want of a Debian package.
func absent(t *testing.T, name, debian string) {
	t.Helper()
	if os.Getenv("INTEROP") == "required" {
		t.Fatalf("%s is not installed (package %s)", name, debian)
	}
	t.Skipf("%s is not installed (package %s); make test installs it", name, debian)
}

// mode is one way to run turnutils_uclient against a server of its own.
type mode struct {
	name, flags string
	peer        bool   // there is an echo peer to talk to
	messages    int    // that the client sends at least
	refused     string // the error code that ends it; "" = all messages come back

	s   *testServer
	out string
}

// uclientModes are all modes that mean something to a relay of IPv4 and UDP.
// TCP relays (-T, -P), IPv6 relays (-x) and DONT-FRAGMENT (-g) are refused.
func uclientModes() []*mode {
	return []*mode{
		{name: "channels", flags: "-c -n 20 -m 4", peer: true, messages: 80},
		{name: "channels with RTCP on a reserved port", flags: "-n 20 -m 2", peer: true, messages: 40},
		{name: "indications", flags: "-s -c -n 10 -m 2", peer: true, messages: 20},
		{name: "indications with RTCP", flags: "-s -n 10", peer: true, messages: 20},
		{name: "client to client", flags: "-y -c -n 10 -m 2", messages: 20},
		{name: "client to client, indications", flags: "-y -s -c -n 10 -m 2", messages: 20},
		{name: "extra permissions and bindings", flags: "-G -c -n 5", peer: true, messages: 5},
		{name: "mandatory padding", flags: "-D -c -n 5", peer: true, messages: 5},
		{name: "random disconnect", flags: "-B -c -n 20 -m 2", peer: true, messages: 40},
		{name: "mobility asked for", flags: "-M -c -n 5", peer: true, messages: 5},
		{name: "IPv4 asked for", flags: "-X -c -n 5", peer: true, messages: 5},
		{name: "IPv6 asked for, peer IPv4", flags: "-x -c -n 5", peer: true, messages: 5},
		// Without -M the client throws dice for the family that it refreshes, and
		// gives up when IPv6 is answered with 443 (RFC 8656 section 8.2).
		{name: "both families asked for", flags: "-Z -M -n 5", peer: true, messages: 5},
		{name: "tcp", flags: "-t -c -n 20 -m 4", peer: true, messages: 80},
		{name: "tcp with RTCP", flags: "-t -n 10", peer: true, messages: 20},
		{name: "tcp, indications", flags: "-t -s -c -n 10 -m 2", peer: true, messages: 20},
		{name: "tcp, client to client", flags: "-t -y -c -n 10 -m 2", messages: 20},
		{name: "tcp, mandatory padding", flags: "-t -D -c -n 5", peer: true, messages: 5},
		{name: "tcp, random disconnect", flags: "-t -B -c -n 20 -m 2", peer: true, messages: 40},
		{name: "tls", flags: "-t -S -c -n 20 -m 4", peer: true, messages: 80},
		{name: "tls with RTCP", flags: "-t -S -n 10", peer: true, messages: 20},
		{name: "tls, indications", flags: "-t -S -s -c -n 10 -m 2", peer: true, messages: 20},
		{name: "tls, client to client", flags: "-t -S -y -c -n 10 -m 2", messages: 20},
		{name: "IPv6 relay", flags: "-y -x -c -n 5", refused: "440"},
		{name: "IPv6 relay over tcp", flags: "-t -y -x -c -n 5", refused: "440"},
		{name: "DONT-FRAGMENT", flags: "-g -c -n 5", peer: true, refused: "420"},
		{name: "TCP relay", flags: "-T -n 5", refused: "442"},
		{name: "TCP relay with an active peer", flags: "-P -n 5", refused: "442"},
	}
}

// TestTurnutils runs coturn's test client, which shares no code with us. It
// exits 0 even when packets were lost, so its counts are read, and ours.
func TestTurnutils(t *testing.T) {
	if testing.Short() {
		t.Skip("the clients take seconds of real time")
	}
	tool := foreign(t, "turnutils_uclient", "coturn")
	peer := echoPair(t)
	modes := uclientModes()
	var clients sync.WaitGroup // all at once: they mostly wait
	for _, m := range modes {
		play := m.prepare(t, tool, peer)
		clients.Go(play)
	}
	clients.Wait()
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			err := m.judge()
			if err != nil && m.refused == "" { // a busy machine loses datagrams
				t.Logf("again, alone: %v", err)
				m.prepare(t, tool, peer)()
				err = m.judge()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// prepare starts a server and returns what runs the client against it.
func (m *mode) prepare(t *testing.T, tool string, peer netip.AddrPort) (play func()) {
	t.Helper()
	m.s = startAmong(t, func(o *Options) { o.AllowOwn, o.MaxPerLogin = true, 1000 })
	args := m.s.uclientArgs(m.flags)
	if m.peer {
		args = append(args, "-e", "127.0.0.1", "-r", strconv.Itoa(int(peer.Port())))
	}
	return func() { m.out, _ = run(t, tool, append(args, "127.0.0.1")...) }
}

func (s *testServer) uclientArgs(flags string) []string {
	port := s.addr.Port()
	if strings.Contains(flags, "-S") {
		port = s.serveTLS().Port()
	}
	return append(strings.Fields(flags), "-W", testSecret, "-u", "alice", "-p", strconv.Itoa(int(port)), "-l", "170", "-z", "15")
}

func (m *mode) judge() error {
	st := m.s.Snapshot()
	transport := "udp"
	switch {
	case strings.Contains(m.flags, "-S"):
		transport = "tls"
	case strings.Contains(m.flags, "-t"), strings.Contains(m.flags, "-T"), strings.Contains(m.flags, "-P"):
		transport = "tcp"
	}
	results := st.AllocationResults[transport]
	if m.refused != "" {
		if results["ok"] != 0 || results[m.refused] == 0 || !strings.Contains(m.out, "error "+m.refused) || st.PacketsUp > 0 {
			return fmt.Errorf("not refused with %s but %v, %d packets relayed:\n%s", m.refused, results, st.PacketsUp, m.out)
		}
		return nil
	}
	sent, received := total(m.out, "tot_send_msgs"), total(m.out, "tot_recv_msgs")
	if sent < m.messages || sent != received {
		return fmt.Errorf("sent %d, received %d:\n%s", sent, received, m.out)
	}
	if results["ok"] == 0 || st.PacketsUp < uint64(sent) || st.PacketsDown < uint64(sent) || st.BytesUp < 170*uint64(sent) {
		return fmt.Errorf("the server counts %v, %d packets up (%d bytes), %d down", results, st.PacketsUp, st.BytesUp, st.PacketsDown)
	}
	return nil
}

// TestTurnutilsGarbage: the client's negative modes scramble one message in ten
// (-R), bind random channel numbers (-N) or go away in the middle (-O). A server
// must let garbage pass unanswered, and some -R clients wait for an answer for
// ever; enough of them come through. The others still get what they ask for.
func TestTurnutilsGarbage(t *testing.T) {
	if testing.Short() {
		t.Skip("the clients take seconds of real time")
	}
	tool := foreign(t, "turnutils_uclient", "coturn")
	peer := echoPair(t)
	modes := []*mode{
		{flags: "-R -c -n 5"}, {flags: "-t -R -c -n 5"}, {flags: "-t -S -R -c -n 5"}, {flags: "-N -c -n 5"},
		{flags: "-t -N -c -n 5"}, {flags: "-O -c -n 5"}, {flags: "-t -O -c -n 5"}, {flags: "-t -S -O -c -n 5"},
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var scrambled atomic.Int32 // runs over UDP that came through
	var clients, judge sync.WaitGroup
	for _, m := range modes {
		m.s = startAmong(t, allowOwn)
		args := append(m.s.uclientArgs(m.flags), "-e", "127.0.0.1", "-r", strconv.Itoa(int(peer.Port())), "127.0.0.1")
		for range clientsOfAMode {
			clients.Go(func() {
				out, _ := exec.CommandContext(ctx, tool, args...).CombinedOutput()
				if n := total(string(out), "tot_recv_msgs"); n > 0 && n == total(string(out), "tot_send_msgs") && m == modes[0] {
					scrambled.Add(1)
				}
			})
		}
	}
	// Many never end by themselves; what they do in three more seconds is enough.
	judge.Go(func() {
		defer cancel()
		for ctx.Err() == nil && (scrambled.Load() == 0 || !haveAsked(modes)) {
			time.Sleep(50 * time.Millisecond)
		}
		select {
		case <-ctx.Done():
		case <-time.After(3 * time.Second):
		}
	})
	clients.Wait()
	judge.Wait()
	if scrambled.Load() == 0 {
		t.Error("no run of -R came through")
	}
	for _, m := range modes {
		st := m.s.Snapshot()
		if st.AuthFailures["no_credentials"] < clientsOfAMode {
			t.Errorf("%s: the clients have not even asked: %v", m.flags, st.AuthFailures)
		}
		m.s.probe("udp", m.s.user("ben")).allocate()
		m.s.probe("tcp", m.s.user("ben")).allocate()
	}
}

const clientsOfAMode = 6

// haveAsked says that every client of TestTurnutilsGarbage has begun.
func haveAsked(modes []*mode) bool {
	return !slices.ContainsFunc(modes, func(m *mode) bool { return m.s.Snapshot().AuthFailures["no_credentials"] < clientsOfAMode })
}

func TestTurnutilsWrongPassword(t *testing.T) {
	tool := foreign(t, "turnutils_uclient", "coturn")
	s := start(t, allowOwn)
	port := strconv.Itoa(int(s.addr.Port()))
	for reason, args := range map[string][]string{
		"wrong_credentials": {"-W", "WRONG", "-u", "alice"},
		"expired":           {"-u", fmt.Sprintf("%d:alice", time.Now().Add(-time.Minute).Unix()), "-w", "x"},
	} {
		out, exit := run(t, tool, append(args, "-e", "127.0.0.1", "-p", port, "-c", "-n", "5", "127.0.0.1")...)
		if exit != 255 || !strings.Contains(out, "Cannot complete Allocation") || s.Snapshot().AuthFailures[reason] == 0 {
			t.Errorf("%v: exit %d, not refused as %s:\n%s", args, exit, reason, out)
		}
	}
}

// TestTurnutilsSTUN: coturn's STUN clients learn the address that they have.
func TestTurnutilsSTUN(t *testing.T) {
	s := start(t, nil)
	port := strconv.Itoa(int(s.addr.Port()))
	for _, args := range [][]string{
		{"turnutils_stunclient", "-p", port, "127.0.0.1"},
		{"turnutils_natdiscovery", "-m", "-f", "-p", port, "127.0.0.1"},
	} {
		before := s.Snapshot().StunRequests
		out, exit := run(t, foreign(t, args[0], "coturn"), args[1:]...)
		if exit != 0 || !regexp.MustCompile(`UDP reflexive addr: 127\.0\.0\.1:\d+`).MatchString(out) || s.Snapshot().StunRequests == before {
			t.Errorf("%v: exit %d, %d requests counted:\n%s", args, exit, s.Snapshot().StunRequests-before, out)
		}
	}
}

// run runs a tool to its end and returns what it printed and its exit status.
func run(t *testing.T, tool string, args ...string) (string, int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Errorf("%v hangs:\n%s", args, out.String())
	}
	t.Logf("%v: %v", args, err)
	return out.String(), cmd.ProcessState.ExitCode()
}

// total returns the last value of a counter in the client's report.
func total(out, name string) int {
	m := regexp.MustCompile(name+`=(\d+)`).FindAllStringSubmatch(out, -1)
	if len(m) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(m[len(m)-1][1])
	return n
}

// echoPair is an echo peer whose next port answers too: the client sends RTCP
// there.
func echoPair(t *testing.T) netip.AddrPort {
	for range 50 {
		a := echoPeer(t)
		next := net.UDPAddrFromAddrPort(netip.AddrPortFrom(a.Addr(), a.Port()+1))
		if c, err := net.ListenUDP("udp4", next); err == nil {
			t.Cleanup(func() { _ = c.Close() })
			go echo(c)
			return a
		}
	}
	t.Fatal("no two ports in a row are free")
	return netip.AddrPort{}
}
