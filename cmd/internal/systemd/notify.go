// Package systemd speaks with the service manager: readiness, watchdog and
// inherited sockets (sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3)).
//
// Without the variables that systemd sets everything here does nothing, so the
// program is the same on a terminal. The variables come in through a function
// like os.Getenv and are left as they are.
package systemd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// notifyTimeout bounds one message to the service manager, which answers none.
const notifyTimeout = 5 * time.Second

// Notifier tells the service manager what the program is doing. The zero
// Notifier tells nobody. Its methods may be called from many goroutines; their
// errors are for the log, never a reason to stop.
type Notifier struct {
	socket   string        // empty without a service manager
	watchdog time.Duration // 0 = none
}

// New reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
func New(getenv func(string) string) Notifier {
	n := Notifier{socket: getenv("NOTIFY_SOCKET")}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	pid := getenv("WATCHDOG_PID")
	if err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.watchdog = time.Duration(usec) * time.Microsecond
	}
	return n
}

// Ready says that all listeners are open, also after a reload.
func (n Notifier) Ready() error { return n.send("READY=1") }

// Stopping says that the program has begun to drain.
func (n Notifier) Stopping() error { return n.send("STOPPING=1") }

// Reloading says that the configuration is being read again; Ready ends it.
func (n Notifier) Reloading() error {
	if n.socket == "" {
		return nil
	}
	now, err := monotonic()
	if err != nil {
		return fmt.Errorf("failed to read the monotonic clock: %w", err)
	}
	return n.send("RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(now.Microseconds(), 10))
}

// Status shows one line in `systemctl status`.
func (n Notifier) Status(line string) error {
	return n.send("STATUS=" + strings.ReplaceAll(line, "\n", " "))
}

// ExtendTimeout asks for that much more time to start, reload or stop.
func (n Notifier) ExtendTimeout(d time.Duration) error {
	return n.send("EXTEND_TIMEOUT_USEC=" + strconv.FormatInt(d.Microseconds(), 10))
}

// Ready is New(getenv).Ready, for a caller that keeps no Notifier.
func Ready(getenv func(string) string) error { return New(getenv).Ready() }

// Stopping is New(getenv).Stopping, for a caller that keeps no Notifier.
func Stopping(getenv func(string) string) error { return New(getenv).Stopping() }

// send passes one message on. A name with @ is an abstract socket, which
// package net understands.
func (n Notifier) send(state string) error {
	if n.socket == "" {
		return nil
	}
	if n.socket[0] != '/' && n.socket[0] != '@' {
		return errors.New("NOTIFY_SOCKET is neither a path nor an abstract socket")
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: n.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("failed to reach the service manager: %w", err)
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(notifyTimeout)); err != nil {
		return fmt.Errorf("failed to reach the service manager: %w", err)
	}
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("failed to tell the service manager: %w", err)
	}
	return nil
}

// WatchdogInterval is how often a sign of life is due, half of WATCHDOG_USEC;
// zero when nobody waits for one.
func (n Notifier) WatchdogInterval() time.Duration { return n.watchdog / 2 }

// Watchdog gives signs of life while healthy returns nil, and returns nil when
// ctx ends, at once when no sign is due. An unhealthy program falls silent, so
// that systemd restarts it; failed is told why each time.
func (n Notifier) Watchdog(ctx context.Context, healthy func() error, failed func(error)) error {
	if n.watchdog == 0 {
		return nil
	}
	ticker := time.NewTicker(n.WatchdogInterval())
	defer ticker.Stop()
	for {
		err := healthy()
		if err == nil {
			err = n.send("WATCHDOG=1")
		}
		if err != nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}
