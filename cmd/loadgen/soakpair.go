//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/stun/v3"
	"github.com/pion/turn/v4"
)

// soakCounts is what all pairs did and lost.
type soakCounts struct {
	calls, killed, excused, troubles atomic.Int64
	signals, signalsHeard            atomic.Int64
	packets, packetsHeard            atomic.Int64
}

func (c *soakCounts) String() string {
	return fmt.Sprintf("%d calls (%d of them killed), %d refused in %d troubles, %d signals (%d lost), %d packets (%d lost)",
		c.calls.Load(), c.killed.Load(), c.excused.Load(), c.troubles.Load(), c.signals.Load(), c.signals.Load()-c.signalsHeard.Load(),
		c.packets.Load(), c.packets.Load()-c.packetsHeard.Load())
}

// explain compares what was lost with what the server and the kernel have
// counted as dropped. Signals are never lost.
func (c *soakCounts) explain(dropped int64) error {
	lost := c.packets.Load() - c.packetsHeard.Load()
	known := dropped + udpOverflows()
	switch {
	case c.calls.Load() == 0 || c.packetsHeard.Load() == 0:
		return errors.New("nobody called anybody")
	case c.signals.Load() != c.signalsHeard.Load():
		return fmt.Errorf("%d signals were lost", c.signals.Load()-c.signalsHeard.Load())
	case lost > known:
		return fmt.Errorf("%d packets were lost, and %d are accounted for", lost, known)
	}
	return nil
}

// soakPair is two people who call each other; each keeps one login.
type soakPair struct {
	*soaker
	i      int
	people [2]soakPerson
}

type soakPerson struct {
	token string
	key   string
}

// One call: how long at least and at most, how often packets and signals go.
const (
	shortestCall   = 2 * time.Second
	longestCall    = 8 * time.Second
	packetEvery    = 20 * time.Millisecond
	packetsASignal = 8
	lastArrival    = 2 * time.Second
)

// call is one call of the pair, from the sockets to the end.
func (p *soakPair) call(ctx context.Context, n int) error {
	var legs [2]*soakLeg
	defer func() {
		for _, l := range legs {
			if l != nil {
				l.close()
			}
		}
	}()
	room := fmt.Sprintf("soak-%d-%d", p.i, n)
	for side := range legs {
		l, err := p.open(ctx, side, room)
		if err != nil {
			return err
		}
		legs[side] = l
	}
	if err := legs[0].meet(legs[1]); err != nil {
		return err
	}
	end := time.Now().Add(shortestCall + rand.N(longestCall-shortestCall))
	if err := exchangeUntil(ctx, legs, end); err != nil {
		return err
	}
	if rand.N(4) == 0 { // a client that is killed says nothing
		p.count.killed.Add(1)
		legs[rand.N(2)].kill()
	}
	p.tally(legs)
	return nil
}

// tally waits for what is under way and counts.
func (p *soakPair) tally(legs [2]*soakLeg) {
	p.count.calls.Add(1)
	for side, l := range legs {
		other := legs[1-side]
		for end := time.Now().Add(lastArrival); time.Now().Before(end) && !l.killed.Load() && (l.packets.Load() < other.sentPackets || l.signals.Load() < other.sentSignals); {
			time.Sleep(10 * time.Millisecond)
		}
		if l.killed.Load() {
			continue // what was on its way to it is nobody's loss
		}
		p.count.packets.Add(other.sentPackets)
		p.count.packetsHeard.Add(l.packets.Load())
		p.count.signals.Add(other.sentSignals)
		p.count.signalsHeard.Add(l.signals.Load())
	}
}

// soakLeg is one side of a call: a socket and a relay.
type soakLeg struct {
	ws      *websocket.Conn
	client  *turn.Client
	relayed net.PacketConn
	under   net.Conn
	packets atomic.Int64 // heard
	signals atomic.Int64 // heard
	killed  atomic.Bool
	wg      sync.WaitGroup

	room, self, partner      string
	id                       int
	sentPackets, sentSignals int64
}

// open signs in once, and opens socket and relay of one side.
func (p *soakPair) open(ctx context.Context, side int, room string) (*soakLeg, error) {
	who := &p.people[side]
	if who.token == "" {
		if err := p.signIn(ctx, side); err != nil {
			return nil, err
		}
	}
	l := &soakLeg{room: room}
	if err := l.join(p.server.web, who); err != nil {
		l.close()
		return nil, fmt.Errorf("socket: %w", err)
	}
	if err := l.allocate(ctx, p.server.web, who); err != nil {
		l.close()
		return nil, fmt.Errorf("relay: %w", err)
	}
	return l, nil
}

func (p *soakPair) signIn(ctx context.Context, side int) error {
	body := fmt.Sprintf(`{"name":"soak %d %d"}`, p.i, side)
	var got struct{ Token string }
	if err := askJSON(ctx, http.MethodPost, "http://"+p.server.web+"/login", "", body, &got); err != nil {
		return fmt.Errorf("login: %w", err)
	}
	p.people[side] = soakPerson{got.Token, fmt.Sprintf("%032x", 1+2*p.i+side)}
	return nil
}

