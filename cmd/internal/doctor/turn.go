package doctor

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/pion/stun/v3"
	"github.com/pion/turn/v4"
)

// again is after how much silence a request over UDP is sent once more (RFC 8489
// section 6.2.1 begins with half a second).
const again = 500 * time.Millisecond

var errSilence = errors.New("no answer")

// datagrams is a socket that talks with one server.
type datagrams interface {
	Read([]byte) (int, error)
	Write([]byte) (int, error)
	SetReadDeadline(time.Time) error
}

// bindingUDP asks a STUN server for the address that it sees. A connected socket
// takes answers from the asked address alone, as a browser does.
func bindingUDP(ctx context.Context, c datagrams) (netip.AddrPort, error) {
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	if err != nil {
		return netip.AddrPort{}, err
	}
	buf := make([]byte, 1500)
	for end := time.Now().Add(udpTime); time.Now().Before(end) && ctx.Err() == nil; {
		if _, err := c.Write(request.Raw); err != nil && !refused(err) {
			return netip.AddrPort{}, err
		}
		c.SetReadDeadline(time.Now().Add(again))
		n, err := c.Read(buf)
		if refused(err) {
			return netip.AddrPort{}, err
		}
		if err != nil {
			continue
		}
		if a, ok := mapped(buf[:n], request.TransactionID); ok {
			return a, nil
		}
	}
	return netip.AddrPort{}, errSilence
}

// mapped reads the answer to a Binding request.
func mapped(packet []byte, id [stun.TransactionIDSize]byte) (netip.AddrPort, bool) {
	m := &stun.Message{Raw: packet}
	var x stun.XORMappedAddress
	if m.Decode() != nil || m.TransactionID != id || m.Type != stun.BindingSuccess || x.GetFrom(m) != nil {
		return netip.AddrPort{}, false
	}
	a, ok := netip.AddrFromSlice(x.IP)
	return netip.AddrPortFrom(a.Unmap(), uint16(x.Port)), ok
}

// bindingStream asks the same over TCP or TLS.
func bindingStream(c net.Conn) error {
	request, err := stun.Build(stun.TransactionID, stun.BindingRequest)
	if err != nil {
		return err
	}
	c.SetDeadline(time.Now().Add(dialTime))
	if _, err := c.Write(request.Raw); err != nil {
		return err
	}
	head := make([]byte, 20)
	if _, err := io.ReadFull(c, head); err != nil {
		return err
	}
	body := make([]byte, binary.BigEndian.Uint16(head[2:]))
	if _, err := io.ReadFull(c, body); err != nil {
		return err
	}
	if _, ok := mapped(append(head, body...), request.TransactionID); !ok {
		return errors.New("what answers is no STUN server")
	}
	return nil
}

// tcpAnswers says whether the port speaks STUN over TCP.
func tcpAnswers(ctx context.Context, addr string) bool {
	d := net.Dialer{Timeout: dialTime}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	defer c.Close()
	return bindingStream(c) == nil
}

// way is how to reach one relay.
type way struct {
	transport  string // udp, tcp, tls
	addr       string // host:port, resolved
	tls        *tls.Config
	name, pass string
}

// allocation is one relayed address and what holds it open.
type allocation struct {
	net.PacketConn
	client *turn.Client
	under  net.PacketConn
}

func (a *allocation) close() {
	a.PacketConn.Close()
	a.client.Close()
	a.under.Close()
}

func (a *allocation) address() netip.AddrPort {
	at, _ := netip.ParseAddrPort(a.LocalAddr().String())
	return at
}

// allocate makes one relayed address; ctx bounds the whole life of it.
func (w way) allocate(ctx context.Context) (*allocation, error) {
	under, err := w.dial(ctx)
	if err != nil {
		return nil, err
	}
	c, err := turn.NewClient(&turn.ClientConfig{
		TURNServerAddr: w.addr, Conn: under, Username: w.name, Password: w.pass, RTO: again,
	})
	if err != nil {
		under.Close()
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { under.Close(); c.Close() })
	if err = c.Listen(); err == nil {
		patience := time.AfterFunc(w.patience(), c.Close)
		var relayed net.PacketConn
		relayed, err = c.Allocate()
		patience.Stop()
		if err == nil {
			return &allocation{relayed, c, under}, nil
		}
	}
	stop()
	c.Close()
	under.Close()
	return nil, err
}

