package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// needTool skips a test where a Debian tool is missing, and fails it where all of
// them were installed for it.
func needTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("INTEROP") == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func TestUnitIsTight(t *testing.T) {
	needTool(t, "systemd-analyze")
	out, err := exec.Command("systemd-analyze", "security", "--offline=yes", "--threshold=20", root+"/systemd/parley.service").CombinedOutput()
	if err != nil {
		t.Errorf("an exposure above 2.0, or none at all: %v\n%s", err, out)
	}
}

func TestUnitsAreValid(t *testing.T) {
	needTool(t, "systemd-analyze")
	dir := t.TempDir()
	for _, name := range []string{"parley.service", "parley.socket"} {
		text, err := os.ReadFile(filepath.Join(root, "systemd", name))
		if err != nil {
			t.Fatal(err)
		}
		// The program is not installed where the tests run.
		text = []byte(strings.Replace(string(text), "/usr/bin/parley ", "/bin/true ", 1))
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("systemd-analyze", "--man=no", "verify", dir+"/parley.service", dir+"/parley.socket").CombinedOutput()
	var ours []string
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "parley") {
			ours = append(ours, line)
		}
	}
	if err != nil || len(ours) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestSysusersMakesTheUsersAccount(t *testing.T) {
	needTool(t, "systemd-sysusers")
	dir := t.TempDir()
	file, err := filepath.Abs(root + "/systemd/sysusers/parley.conf")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	// Below a folder it knows no file of ours, so the file comes in by itself.
	c := exec.Command("systemd-sysusers", "--root="+dir, "-")
	if c.Stdin, err = os.Open(file); err != nil {
		t.Fatal(err)
	}
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if b, err := os.ReadFile(dir + "/etc/passwd"); err != nil || !strings.Contains(string(b), "\nparley:") && !strings.HasPrefix(string(b), "parley:") {
		t.Errorf("%v: %s", err, b)
	}
}

// self is this test binary as parley.
func self(t *testing.T, dir string, args []string, env ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := bound(exec.Command(path, args...))
	c.Dir, c.Env = dir, append([]string{actAs + "=parley"}, env...)
	return c
}

// smallEnv keeps a server away from the ports of others.
func smallEnv() []string {
	return []string{"PARLEY_HTTP_LISTEN=127.0.0.1:0", "PARLEY_RELAY_LISTEN=127.0.0.1:0", "PARLEY_ADMIN_LISTEN=127.0.0.1:0", "PARLEY_SHUTDOWN_GRACE=1s"}
}

func TestSocketActivation(t *testing.T) {
	t.Parallel()
	needTool(t, "systemd-socket-activate")
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	args := []string{"-l", addr, "--fdname=http"}
	for _, e := range append(smallEnv(), actAs+"=parley") {
		args = append(args, "-E", e)
	}
	c := bound(exec.Command("systemd-socket-activate", append(args, path, "serve")...))
	c.Dir = t.TempDir()
	var log lockedBuffer
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
	}()
	// The first visitor starts the server, and is answered by it.
	eventually(t, "an answer", func() bool {
		resp, err := (&http.Client{Timeout: patience}).Get("http://" + addr + "/healthz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return string(b) == "ok"
	})
	if !strings.Contains(log.String(), "differs from http.listen") {
		t.Errorf("a port other than http.listen is not mentioned:\n%s", log.String())
	}
}

// TestRestartRefusesNobody holds the web port as systemd does and restarts the
// server under a stream of visitors.
func TestRestartRefusesNobody(t *testing.T) {
	t.Parallel()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	dir := t.TempDir()
	serve := func() (stop func()) {
		// The shell knows the id of the process that it turns into.
		c := bound(exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" serve`, self(t, dir, nil).Path))
		c.Dir, c.ExtraFiles = dir, []*os.File{file}
		c.Env = append(smallEnv(), actAs+"=parley", "LISTEN_FDS=1", "LISTEN_FDNAMES=http")
		var log lockedBuffer
		c.Stdout, c.Stderr = &log, &log
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "ready", func() bool { return strings.Contains(log.String(), "Parley is ready.") })
		return func() {
			c.Process.Signal(syscall.SIGTERM)
			if err := c.Wait(); err != nil {
				t.Errorf("%v\n%s", err, log.String())
			}
		}
	}
	stop := serve()
	done := make(chan struct{})
	var count atomic.Int64
	var visitors sync.WaitGroup
	visitors.Go(func() { visit(t, l.Addr().String(), done, &count) })
	someVisits := func() {
		before := count.Load()
		eventually(t, "visits", func() bool { return t.Failed() || count.Load() > before+20 })
	}
	for range 3 {
		someVisits()
		stop()
		stop = serve()
	}
	someVisits()
	close(done)
	visitors.Wait()
	stop()
}

// visit asks for /config until done: none may be refused or cut.
func visit(t *testing.T, addr string, done <-chan struct{}, count *atomic.Int64) {
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		select {
		case <-done:
			return
		default:
		}
		resp, err := client.Get("http://" + addr + "/config")
		if err != nil {
			t.Errorf("visit %d: %v", count.Load(), err)
			return
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("visit %d: %s", count.Load(), resp.Status)
			return
		}
		count.Add(1)
	}
}

