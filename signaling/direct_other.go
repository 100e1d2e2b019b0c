//go:build !linux

package signaling

import "net"

// newDirect leaves every write to the writer goroutine.
func newDirect(net.Conn) *direct { return nil }