// patience is how long an Allocate may take: two round trips.
func (w way) patience() time.Duration {
	if w.transport == "udp" {
		return udpTime
	}
	return answerTime
}

// dial opens what carries the TURN messages.
func (w way) dial(ctx context.Context) (net.PacketConn, error) {
	if w.transport == "udp" {
		return net.ListenPacket("udp", ":0")
	}
	d := net.Dialer{Timeout: dialTime}
	c, err := d.DialContext(ctx, "tcp", w.addr)
	if err != nil {
		return nil, err
	}
	if w.transport == "tls" {
		t := tls.Client(c, w.tls)
		ctx, cancel := context.WithTimeout(ctx, dialTime)
		defer cancel()
		if err := t.HandshakeContext(ctx); err != nil {
			c.Close()
			return nil, err
		}
		c = t
	}
	return turn.NewSTUNConn(c), nil
}

// echo sends a packet from one relayed address to another and back, as two
// people do who both see each other through the relay alone. It returns the
// first of the two addresses.
func (w way) echo(ctx context.Context) (netip.AddrPort, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*answerTime)
	defer cancel()
	a, err := w.allocate(ctx)
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer a.close()
	b, err := w.allocate(ctx)
	if err != nil {
		return a.address(), err
	}
	defer b.close()
	return a.address(), exchange(a, b)
}

// Over TCP pion's client holds ChannelData of four bytes and less back until more
// comes.
const (
	ping = "ping through the relay"
	pong = "pong through the relay"
)

// exchange passes one packet each way. The first of all makes the permission
// without which the next would be lost; UDP may lose some, so they are repeated.
func exchange(a, b *allocation) error {
	buf := make([]byte, 100)
	if _, err := a.WriteTo([]byte(ping), b.LocalAddr()); err != nil {
		return err
	}
	for end := time.Now().Add(udpTime); time.Now().Before(end); {
		if _, err := b.WriteTo([]byte(pong), a.LocalAddr()); err != nil {
			return err
		}
		if _, err := a.WriteTo([]byte(ping), b.LocalAddr()); err != nil {
			return err
		}
		if hears(b, buf, ping) && hears(a, buf, pong) {
			return nil
		}
	}
	return errors.New("an address was given, and no packet came through it")
}

func hears(c net.PacketConn, buf []byte, want string) bool {
	for end := time.Now().Add(again); time.Now().Before(end); {
		c.SetReadDeadline(end)
		if n, _, err := c.ReadFrom(buf); err == nil && string(buf[:n]) == want {
			return true
		}
	}
	return false
}

// code is the error code of a TURN answer, 0 when there was none.
func code(err error) stun.ErrorCode {
	var te *stun.TurnError
	if errors.As(err, &te) {
		return te.ErrorCodeAttr.Code
	}
	return 0
}

func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// codeHint says what an error code of a relay means for its operator.
func codeHint(c stun.ErrorCode, where string) string {
	switch c {
	case stun.CodeUnauthorized:
		return "the relay at " + where + " refuses credentials that this Parley signed: does another server answer there, or was relay.secrets_file changed? `systemctl reload parley` reads it again"
	case stun.CodeAllocQuotaReached:
		return "a quota is used up: relay.max_allocations_per_user or relay.max_allocations_per_address"
	case stun.CodeInsufficientCapacity:
		return "the relay is full, is stopping or has used up its budget: relay.max_allocations, relay.ports, relay.monthly_budget"
	case stun.CodeForbidden:
		return "the relay refuses its own address as a peer: relay.external_ip must be the address that it has"
	}
	return "the server's log says more"
}
