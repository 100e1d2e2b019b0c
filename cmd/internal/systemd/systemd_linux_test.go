package systemd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is far beyond what a message on this machine takes.
const patience = 30 * time.Second

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range pairs {
			if k, v, _ := strings.Cut(pair, "="); k == name {
				return v
			}
		}
		return ""
	}
}

// manager is a service manager's socket at name.
func manager(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func receive(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestNotifyOverBothKindsOfSocket(t *testing.T) {
	for _, name := range []string{
		filepath.Join(t.TempDir(), "notify"),
		fmt.Sprintf("@parley-test-%d-%d", os.Getpid(), time.Now().UnixNano()),
	} {
		conn := manager(t, name)
		n := New(env("NOTIFY_SOCKET=" + name))
		for _, c := range []struct {
			send func() error
			want string
		}{
			{n.Ready, "READY=1"},
			{n.Stopping, "STOPPING=1"},
			{func() error { return n.Status("2 calls\nMAINPID=1") }, "STATUS=2 calls MAINPID=1"},
			{func() error { return n.ExtendTimeout(30 * time.Second) }, "EXTEND_TIMEOUT_USEC=30000000"},
		} {
			if err := c.send(); err != nil {
				t.Fatal(err)
			}
			if got := receive(t, conn); got != c.want {
				t.Errorf("%s got %q, want %q", name, got, c.want)
			}
		}
	}
}

func TestReloadingCarriesTheMonotonicClock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	conn := manager(t, name)
	n := New(env("NOTIFY_SOCKET=" + name))
	var last int64
	for range 2 {
		if err := n.Reloading(); err != nil {
			t.Fatal(err)
		}
		usec, found := strings.CutPrefix(receive(t, conn), "RELOADING=1\nMONOTONIC_USEC=")
		now, err := strconv.ParseInt(usec, 10, 64)
		if !found || err != nil || now <= last {
			t.Fatalf("%q after %d", usec, last)
		}
		last = now
	}
	// /proc/uptime counts suspended time too, so it is never behind.
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		t.Skip("no /proc to compare with")
	}
	uptime, _ := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	if last <= 0 || float64(last)/1e6 > uptime+1 {
		t.Errorf("the clock says %d µs, the machine is up %v s", last, uptime)
	}
}

func TestWithoutSystemdNothingHappens(t *testing.T) {
	n := New(env())
	nothing := func(error) { t.Error("an error without a service manager") }
	if err := errors.Join(n.Ready(), n.Stopping(), n.Reloading(), n.Status("x"), n.ExtendTimeout(1), n.Watchdog(t.Context(), nil, nothing)); err != nil {
		t.Error(err)
	}
	if n.WatchdogInterval() != 0 {
		t.Error("a watchdog without WATCHDOG_USEC")
	}
	s, err := Inherit(env())
	if err != nil || len(s.Listeners)+len(s.PacketConns) != 0 {
		t.Errorf("inherited %v, %v", s, err)
	}
}

func TestNotifyReportsADeadSocket(t *testing.T) {
	if New(env("NOTIFY_SOCKET="+filepath.Join(t.TempDir(), "none"))).Ready() == nil {
		t.Error("nobody listens and nobody says so")
	}
	if New(env("NOTIFY_SOCKET=relative")).Ready() == nil {
		t.Error("a relative path was taken")
	}
}

func TestWatchdogInterval(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"20000000", pid, 10 * time.Second},
		{"20000000", "", 10 * time.Second},
		{"20000000", "1", 0},
		{"-5", pid, 0},
		{"soon", pid, 0},
	} {
		if got := New(env("WATCHDOG_USEC="+c.usec, "WATCHDOG_PID="+c.pid)).WatchdogInterval(); got != c.want {
			t.Errorf("%v: %v", c, got)
		}
	}
}

