package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Ctrl-C while a password is asked for must not leave a shell that shows nothing
// of what is typed.
func TestPasswordAtATerminal(t *testing.T) {
	users := filepath.Join(t.TempDir(), "users")
	for _, c := range []struct {
		name, first, second string
		code                int
		says                string
	}{
		{"the same twice", "correct horse\n", "correct horse\n", 0, "may sign in now"},
		{"another one", "correct horse\n", "battery staple\n", 1, "the two passwords differ"},
		{"Ctrl-C", "correct horse\n", "\x03", 1, "stopped; nothing was changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			terminal, shown := newTerminal(t)
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(self, "user", "add", strings.ReplaceAll(c.name, " ", "_"), "-file", users)
			cmd.Env = []string{actAs + "=parley"}
			cmd.Stdin, cmd.Stdout, cmd.Stderr = shown, shown, shown
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
			var out lockedBuffer
			go io.Copy(&out, terminal) // ends with the terminal
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for _, q := range [][2]string{{"Password: ", c.first}, {"Once more: ", c.second}} {
				eventually(t, q[0], func() bool { return strings.Contains(out.String(), q[0]) && !echoes(t, shown) })
				io.WriteString(terminal, q[1])
			}
			cmd.Wait()
			eventually(t, c.says, func() bool { return strings.Contains(out.String(), c.says) })
			if code := cmd.ProcessState.ExitCode(); code != c.code || !echoes(t, shown) || strings.Contains(out.String(), "horse") {
				t.Errorf("exit %d, want %d; the terminal echoes: %v\n%s", code, c.code, echoes(t, shown), out.String())
			}
		})
	}
}

// newTerminal opens both ends of a pseudo-terminal.
func newTerminal(t *testing.T) (outer, inner *os.File) {
	t.Helper()
	outer, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { outer.Close() })
	if err := unix.IoctlSetPointerInt(int(outer.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(outer.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	inner, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { inner.Close() })
	return outer, inner
}

func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	mode, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return mode.Lflag&unix.ECHO != 0
}
