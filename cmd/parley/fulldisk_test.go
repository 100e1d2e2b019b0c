package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A server that ran into a full disk must come back when it is started again:
// all that it needs stands there. A torn line of the list of ended logins goes.
func TestFullDiskDoesNotStopTheStart(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(l.dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	ended := fmt.Sprintf("login %s %d\n", strings.Repeat("a", 26), time.Now().Add(time.Hour).Unix())
	for name, text := range map[string]string{
		"session-key": strings.Repeat("0f", 32) + "\n", "turn-secrets": strings.Repeat("s", 52) + "\n",
		"admin-token": strings.Repeat("t", 52) + "\n", "ended": ended + "login b",
	} {
		l.write("data/"+name, text)
	}
	// The mount is gone with the namespace that `ip netns exec` makes.
	c := bound(exec.Command("ip", "netns", "exec", l.server, "sh", "-c", `
		mkdir disk && mount -t tmpfs -o size=64k,mode=700 none disk && cp data/* disk/ || exit 1
		dd if=/dev/zero of=disk/fill bs=1k 2>/dev/null
		exec "$0" serve -config "$1"`, self, l.write("config.toml", `data_dir = "disk"`)))
	c.Dir = l.dir
	c.Env = []string{actAs + "=parley", "PATH=" + os.Getenv("PATH")}
	var log lockedBuffer
	c.Stdout, c.Stderr = &log, &log
	l.run(c)
	done := func(text string) bool { return strings.Contains(log.String(), text) }
	eventually(t, "start or end", func() bool { return done("Parley is ready.") || done("no space left on device\n") })
	if !done("Parley is ready.") {
		t.Fatalf("it does not start:\n%s", log.String())
	}
	if !done("cannot be written anew") {
		t.Errorf("nothing is said:\n%s", log.String())
	}
	kept, err := os.ReadFile(fmt.Sprintf("/proc/%d/root%s/disk/ended", c.Process.Pid, l.dir))
	if err != nil || string(kept) != ended {
		t.Errorf("ended is %q, %v; want %q", kept, err, ended)
	}
}
