package doctor

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/stun/v3"
)

func (v *visitor) stun(ctx context.Context) Result {
	list, err := v.endpoints(ctx, "stun")
	switch {
	case v.ice == nil:
		return Result{}
	case err != nil:
		return fail("correct the host in relay.urls or http.public_url", "%v", err)
	case len(list) == 0:
		return warn("add a stun: address to relay.urls", "the server names no STUN server: calls take the relay where they could be direct")
	}
	for _, e := range list {
		if _, err := v.publicAddress(ctx, e); err != nil {
			return v.silentUDP(ctx, e, err)
		}
	}
	v.udp = true
	return ok("udp/%s answers", list[0].port())
}

// publicAddress asks for this machine's address as the server sees it.
func (v *visitor) publicAddress(ctx context.Context, e endpoint) (netip.AddrPort, error) {
	c, err := net.Dial("udp", e.at.String())
	if err != nil {
		return netip.AddrPort{}, err
	}
	defer c.Close()
	return bindingUDP(ctx, c)
}

// silentUDP tells a server that is not there from one whose UDP is lost.
func (v *visitor) silentUDP(ctx context.Context, e endpoint, err error) Result {
	if tcpAnswers(ctx, e.at.String()) {
		v.tcp = true
		return fail(fmt.Sprintf("the firewall or the container publishes only TCP: open udp/%s (for a container `-p %s:%s/udp`). If the server is fine from elsewhere, this network blocks UDP", e.port(), e.port(), e.port()),
			"udp/%s gives no answer, tcp/%s does", e.port(), e.port())
	}
	return fail(fmt.Sprintf("open udp/%s and tcp/%s in the firewall; relay.listen must be \":%s\"; %s must lead to the server", e.port(), e.port(), e.port(), e.host),
		"neither udp/%s nor tcp/%s answers at %s (%v)", e.port(), e.port(), e.at.Addr(), err)
}

func (v *visitor) relayTCP(ctx context.Context) Result { return v.relay(ctx, "tcp") }
func (v *visitor) relayTLS(ctx context.Context) Result { return v.relay(ctx, "tls") }
func (v *visitor) relayUDP(ctx context.Context) Result { return v.relay(ctx, "udp") }

// relay makes two relayed addresses over one transport and has them talk.
func (v *visitor) relay(ctx context.Context, transport string) Result {
	if r, ok := v.hasRelay(); !ok {
		return r
	}
	list, err := v.endpoints(ctx, transport)
	switch {
	case err != nil:
		return fail("correct the host in relay.urls or http.public_url", "%v", err)
	case len(list) == 0:
		return untried("the server names no relay over %s; networks that let only that pass are left out", label(transport))
	}
	for _, e := range list {
		if _, err := v.way(e).echo(ctx); err != nil {
			return v.noRelay(e, err)
		}
		v.tcp = v.tcp || transport != "udp"
	}
	return ok("an echo went through %s", list[0].url)
}

// hasRelay is false, with the result to give, for a login without a relay. What
// the login or the ICE configuration has said already is not said again.
func (v *visitor) hasRelay() (Result, bool) {
	if v.ice == nil {
		return Result{}, false
	}
	given := slices.ContainsFunc(v.ice, func(s iceServer) bool { return s.Username != "" })
	return Result{}, given
}

func (v *visitor) way(e endpoint) way {
	tls := v.tlsConfig()
	tls.ServerName = e.host
	return way{e.transport, e.at.String(), tls, e.name, e.pass}
}

func label(transport string) string {
	return map[string]string{"udp": "UDP", "tcp": "TCP", "tls": "TLS"}[transport]
}

func (v *visitor) noRelay(e endpoint, err error) Result {
	where := map[string]string{"udp": "udp/"}[e.transport]
	if where == "" {
		where = "tcp/"
	}
	where += e.port()
	switch {
	case code(err) != 0:
		return fail(codeHint(code(err), e.at.String()), "%s: %v", e.url, err)
	case e.transport == "udp" && v.tcp && !v.udp:
		return fail("the firewall or the container publishes only TCP: open udp/"+e.port(), "%s gives no answer, the relay over TCP does", where)
	case refused(err):
		return fail("relay.listen must be open to others: \":"+e.port()+"\"", "%s is closed at %s", where, e.at.Addr())
	}
	return fail("open "+where+" in the firewall", "%s: no relay (%v)", where, err)
}

