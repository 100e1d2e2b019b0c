package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// lab is a server and a client, each a network namespace of its own, with one
// cable between them. The addresses are documentation's (RFC 5737).
type lab struct {
	t              *testing.T
	server, client string // namespaces
	dir            string // of the server
}

const (
	labServer = "198.51.100.10"
	labClient = "198.51.100.20"
	labNobody = "198.51.100.99"
	labName   = "call.example.org"
)

var (
	labs  = new(atomic.Int32)
	sweep = new(sync.Once)
)

func newLab(t *testing.T) *lab {
	t.Helper()
	if _, err := exec.LookPath("nft"); err != nil || os.Getuid() != 0 {
		if os.Getenv("INTEROP") == "required" {
			t.Fatalf("network namespaces need root, ip and nft: %v", err)
		}
		t.Skip("network namespaces need root, ip and nft")
	}
	sweep.Do(removeLeftovers)
	id := fmt.Sprint(labID(), labs.Add(1))
	l := &lab{t: t, server: id + "s", client: id + "c", dir: t.TempDir()}
	for _, ns := range []string{l.server, l.client} {
		l.must("ip", "netns", "add", ns)
		t.Cleanup(func() {
			exec.Command("ip", "netns", "del", ns).Run()
			os.RemoveAll("/etc/netns/" + ns)
		})
		l.must("ip", "-n", ns, "link", "set", "lo", "up")
	}
	l.must("ip", "-n", l.server, "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", l.client)
	for ns, addr := range map[string]string{l.server: labServer, l.client: labClient} {
		l.must("ip", "-n", ns, "addr", "add", addr+"/24", "dev", "wire")
		l.must("ip", "-n", ns, "link", "set", "wire", "up")
		l.hosts(ns, labServer)
	}
	return l
}

func (l *lab) must(name string, args ...string) {
	l.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		l.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// hosts makes the public name lead to addr, as a namespace sees it.
func (l *lab) hosts(ns, addr string) {
	l.t.Helper()
	dir := "/etc/netns/" + ns
	if err := os.MkdirAll(dir, 0o755); err != nil {
		l.t.Fatal(err)
	}
	text := "127.0.0.1 localhost\n" + addr + " " + labName + "\n"
	for name, content := range map[string]string{"hosts": text, "resolv.conf": "", "nsswitch.conf": "hosts: files\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			l.t.Fatal(err)
		}
	}
}

// drop is a firewall in front of the server that forgot something: what rule
// matches is lost.
func (l *lab) drop(rule string) {
	l.t.Helper()
	l.must("ip", "netns", "exec", l.server, "nft",
		"add table inet wall; add chain inet wall in { type filter hook input priority 0 ; }; add rule inet wall in iifname wire "+rule+" drop")
}

// command is this test binary as another program, inside a namespace.
func (l *lab) command(ns, part string, args []string, env ...string) *exec.Cmd {
	l.t.Helper()
	self, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	c := bound(exec.Command("ip", append([]string{"netns", "exec", ns, self}, args...)...))
	c.Dir = l.dir
	c.Env = append([]string{actAs + "=" + part, "PATH=" + os.Getenv("PATH")}, env...)
	return c
}

// serve runs a server until the test ends, and waits until it is ready.
func (l *lab) serve(config string) {
	l.t.Helper()
	file := l.write("config.toml", config)
	c := l.command(l.server, "parley", []string{"serve", "-config", file})
	var log lockedBuffer
	c.Stdout, c.Stderr = &log, &log
	l.run(c)
	eventually(l.t, "the server is ready", func() bool {
		if c.ProcessState != nil {
			l.t.Fatalf("the server ended:\n%s", log.String())
		}
		return strings.Contains(log.String(), "Parley is ready.")
	})
}

func (l *lab) run(c *exec.Cmd) {
	l.t.Helper()
	if err := c.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		force := time.AfterFunc(patience, func() { c.Process.Kill() })
		defer force.Stop()
		c.Wait()
	})
}

func (l *lab) write(name, text string) (path string) {
	l.t.Helper()
	path = filepath.Join(l.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return path
}

// doctor runs `parley doctor` in a namespace and returns its exit code and lines.
func (l *lab) doctor(ns string, args []string, env ...string) (code int, out string) {
	l.t.Helper()
	c := l.command(ns, "parley", append([]string{"doctor"}, args...), env...)
	var b bytes.Buffer
	c.Stdout, c.Stderr = &b, &b
	err := c.Run()
	if c.ProcessState == nil {
		l.t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), b.String()
}

// waitForPort waits for a TCP port inside the client's reach.
func (l *lab) waitForPort(ns, addr string) {
	l.t.Helper()
	host, port, _ := net.SplitHostPort(addr)
	eventually(l.t, addr, func() bool {
		return exec.Command("ip", "netns", "exec", ns, "bash", "-c", "exec 3<>/dev/tcp/"+host+"/"+port).Run() == nil
	})
}
