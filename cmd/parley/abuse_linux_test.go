package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"
)

// abuse is one row of the table: what an attacker does to a process of its own,
// and what that process must look like afterwards.
type abuse struct {
	id, name string
	env      []string // configuration besides the defaults
	files    int      // descriptors that the process may have; 0 = no limit of ours
	waits    bool     // it mostly waits, so it may run beside others
	// run attacks and returns what it measured; the error says what must not be.
	run func(v *victim) (figure string, err error)

	figure, before string // of parley, of plain pion
	err            error
}

// TestAbuse attacks the real program, with its default configuration, and reads
// from the system what that costs. With ABUSE_TABLE=1 the same is done to a plain
// pion/turn v4.1.4, to show what each measure is for.
func TestAbuse(t *testing.T) {
	if testing.Short() {
		t.Skip("attacks take their time")
	}
	dir := t.TempDir()
	parley := build(t, dir, ".", "parley")
	rows := append(abuses(), floods()...)
	attack(t, rows, func(a *abuse) {
		v, err := serveParley(t, parley, a)
		if err != nil {
			t.Fatal(err)
		}
		a.figure, a.err = v.suffer(a)
	})
	for _, a := range rows {
		t.Run(a.name, func(t *testing.T) {
			if t.Log(a.figure); a.err != nil {
				t.Error(a.err)
			}
		})
	}
	if os.Getenv("ABUSE_TABLE") != "" {
		plain := build(t, dir, "testdata/plainpion", "plainpion")
		attack(t, rows, func(a *abuse) {
			v, err := servePion(t, plain, a)
			if err != nil {
				t.Fatal(err)
			}
			figure, err := v.suffer(a)
			if a.before = figure; err != nil {
				a.before = strings.TrimPrefix(figure+"; ", "; ") + "FAILS: " + err.Error()
			}
		})
	}
	t.Log("\n" + table(rows))
}

// TestNothingElseOnUDP: TURN over DTLS is not offered, and no other service has
// a UDP socket: what listens there is the relay's port alone.
func TestNothingElseOnUDP(t *testing.T) {
	t.Parallel()
	v, err := serveParley(t, build(t, t.TempDir(), ".", "parley"), &abuse{})
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(v.relay)
	n, _ := strconv.Atoi(port)
	sockets := v.sockets()
	found := 0
	for _, table := range []string{"udp", "udp6"} {
		text, _ := os.ReadFile("/proc/net/" + table)
		for _, line := range strings.Split(string(text), "\n") {
			f := strings.Fields(line)
			if len(f) < 10 || !sockets["socket:["+f[9]+"]"] {
				continue
			}
			if found++; !strings.HasSuffix(f[1], fmt.Sprintf(":%04X", n)) {
				t.Errorf("a UDP socket at %s, the relay is at port %04X", f[1], n)
			}
		}
	}
	if found == 0 {
		t.Error("no UDP socket is found: the test looks in the wrong place")
	}
}

// sockets names those that the process has.
func (v *victim) sockets() map[string]bool {
	dir := fmt.Sprintf("/proc/%d/fd/", v.cmd.Process.Pid)
	list, _ := os.ReadDir(dir)
	names := make(map[string]bool)
	for _, e := range list {
		if to, err := os.Readlink(dir + e.Name()); err == nil {
			names[to] = true
		}
	}
	return names
}

// attack runs the rows that wait side by side, then the others alone, as they
// use a core or two.
func attack(t *testing.T, rows []*abuse, one func(*abuse)) {
	t.Helper()
	var waiting sync.WaitGroup
	for _, a := range rows {
		if a.waits {
			waiting.Go(func() { one(a) })
		}
	}
	waiting.Wait()
	for _, a := range rows {
		if !a.waits {
			one(a)
		}
	}
}

func table(rows []*abuse) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, a := range rows {
		verdict := "ok"
		if a.err != nil {
			verdict = "FAILS: " + a.err.Error()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", a.id, a.name, verdict, a.figure)
		if a.before != "" {
			fmt.Fprintf(w, "\t\tpion\t%s\n", a.before)
		}
	}
	w.Flush()
	return b.String()
}

func build(t *testing.T, dir, source, name string) string {
	t.Helper()
	out := filepath.Join(dir, name)
	c := exec.Command("go", "build", "-trimpath", "-o", out, ".") // as make build, which has compiled it
	c.Dir, c.Env = source, append(os.Environ(), "CGO_ENABLED=0")
	if b, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, b)
	}
	return out
}

// victim is a server process under attack.
type victim struct {
	t          *testing.T
	cmd        *exec.Cmd
	ended      chan struct{}
	log        lockedBuffer
	relay, web string // host:port of TURN, and of TLS with TURN
	admin      string // URL
	plain      bool   // pion
}

func serveParley(t *testing.T, binary string, a *abuse) (*victim, error) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(abuseSecret+"\n"), 0o600); err != nil {
		return nil, err
	}
	v := &victim{t: t}
	return v, v.start(dir, a.files, []string{binary, "serve"}, append([]string{
		"PARLEY_DATA_DIR=" + filepath.Join(dir, "data"), "PARLEY_RELAY_SECRETS_FILE=" + secret, "PARLEY_TLS_MODE=self-signed",
		"PARLEY_HTTP_LISTEN=127.0.0.1:0", "PARLEY_RELAY_LISTEN=127.0.0.1:0", "PARLEY_ADMIN_LISTEN=127.0.0.1:0",
		"PARLEY_LOG_FORMAT=json", "INVOCATION_ID=test",
	}, a.env...))
}

func servePion(t *testing.T, binary string, a *abuse) (*victim, error) {
	v := &victim{t: t, plain: true}
	return v, v.start(t.TempDir(), a.files, []string{binary}, []string{"SECRET=" + abuseSecret})
}