// relayRange sends from a plain socket of this machine to a relayed address, as
// a peer that needs no relay does: what comes in there passes the relay's ports,
// which a firewall opens or forgets apart from 3478.
func (v *visitor) relayRange(ctx context.Context) Result {
	if r, ok := v.hasRelay(); !ok {
		return r
	}
	relay, ok := v.anyRelay(ctx)
	if !ok {
		return untried("no relay could be reached")
	}
	list, err := v.endpoints(ctx, "stun")
	if err != nil || len(list) == 0 || !v.udp {
		return untried("UDP between this machine and the server does not work")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*answerTime)
	defer cancel()
	s, err := net.ListenPacket("udp", ":0")
	if err != nil {
		return untried("%v", err)
	}
	defer s.Close()
	// Asked with the socket that will knock: a NAT with several addresses gives
	// each socket one of them.
	public, err := bindingUDP(ctx, talk{s, net.UDPAddrFromAddrPort(list[0].at)})
	if err != nil {
		return untried("this machine's public address is not known: %v", err)
	}
	a, err := relay.allocate(ctx)
	if err != nil {
		return untried("no relayed address: %v", err)
	}
	defer a.close()
	return v.knock(ctx, a, s, public)
}

// talk is a socket that talks with one address among others.
type talk struct {
	net.PacketConn
	with net.Addr
}

func (t talk) Write(b []byte) (int, error) { return t.WriteTo(b, t.with) }

func (t talk) Read(b []byte) (int, error) {
	n, _, err := t.ReadFrom(b)
	return n, err
}

// anyRelay prefers UDP, over which most people come.
func (v *visitor) anyRelay(ctx context.Context) (way, bool) {
	for _, t := range []string{"udp", "tcp", "tls"} {
		if t == "udp" && !v.udp || t != "udp" && !v.tcp {
			continue
		}
		if list, err := v.endpoints(ctx, t); err == nil && len(list) > 0 {
			return v.way(list[0]), true
		}
	}
	return way{}, false
}

// knock sends from s, which others see as public, to the relayed address until a
// packet comes out at the relay's client, and has that answer.
func (v *visitor) knock(ctx context.Context, a *allocation, s net.PacketConn, public netip.AddrPort) Result {
	// The permission that this makes is for the address, whatever the port.
	if _, err := a.WriteTo([]byte("open"), net.UDPAddrFromAddrPort(public)); code(err) == stun.CodeForbidden {
		return untried("the server sees this machine at %s, a private or own address, to which its relay does not send; run this from another network", public.Addr())
	} else if err != nil {
		return untried("%v", err)
	}
	in, out := false, false
	for end := time.Now().Add(udpTime); time.Now().Before(end) && ctx.Err() == nil && !(in && out); {
		s.WriteTo([]byte("knock"), a.LocalAddr())
		var got bool
		got, out = answerKnock(a, s)
		in = in || got
	}
	return v.judgeRange(a.address(), in, out)
}

// answerKnock waits a moment for the knock at the relay's client, sends it back
// to where it came from, and waits for that at the socket.
func answerKnock(a *allocation, s net.PacketConn) (in, out bool) {
	buf := make([]byte, 100)
	a.SetReadDeadline(time.Now().Add(again))
	n, from, err := a.ReadFrom(buf)
	if err != nil {
		return false, false
	}
	a.WriteTo(buf[:n], from)
	return true, hears(s, buf, "knock")
}

func (v *visitor) judgeRange(relayed netip.AddrPort, in, out bool) Result {
	own := slices.Contains(v.addrs, relayed.Addr())
	switch {
	case in && out:
		return ok("packets from outside reach the relayed address %s", relayed.Addr())
	case in:
		return fail("the firewall must let the relay's packets out, to any address", "packets reach the relayed address, and none come back from it")
	case !own:
		return fail(fmt.Sprintf("set relay.external_ip to the address at which others reach the server, %s by its name; if it is right, open the UDP ports of relay.ports in the firewall", join(v.addrs)),
			"the relay announces %s, and nothing that is sent there arrives", relayed.Addr())
	}
	return fail("open the UDP ports of relay.ports (49152-65535 when not set) in the firewall, or publish them from the container; from a network that lets few UDP ports out it looks the same",
		"the relay range is closed: nothing sent to %s from outside arrives, so a call works only when both people use the relay", relayed)
}
