package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// files looks at the modes of what must stay secret.
func (m *machine) files(context.Context) Result {
	var bad, fixes []string
	for _, f := range m.Files {
		info, err := os.Stat(f.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && f.Made && !m.running:
		case errors.Is(err, fs.ErrPermission):
			return untried("%s cannot be looked at; run this as root or as Parley's user", f.Path)
		case err != nil:
			bad = append(bad, fmt.Sprintf("%s: %v", f.Key, err))
		case f.Folder && info.Mode().Perm()&0o077 != 0:
			bad = append(bad, fmt.Sprintf("%s has mode %04o", f.Path, info.Mode().Perm()))
			fixes = append(fixes, "chmod 0700 "+f.Path)
		case !f.Folder && info.Mode().Perm()&0o007 != 0:
			bad = append(bad, fmt.Sprintf("%s (%s) is open to every user of this machine", f.Path, f.Key))
			fixes = append(fixes, "chmod o= "+f.Path)
		}
	}
	if len(bad) > 0 {
		return fail(listOr(fixes, "correct the path, or start Parley once as its own user"), "%s", strings.Join(bad, "; "))
	}
	return ok("secrets are closed to others")
}

// wantedBuffer is what the relay asks for each of its sockets.
const wantedBuffer = 4 << 20

func (m *machine) buffers(context.Context) Result {
	const hint = "put systemd/sysctl/parley.conf into /etc/sysctl.d and run `sysctl --system`"
	for _, key := range []string{"rmem_max", "wmem_max"} {
		text, err := os.ReadFile("/proc/sys/net/core/" + key)
		if err != nil {
			return untried("the kernel does not tell net.core.%s here", key)
		}
		var n int
		if _, err := fmt.Sscan(string(text), &n); err == nil && n < wantedBuffer {
			return warn(hint, "net.core.%s is %d bytes: bursts of packets are lost under load; %d is better", key, n, 2*wantedBuffer)
		}
	}
	return ok("large enough for bursts")
}

func (m *machine) gso(context.Context) Result {
	if !segments() {
		return warn("Linux 4.18 or newer has it", "this kernel sends UDP packets one by one, so the relay carries less")
	}
	return ok("packets leave in batches")
}

// descriptors compares the limit of the running process with what the
// configuration lets in: a session takes one, a relay two (its own socket and a
// client's TCP connection).
func (m *machine) descriptors(context.Context) Result {
	limit, known := m.metric("process_max_fds")
	if !known {
		n, ok := ownLimit()
		if !ok {
			return untried("the limit is not known")
		}
		limit = float64(n)
	}
	need := m.Sessions + 2*m.Allocations
	if int(limit) < need {
		return warn("raise LimitNOFILE in the unit (`systemctl edit parley`), or lower signaling.max_sessions and relay.max_allocations",
			"%d descriptors are allowed, and the configured limits may need %d", int(limit), need)
	}
	return ok("%d allowed, %d needed at most", int(limit), need)
}