// start runs the process until the test ends and reads from its log where it
// listens.
func (v *victim) start(dir string, files int, args, env []string) error {
	if files > 0 {
		args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$@"`, files), "sh"}, args...)
	}
	v.cmd = bound(exec.Command(args[0], args[1:]...))
	v.cmd.Dir, v.cmd.Env = dir, append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...)
	v.cmd.Stderr = &v.log
	if err := v.cmd.Start(); err != nil {
		return err
	}
	v.ended = make(chan struct{})
	go func() { v.cmd.Wait(); close(v.ended) }()
	v.t.Cleanup(func() { v.cmd.Process.Kill(); <-v.ended })
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if v.findReady() {
			return nil
		}
	}
	return fmt.Errorf("the server is not ready:\n%s", v.log.String())
}

func (v *victim) findReady() bool {
	for _, line := range strings.Split(v.log.String(), "\n") {
		var ready struct{ Msg, URL, Relay, Admin string }
		if json.Unmarshal([]byte(line), &ready) != nil || ready.Msg != "Parley is ready." {
			continue
		}
		u, err := url.Parse(ready.URL)
		if err != nil {
			return false
		}
		v.relay, v.web, v.admin = ready.Relay, net.JoinHostPort("127.0.0.1", u.Port()), ready.Admin
		return true
	}
	return false
}

// suffer lets a row attack; whoever has survived must still serve others, over
// UDP and TCP.
func (v *victim) suffer(a *abuse) (string, error) {
	defer func() { v.cmd.Process.Signal(syscall.SIGKILL); <-v.ended }()
	if err := v.serves(); err != nil { // so that what the first calls set up is there
		return "", err
	}
	v.quiet()
	figure, err := a.run(v)
	if err == nil {
		err = v.serves()
	}
	select {
	case <-v.ended:
		err = fmt.Errorf("the process has died: %v", v.cmd.ProcessState)
	default:
	}
	return figure, err
}

// serves checks that the process lives and that a stranger to all this gets an
// allocation.
func (v *victim) serves() error {
	for _, network := range []string{"udp", "tcp", "tls"} {
		c, err := v.call(network, "127.0.0.77", "bystander")
		if err == nil {
			c.giveUp = 5 * time.Second
			err = c.allocate()
			c.conn.Close()
		}
		if err != nil {
			return fmt.Errorf("nobody else is served over %s: %w", network, err)
		}
	}
	return nil
}

// quiet waits until what has been closed is gone.
func (v *victim) quiet() {
	for last, now := (usage{}), v.usage(); last.fds != now.fds || last.goroutines != now.goroutines; {
		time.Sleep(200 * time.Millisecond)
		last, now = now, v.usage()
	}
}

// usage is what a process has of the system.
type usage struct {
	cpu                  time.Duration
	rss                  int // KiB
	fds, threads         int
	goroutines, logLines int
}

func (v *victim) usage() usage {
	u := usage{logLines: strings.Count(v.log.String(), "\n"), goroutines: int(v.metric("go_goroutines"))}
	proc := fmt.Sprintf("/proc/%d/", v.cmd.Process.Pid)
	stat, _ := os.ReadFile(proc + "stat")
	// What follows the name, which may hold anything but ends with the last ')'.
	if f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])); len(f) > 12 {
		user, _ := strconv.Atoi(f[11])
		system, _ := strconv.Atoi(f[12])
		u.cpu = time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100
	}
	status, _ := os.ReadFile(proc + "status")
	for _, line := range strings.Split(string(status), "\n") {
		key, value, _ := strings.Cut(line, ":")
		n, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		switch key {
		case "VmRSS":
			u.rss = n
		case "Threads":
			u.threads = n
		}
	}
	list, _ := os.ReadDir(proc + "fd")
	u.fds = len(list)
	return u
}

// metric sums the series of a metric; 0 when there is none.
func (v *victim) metric(name string) float64 {
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(v.admin + "/metrics")
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	sum := 0.0
	for _, line := range strings.Split(string(b), "\n") {
		if rest, ok := strings.CutPrefix(line, name); ok && rest != "" && (rest[0] == ' ' || rest[0] == '{') {
			n, _ := strconv.ParseFloat(rest[strings.LastIndexByte(rest, ' ')+1:], 64)
			sum += n
		}
	}
	return sum
}

// settles waits until the process has as many descriptors and goroutines as
// before, give or take a few.
func (v *victim) settles(before usage) error {
	const few = 3
	var now usage
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if now = v.usage(); now.fds <= before.fds+few && now.goroutines <= before.goroutines+few {
			return nil
		}
	}
	return fmt.Errorf("descriptors %d -> %d, goroutines %d -> %d", before.fds, now.fds, before.goroutines, now.goroutines)
}

// grew tells the difference of two states in words.
func (u usage) grew(now usage) string {
	return fmt.Sprintf("%v CPU, %+d KiB, %+d threads, %+d descriptors, %+d goroutines, %+d log lines",
		now.cpu-u.cpu, now.rss-u.rss, now.threads-u.threads, now.fds-u.fds, now.goroutines-u.goroutines, now.logLines-u.logLines)
}

// burns fails when the process uses the CPU while nobody asks for anything.
func (v *victim) burns() (string, error) {
	before := v.usage().cpu
	time.Sleep(time.Second)
	used := v.usage().cpu - before
	figure := fmt.Sprintf("%v of CPU in the second after", used)
	if used > 300*time.Millisecond {
		return figure, fmt.Errorf("it burns %v of CPU a second with nobody there", used)
	}
	return figure, nil
}
