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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// foreign finds another implementation's tool. `make test` has installed it and
// sets INTEROP=required, so that its absence is a failure there.
func foreign(t *testing.T, name, debian string) string {
	t.Helper()
	tool, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("INTEROP") == "required":
		t.Fatalf("%s is not installed (package %s)", name, debian)
	default:
		t.Skipf("%s is not installed (package %s); make test installs it", name, debian)
	}
	return tool
}

// TestTurnutils runs coturn's test client, which shares no code with us. It
// exits 0 even when packets were lost, so its counts are read.
func TestTurnutils(t *testing.T) {
	if testing.Short() {
		t.Skip("the clients take seconds of real time")
	}
	tool := foreign(t, "turnutils_uclient", "coturn")
	s := start(t, func(o *Options) { o.AllowOwn, o.MaxPerLogin = true, 1000 })
	peer := echoPair(t)
	cases := []struct {
		name, flags string
		peer        bool
		out         string
	}{
		{name: "channels", flags: "-c -n 20 -m 4", peer: true},
		{name: "even port and reservation", flags: "-n 20 -m 2", peer: true},
		{name: "indications", flags: "-s -c -n 10 -m 2", peer: true},
		{name: "tcp", flags: "-t -c -n 20 -m 4", peer: true},
		{name: "tcp indications", flags: "-t -s -c -n 10 -m 2", peer: true},
		{name: "client to client", flags: "-y -c -n 10 -m 2"},
		{name: "extra permissions", flags: "-G -c -n 5", peer: true},
		{name: "mandatory padding", flags: "-D -c -n 5", peer: true},
		{name: "explicit IPv4", flags: "-X -c -n 5", peer: true},
	}
	var clients sync.WaitGroup // all at once: they mostly wait
	for i := range cases {
		c := &cases[i]
		args := []string{"-W", testSecret, "-u", "alice", "-p", strconv.Itoa(int(s.addr.Port())), "-l", "170", "-z", "15"}
		if c.peer {
			args = append(args, "-e", "127.0.0.1", "-r", strconv.Itoa(int(peer.Port())))
		}
		clients.Go(func() { c.out = uclient(t, tool, append(append(args, strings.Fields(c.flags)...), "127.0.0.1")) })
	}
	clients.Wait()
	for _, c := range cases {
		sent, received := total(c.out, "tot_send_msgs"), total(c.out, "tot_recv_msgs")
		if sent == 0 || sent != received {
			t.Errorf("%s: sent %d, received %d:\n%s", c.name, sent, received, c.out)
		}
	}
}

func TestTurnutilsWrongPassword(t *testing.T) {
	tool := foreign(t, "turnutils_uclient", "coturn")
	s := start(t, allowOwn)
	port := strconv.Itoa(int(s.addr.Port()))
	for reason, args := range map[string][]string{
		"wrong_credentials": {"-W", "WRONG", "-u", "alice"},
		"expired":           {"-u", fmt.Sprintf("%d:alice", time.Now().Add(-time.Minute).Unix()), "-w", "x"},
	} {
		out := uclient(t, tool, append(args, "-e", "127.0.0.1", "-p", port, "-c", "-n", "5", "127.0.0.1"))
		if !strings.Contains(out, "Cannot complete Allocation") || s.Snapshot().AuthFailures[reason] == 0 {
			t.Errorf("%v: not refused as %s:\n%s", args, reason, out)
		}
	}
}

func uclient(t *testing.T, tool string, args []string) string {
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
	return out.String()
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