// Without a certificate yet, the server works as far as it can: it must not be
// restarted for that, or the authority would be asked again and again.
func TestWatchdogIsFedWithoutACertificate(t *testing.T) {
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", manager.LocalAddr().String())
	t.Setenv("WATCHDOG_USEC", "200000")
	p := start(t, pebble{directory: fmt.Sprintf("https://127.0.0.1:%d/dir", freePort(t))}.settings)
	hear(t, manager, "READY=1", "WATCHDOG=1")
	if !strings.Contains(scrape(t, p), "\nparley_tls_certificate_expiry_timestamp_seconds 0\n") {
		t.Error("no alert would tell of the missing certificate")
	}
}

func TestWatchdogFallsSilentWhenTheWebPortHangs(t *testing.T) {
	p := start(t)
	eventually(t, "ready", func() bool { return strings.Contains(p.log.String(), "Parley is ready.") })
	if err := p.alive(); err != nil {
		t.Fatal(err)
	}
	p.mux.Close() // nobody accepts, though the process lives
	hung, err := net.Listen("tcp", p.socks.HTTP.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()
	if err := p.alive(); err == nil {
		t.Error("a web port that hangs is taken for alive")
	}
	hung.Close()
	if err := p.alive(); err != nil {
		t.Errorf("a refusal is taken for a hang: %v", err)
	}
}

// asUnit runs a command with the capabilities and the user of parley.service.
func asUnit(uid string) []string {
	return []string{"setpriv", "--reuid=" + uid, "--regid=" + uid, "--clear-groups", "--no-new-privs",
		"--inh-caps=-all,+net_bind_service", "--ambient-caps=-all,+net_bind_service", "--bounding-set=-all,+net_bind_service"}
}

// TestCallUnderTheUnitsRights serves ports 443 and 3478 as the unit's user, and
// a visitor's relayed echo goes through, with system calls of the unit's filter
// alone.
func TestCallUnderTheUnitsRights(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, tool := range []string{"setpriv", "strace", "systemd-analyze"} {
		needTool(t, tool)
	}
	const uid = 64198 // nobody's
	dir, err := os.MkdirTemp("", fmt.Sprintf("parley-unit-%d-", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program := filepath.Join(dir, "parley")
	copyFile(t, self(t, "", nil).Path, program)
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(dir+"/data", 0o700), os.Chown(dir+"/data", uid, uid)); err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer(":8080\"", ":443\"", "http://", "https://", "\n[http]", "\n[tls]\nmode = \"self-signed\"\n[http]", `"data"`, `"`+dir+`/data"`).Replace(labConfig(""))
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(dir, "data", "trace")
	args := append([]string{"netns", "exec", l.server}, asUnit(fmt.Sprint(uid))...)
	args = append(args, "strace", "-f", "-qq", "-c", "-U", "name,calls,errors", "-o", trace, program, "serve", "-config", file)
	c := exec.Command("ip", args...)
	c.Dir, c.Env = dir, []string{actAs + "=parley", "PATH=" + os.Getenv("PATH")}
	var log lockedBuffer
	c.Stdout, c.Stderr = &log, &log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := sync.OnceFunc(func() { // strace passes the signal on and writes its table at the end
		exec.Command("pkill", "-TERM", "-P", fmt.Sprint(c.Process.Pid)).Run()
		c.Wait()
	})
	t.Cleanup(stopped)
	eventually(t, "ready", func() bool { return strings.Contains(log.String(), "Parley is ready.") })
	code, out := l.doctor(l.client, []string{"https://" + labName})
	if code != 0 {
		t.Errorf("exit %d\n%s\n%s", code, out, log.String())
	}
	wantLines(t, out, map[string]string{"ok relay udp": "echo", "ok relay tls": ":443", "ok relay range": ""})
	stopped()
	checkSyscalls(t, trace)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// checkSyscalls compares the system calls of strace's table with the unit's
// SystemCallFilter=.
func checkSyscalls(t *testing.T, trace string) {
	t.Helper()
	allowed := systemCalls(t, "@system-service", nil)
	for _, denied := range []string{"@privileged", "@resources"} {
		for name := range systemCalls(t, denied, nil) {
			delete(allowed, name)
		}
	}
	// Go raises its limit of descriptors at start and does without when it may not.
	allowed["prlimit64"], allowed["execve"] = true, true
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	row := regexp.MustCompile(`^\s*([a-z_0-9]+)\s+\d+`)
	var seen []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		m := row.FindStringSubmatch(lines.Text())
		if m == nil || m[1] == "total" {
			continue
		}
		seen = append(seen, m[1])
		if !allowed[m[1]] {
			t.Errorf("the unit's filter refuses %s", m[1])
		}
	}
	if len(seen) < 20 || !slices.Contains(seen, "bind") {
		t.Errorf("strace has seen %q only", seen)
	}
}

// systemCalls are those of one of systemd's sets, nested sets included.
func systemCalls(t *testing.T, set string, into map[string]bool) map[string]bool {
	t.Helper()
	if into == nil {
		into = map[string]bool{}
	}
	out, err := exec.Command("systemd-analyze", "--no-pager", "syscall-filter", set).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		switch name := strings.TrimSpace(line); {
		case name == set || name == "" || strings.HasPrefix(name, "#"):
		case strings.HasPrefix(name, "@"):
			systemCalls(t, name, into)
		default:
			into[name] = true
		}
	}
	return into
}