func TestWatchdogFallsSilentWhenUnhealthy(t *testing.T) {
	name := filepath.Join(t.TempDir(), "notify")
	conn := manager(t, name)
	n := New(env("NOTIFY_SOCKET="+name, "WATCHDOG_USEC=20000")) // a sign each 10 ms
	ctx, cancel := context.WithCancel(t.Context())
	var sick atomic.Bool
	reasons, done := make(chan error, 1), make(chan error, 1)
	healthy := func() error {
		if sick.Load() {
			return errors.New("the hub does not answer")
		}
		return nil
	}
	failed := func(err error) {
		select {
		case reasons <- err:
		default:
		}
	}
	go func() { done <- n.Watchdog(ctx, healthy, failed) }()
	for range 3 {
		if got := receive(t, conn); got != "WATCHDOG=1" {
			t.Fatalf("got %q", got)
		}
	}
	sick.Store(true)
	select {
	case err := <-reasons:
		if !strings.Contains(err.Error(), "hub") {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("nobody was told")
	}
	// The round that failed came after all that was sent before the illness.
	drain(conn)
	<-reasons
	<-reasons
	if n := drain(conn); n != 0 {
		t.Errorf("%d signs of life from a sick program", n)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// drain counts the messages that wait, without blocking.
func drain(conn *net.UnixConn) (n int) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return -1
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_ = raw.Read(func(fd uintptr) bool {
		for {
			if _, _, err := syscall.Recvfrom(int(fd), make([]byte, 64), syscall.MSG_DONTWAIT); err != nil {
				return true
			}
			n++
		}
	})
	return n
}

// inheritable puts copies of sockets at consecutive descriptors, as systemd does.
func inheritable(t *testing.T, files ...*os.File) int {
	t.Helper()
	const first = 700 // far above what a test has open
	for i, f := range files {
		if err := syscall.Dup3(int(f.Fd()), first+i, syscall.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return first
}

func TestInheritedSocketsByName(t *testing.T) {
	web, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	turn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	webFile, err1 := web.(*net.TCPListener).File()
	turnFile, err2 := turn.(*net.UDPConn).File()
	if err := errors.Join(err1, err2, web.Close(), turn.Close()); err != nil {
		t.Fatal(err)
	}
	first := inheritable(t, webFile, turnFile)
	sockets, err := inherit(env("LISTEN_FDS=2", "LISTEN_FDNAMES=web:turn", "LISTEN_PID="+strconv.Itoa(os.Getpid())), first)
	if err != nil {
		t.Fatal(err)
	}
	defer sockets.Close()
	if len(sockets.Listeners["web"]) != 1 || len(sockets.PacketConns["turn"]) != 1 {
		t.Fatalf("inherited %v", sockets)
	}

	client, err := net.DialTimeout("tcp", web.Addr().String(), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	served, err := sockets.Listeners["web"][0].Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer served.Close()
	if _, err := io.WriteString(served, "hello"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 5)
	if _, err := io.ReadFull(client, buf); err != nil || string(buf) != "hello" {
		t.Errorf("over the inherited listener: %q, %v", buf, err)
	}
	sender, err := net.Dial("udp", turn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	if _, err := sender.Write([]byte("there")); err != nil {
		t.Fatal(err)
	}
	conn := sockets.PacketConns["turn"][0]
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, _, err := conn.ReadFrom(buf); err != nil || string(buf) != "there" {
		t.Errorf("over the inherited socket: %q, %v", buf, err)
	}
	if _, ok := conn.(*net.UDPConn); !ok {
		t.Errorf("the socket is a %T", conn)
	}
}

func TestInheritRefusesWhatIsNoSocket(t *testing.T) {
	pid := "LISTEN_PID=" + strconv.Itoa(os.Getpid())
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	first := inheritable(t, file)
	if _, err := inherit(env("LISTEN_FDS=1", pid), first); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a device gives %v", err)
	}
	for _, n := range []string{"many", "-1", "100000"} {
		if _, err := inherit(env("LISTEN_FDS="+n, pid), first); err == nil {
			t.Errorf("LISTEN_FDS=%s was taken", n)
		}
	}
	if s, err := inherit(env("LISTEN_FDS=1", "LISTEN_PID=1"), first); err != nil || len(s.Listeners) != 0 {
		t.Error("sockets of another process were taken")
	}
}
