package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

const (
	// firstFD is the first inherited descriptor (SD_LISTEN_FDS_START).
	firstFD = 3
	// maxFDs bounds LISTEN_FDS; a unit has a handful of sockets.
	maxFDs = 1024
)

// Sockets are inherited sockets by name, that of FileDescriptorName= in the
// socket unit (without one, the name of that unit). One name may stand for
// several: a TCP and a UDP socket, IPv4 and IPv6.
type Sockets struct {
	Listeners   map[string][]net.Listener
	PacketConns map[string][]net.PacketConn
}

// Close closes all sockets that have not been taken over by someone who closes them.
func (s Sockets) Close() error {
	var errs []error
	for _, group := range s.Listeners {
		for _, l := range group {
			errs = append(errs, l.Close())
		}
	}
	for _, group := range s.PacketConns {
		for _, c := range group {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// Inherit takes over the sockets of LISTEN_FDS, LISTEN_FDNAMES and LISTEN_PID;
// none is no error. Call it once: the descriptors are closed on the way. With
// an error none stays open.
func Inherit(getenv func(string) string) (Sockets, error) { return inherit(getenv, firstFD) }

func inherit(getenv func(string) string, first int) (Sockets, error) {
	sockets := Sockets{Listeners: map[string][]net.Listener{}, PacketConns: map[string][]net.PacketConn{}}
	if getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) || getenv("LISTEN_FDS") == "" {
		return sockets, nil // none, or meant for another process
	}
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n < 0 || n > maxFDs {
		return sockets, fmt.Errorf("LISTEN_FDS is %q, not a number of sockets", getenv("LISTEN_FDS"))
	}
	names := strings.Split(getenv("LISTEN_FDNAMES"), ":")
	var errs []error
	for i := range n {
		name := "unknown" // as sd_listen_fds_with_names(3) says
		if i < len(names) && names[i] != "" {
			name = names[i]
		}
		errs = append(errs, sockets.add(name, first+i))
	}
	if err := errors.Join(errs...); err != nil {
		return Sockets{}, errors.Join(err, sockets.Close())
	}
	return sockets, nil
}

// add wraps one descriptor by its type and closes the original; package net
// works on a copy that programs started from here do not inherit.
func (s Sockets) add(name string, fd int) error {
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	stream, err := isStream(fd)
	if err != nil {
		return fmt.Errorf("inherited descriptor %d (%s) is no socket: %w", fd, name, err)
	}
	if stream {
		listener, err := net.FileListener(file)
		if err != nil {
			return fmt.Errorf("inherited socket %d (%s) cannot listen: %w", fd, name, err)
		}
		s.Listeners[name] = append(s.Listeners[name], listener)
		return nil
	}
	conn, err := net.FilePacketConn(file)
	if err != nil {
		return fmt.Errorf("inherited socket %d (%s) cannot receive: %w", fd, name, err)
	}
	s.PacketConns[name] = append(s.PacketConns[name], conn)
	return nil
}
