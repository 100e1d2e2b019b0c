package dataplane

import "net/netip"

// Link is a socket on the clients' side: a UDP listener, which many clients
// share, or one stream.
type Link interface {
	// Send writes one STUN message or ChannelData frame to a client. It keeps
	// nothing of frame after it has returned, never blocks for long, and what
	// cannot be sent is lost. It may be called from any goroutine; a stream's is
	// called during rounds and must not call the plane.
	Send(frame []byte, to Client)
	// Transport is "udp", "tcp" or "tls".
	Transport() string
}

// Client is a five-tuple (RFC 8656 section 3.2) as seen by the server. It is
// comparable; Addr and Local are never IPv4-mapped.
type Client struct {
	Link  Link
	Addr  netip.AddrPort // where the client sends from
	Local netip.Addr     // the server address that it sent to; invalid when the link has only one
}

// Send writes one frame to the client.
func (c Client) Send(frame []byte) { c.Link.Send(frame, c) }
