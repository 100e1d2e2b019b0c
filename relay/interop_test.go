package relay

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestTurnutils runs coturn's test client, which shares no code with us. It
// exits 0 even when packets were lost, so its counts are read.
func TestTurnutils(t *testing.T) {
	if testing.Short() {
		t.Skip("the clients take seconds of real time")
	}
	tool, err := exec.LookPath("turnutils_uclient")
	if err != nil {
		t.Skip("turnutils_uclient is not installed (package coturn)")
	}
	s := start(t, func(o *Options) { o.AllowOwn, o.MaxPerLogin = true, 1000 })
	peer := echoPair(t)
	for _, c := range []struct {
		name, flags string
		peer        bool
	}{
		{"channels", "-c -n 20 -m 4", true},
		{"even port and reservation", "-n 20 -m 2", true},
		{"indications", "-s -c -n 10 -m 2", true},
		{"tcp", "-t -c -n 20 -m 4", true},
		{"tcp indications", "-t -s -c -n 10 -m 2", true},
		{"client to client", "-y -c -n 10 -m 2", false},
		{"extra permissions", "-G -c -n 5", true},
		{"mandatory padding", "-D -c -n 5", true},
		{"explicit IPv4", "-X -c -n 5", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []string{"-W", testSecret, "-u", "alice", "-p", strconv.Itoa(int(s.addr.Port())), "-l", "170", "-z", "15"}
			if c.peer {
				args = append(args, "-e", "127.0.0.1", "-r", strconv.Itoa(int(peer.Port())))
			}
			out := uclient(t, tool, append(append(args, strings.Fields(c.flags)...), "127.0.0.1"))
			sent, received := total(out, "tot_send_msgs"), total(out, "tot_recv_msgs")
			if sent == 0 || sent != received {
				t.Errorf("sent %d, received %d:\n%s", sent, received, out)
			}
		})
	}
}

func TestTurnutilsWrongPassword(t *testing.T) {
	tool, err := exec.LookPath("turnutils_uclient")
	if err != nil {
		t.Skip("turnutils_uclient is not installed (package coturn)")
	}
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
