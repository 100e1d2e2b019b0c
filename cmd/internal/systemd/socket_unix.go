//go:build unix

package systemd

import "syscall"

// isStream tells whether an inherited socket is for connections rather than datagrams.
func isStream(fd int) (bool, error) {
	kind, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_TYPE)
	return kind == syscall.SOCK_STREAM, err
}
