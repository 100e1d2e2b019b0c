package dataplane

import "net/netip"

// Link is a socket on the clients' side: a UDP, which many clients share, or one
// client's Stream.
type Link interface {
	// Send writes one STUN message or ChannelData frame to a client. It keeps
	// nothing of frame after it has returned, never blocks for long, and what
	// cannot be sent is lost. It may be called from any goroutine.
	Send(frame []byte, to Client)
	// Transport is "udp", "tcp" or "tls".
	Transport() string
}

// Stream is a Link of a single client that takes packets in two steps, so that
// those of a round leave together.
type Stream interface {
	Link
	// Queue takes the frame that head and body make, to be padded to a multiple of
	// four bytes, and keeps nothing of them.
	// True asks for a call of Flush, which need not come at once; false means that
	// somebody has been asked already. It is called during rounds and must not
	// call the plane.
	Queue(head, body []byte) bool
	// Flush writes what is queued as far as the client takes it. It does not block.
	// It is called by no round.
	Flush()
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