func askJSON(ctx context.Context, method, url, token, body string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := (&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

// join opens the socket and enters the room.
func (l *soakLeg) join(addr string, who *soakPerson) (err error) {
	d := websocket.Dialer{HandshakeTimeout: patience, Subprotocols: []string{"parley.v1"}}
	l.ws, _, err = d.Dial("ws://"+addr+"/ws", http.Header{"Authorization": {"Bearer " + who.token}})
	if err != nil {
		return err
	}
	for _, frame := range []string{
		fmt.Sprintf(`{"t":"hello","v":[1],"key":%q}`, who.key),
		fmt.Sprintf(`{"t":"room.join","id":1,"room":%q,"create":true}`, l.room),
	} {
		if err := l.ws.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
			return err
		}
	}
	l.id = 1
	for {
		var f parleyFrame
		if err := l.ws.ReadJSON(&f); err != nil {
			return err
		}
		switch f.T {
		case "welcome":
			l.self = f.You.Peer
		case "error":
			return errors.New(f.Code)
		case "ok":
			return nil
		}
	}
}

// allocate makes a relayed address over UDP or TCP.
func (l *soakLeg) allocate(ctx context.Context, addr string, who *soakPerson) error {
	var conf struct {
		ICEServers []struct {
			URLs                 []string
			Username, Credential string
		}
	}
	if err := askJSON(ctx, http.MethodGet, "http://"+addr+"/ice-config", who.token, "", &conf); err != nil {
		return err
	}
	relay := conf.ICEServers[len(conf.ICEServers)-1]
	at, _, _ := strings.Cut(strings.TrimPrefix(relay.URLs[0], "turn:"), "?")
	network := []string{"udp", "tcp"}[rand.N(2)]
	for {
		err := l.allocateOver(network, at, relay.Username, relay.Credential)
		var te *stun.TurnError
		if !errors.As(err, &te) || te.ErrorCodeAttr.Code != stun.CodeAllocMismatch {
			return err
		}
		// The kernel gave us the port of a client that was killed, whose relay
		// lives on: RFC 8656 section 7.4 has clients take another one.
		l.client.Close()
		l.under.Close()
	}
}

func (l *soakLeg) allocateOver(network, at, user, pass string) error {
	under, err := net.DialTimeout(network, at, patience)
	if err != nil {
		return err
	}
	l.under = under
	conn := net.PacketConn(turn.NewSTUNConn(under))
	if network == "udp" {
		conn = connected{under}
	}
	l.client, err = turn.NewClient(&turn.ClientConfig{TURNServerAddr: at, Conn: conn, Username: user, Password: pass, RTO: time.Second})
	if err != nil {
		return err
	}
	if err := l.client.Listen(); err != nil {
		return err
	}
	l.relayed, err = l.client.Allocate()
	return err
}

// connected is a UDP socket with one other end, as a net.PacketConn.
type connected struct{ net.Conn }

func (c connected) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, c.RemoteAddr(), err
}

func (c connected) WriteTo(b []byte, _ net.Addr) (int, error) { return c.Write(b) }

// meet makes permissions on both sides and starts listening.
func (l *soakLeg) meet(other *soakLeg) error {
	l.partner, other.partner = other.self, l.self
	for _, x := range [][2]*soakLeg{{l, other}, {other, l}} {
		// The first packet waits for the permission; it is not counted.
		if _, err := x[0].relayed.WriteTo([]byte("open"), x[1].relayed.LocalAddr()); err != nil {
			return fmt.Errorf("permission: %w", err)
		}
	}
	for _, x := range []*soakLeg{l, other} {
		x.wg.Go(x.hearPackets)
		x.wg.Go(x.hearSignals)
	}
	return nil
}

func (l *soakLeg) hearPackets() {
	for b := make([]byte, 1500); ; {
		n, _, err := l.relayed.ReadFrom(b)
		if err != nil {
			return
		}
		if bytes.HasPrefix(b[:n], []byte("soak")) {
			l.packets.Add(1)
		}
	}
}

func (l *soakLeg) hearSignals() {
	for {
		var f parleyFrame
		if err := l.ws.ReadJSON(&f); err != nil {
			return
		}
		if f.T == "signal" {
			l.signals.Add(1)
		}
	}
}

var errInCall = errors.New("a call under way broke")

// exchangeUntil sends packets and signals both ways. A call that is under way
// must not break, whatever befalls the server.
func exchangeUntil(ctx context.Context, legs [2]*soakLeg, end time.Time) error {
	packet := append([]byte("soak"), make([]byte, 800)...)
	for n := 1; time.Now().Before(end) && ctx.Err() == nil; n++ {
		for side, l := range legs {
			if _, err := l.relayed.WriteTo(packet, legs[1-side].relayed.LocalAddr()); err != nil {
				return fmt.Errorf("%w: %w", errInCall, err)
			}
			l.sentPackets++
			if n%packetsASignal != 0 {
				continue
			}
			l.id++
			frame := fmt.Sprintf(`{"t":"signal","id":%d,"room":%q,"to":%q,"data":{"n":%d}}`, l.id, l.room, l.partner, n)
			if err := l.ws.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
				return fmt.Errorf("%w: %w", errInCall, err)
			}
			l.sentSignals++
		}
		time.Sleep(packetEvery)
	}
	return nil
}

// kill ends a side as a crash does: nothing is said to anybody.
func (l *soakLeg) kill() {
	l.killed.Store(true)
	l.under.Close()
	l.ws.NetConn().Close()
}

func (l *soakLeg) close() {
	if l.relayed != nil {
		l.relayed.Close()
	}
	if l.client != nil {
		l.client.Close()
	}
	if l.under != nil {
		l.under.Close()
	}
	if l.ws != nil {
		l.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
		l.ws.Close()
	}
	l.wg.Wait()
}
