//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// controlClient sets up and ends one allocation.
type controlClient interface {
	allocate() (netip.AddrPort, error)
	bind(peer netip.AddrPort) error
	permit(peer netip.AddrPort) error
	release() error
}

// flow is one client with its allocation and its peer.
type flow struct {
	udp     *udpSocket  // the client's, or nil
	stream  *streamConn // the client's, or nil
	control controlClient
	framing framing
	relayed netip.AddrPort
	peer    *udpSocket // nil in shape L, where another flow is the peer
	packets map[burstKey]packet
}

// burstKey finds the template of a burst.
type burstKey struct {
	up   bool
	size int
}

// openFlows sets up all flows of a case at a server.
func openFlows(c relayCase, t *contestant, gro bool) (flows []*flow, err error) {
	defer func() {
		if err != nil {
			closeFlows(flows)
			flows = nil
		}
	}()
	kinds := c.kinds()
	for i := range c.flows {
		f, err := openFlow(c, t, i)
		if err != nil {
			return flows, fmt.Errorf("flow %d: %w", i, err)
		}
		flows = append(flows, f)
		if gro && f.udp != nil {
			f.udp.gro()
		}
	}
	for i, f := range flows {
		var to netip.AddrPort
		if c.shape == "L" {
			to = flows[i^1].relayed
		} else if to, err = f.openPeer(gro); err != nil {
			return flows, err
		}
		if err := f.join(to, kinds); err != nil {
			return flows, fmt.Errorf("flow %d: %w", i, err)
		}
	}
	return flows, nil
}

// openFlow connects a client and makes its allocation; from another port if
// this one is taken.
func openFlow(c relayCase, t *contestant, i int) (f *flow, err error) {
	for range attempts {
		if f, err = tryFlow(c, t, i); !errors.Is(err, errTaken) {
			break
		}
	}
	return f, err
}

func tryFlow(c relayCase, t *contestant, i int) (f *flow, err error) {
	f = &flow{framing: c.mode, packets: make(map[burstKey]packet)}
	var rw io.ReadWriter
	if c.transport == "udp" {
		if f.udp, err = newUDPSocket(); err != nil {
			return nil, err
		}
		rw, err = f.udp, f.udp.connect(t.udp())
	} else if f.stream, err = dialStream(c.transport, t.streamAddr(c.transport)); err == nil {
		rw = f.stream
	}
	if err != nil {
		f.close()
		return nil, err
	}
	if t.bare {
		f.framing, f.control = bare, bareClient{rw}
	} else {
		f.control = newTURNClient(rw, i)
	}
	if f.relayed, err = f.control.allocate(); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// openPeer makes the flow's peer, which hears the relay alone.
func (f *flow) openPeer(gro bool) (addr netip.AddrPort, err error) {
	if f.peer, err = newUDPSocket(); err != nil {
		return addr, err
	}
	if gro {
		f.peer.gro()
	}
	if err := f.peer.connect(f.relayed); err != nil {
		return addr, err
	}
	return f.peer.local()
}

// join tells the server the peer and prepares the packets of a case.
func (f *flow) join(peer netip.AddrPort, kinds []burstKey) error {
	grant := f.control.bind
	if f.framing == indication {
		grant = f.control.permit
	}
	if err := grant(peer); err != nil {
		return err
	}
	for _, k := range kinds {
		framing := f.framing
		if !k.up {
			framing = bare
		}
		p, err := newPacket(framing, k.size, peer, f.stream != nil && k.up)
		if err != nil {
			return err
		}
		f.packets[k] = p
	}
	return nil
}

// closeFlows ends all allocations; a server that does not answer once is not
// asked again. Those of streams end with their connections.
func closeFlows(flows []*flow) {
	answers := true
	for _, f := range flows {
		if answers && f.udp != nil {
			answers = f.control.release() == nil
		}
		f.close()
	}
}

func (f *flow) close() {
	if f.udp != nil {
		f.udp.Close()
	}
	if f.stream != nil {
		f.stream.Close()
	}
	if f.peer != nil {
		f.peer.Close()
	}
}
