package relay

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/pion/turn/v4"

	"parley/relay/dataplane"
)

// Names and limits between the guard and pion; no client ever sees them.
const (
	pionRealm = "internal"
	pionUser  = "guard"
	// pionLifetime is the longest that pion grants. The guard ends allocations
	// itself; pion's are renewed twice in this time.
	pionLifetime = 3599
	pionRenew    = pionLifetime / 2 * time.Second
	// pionNonceLife stays below the hour after which pion refuses its nonce.
	pionNonceLife = 30 * time.Minute
)

var errPionClosed = errors.New("the relay is closed")

// pionServer is pion/turn behind a virtual packet connection. It keeps those
// allocations that have had a permission or a channel. Requests go through it one
// at a time: the goroutine of pion's that reads is the control goroutine, on
// which they begin and end (two at once would race inside pion). Each allocation has a virtual client address of its own, so that no
// late deletion of one can hit another on the same five-tuple.
type pionServer struct {
	// set at construction
	turn *turn.Server
	conn *ctlConn
	key  []byte

	mu      sync.Mutex // one request at a time
	nonce   []byte
	nonceAt time.Time

	relays sync.Map // virtual address number -> *dataplane.Relay
}

// newPion starts pion. toClient takes the data packets that pion sends when it
// relays them itself; channelLife 0 is the default.
func newPion(toClient func(number uint64, frame []byte), channelLife time.Duration) (*pionServer, error) {
	p := &pionServer{key: make([]byte, 16)}
	_, _ = rand.Read(p.key) // never fails, see crypto/rand
	p.conn = &ctlConn{calls: make(chan *pionCall), closed: make(chan struct{}), ended: make(chan struct{}), toClient: toClient}
	var err error
	p.turn, err = turn.NewServer(turn.ServerConfig{
		Realm:        pionRealm,
		InboundMTU:   2 * maxFrame,
		AuthHandler:  func(string, string, net.Addr) ([]byte, bool) { return p.key, true },
		EventHandler: p.events(),

		ChannelBindTimeout: channelLife,
		PacketConnConfigs: []turn.PacketConnConfig{{
			PacketConn:            p.conn,
			RelayAddressGenerator: p.conn,
			PermissionHandler:     func(net.Addr, net.IP) bool { return true }, // judged by the guard, and per datagram
		}},
	})
	if err != nil {
		return nil, fmt.Errorf("start the allocation server: %w", err)
	}
	return p, nil
}

// events mirrors permissions and channels into the data plane. pion calls them
// under its own locks: they are short and never call pion.
func (p *pionServer) events() turn.EventHandler {
	return turn.EventHandler{
		OnPermissionCreated: func(src, _ net.Addr, _, _, _ string, _ net.Addr, peer net.IP) {
			p.withRelay(src, func(r *dataplane.Relay) { r.Permit(addrOf(peer)) })
		},
		OnPermissionDeleted: func(src, _ net.Addr, _, _, _ string, _ net.Addr, peer net.IP) {
			p.withRelay(src, func(r *dataplane.Relay) { r.Forbid(addrOf(peer)) })
		},
		OnChannelCreated: func(src, _ net.Addr, _, _, _ string, _, peer net.Addr, number uint16) {
			p.withRelay(src, func(r *dataplane.Relay) { r.Bind(number, addrPortOf(peer)) })
		},
		OnChannelDeleted: func(src, _ net.Addr, _, _, _ string, _, _ net.Addr, number uint16) {
			p.withRelay(src, func(r *dataplane.Relay) { r.Unbind(number) })
		},
	}
}

func (p *pionServer) withRelay(src net.Addr, f func(*dataplane.Relay)) {
	if r, ok := p.relays.Load(virtualNumber(src)); ok {
		f(r.(*dataplane.Relay))
	}
}

// request passes one request to pion and returns the error code of its answer,
// 0 for success. relay is what an Allocate gets.
func (p *pionServer) request(number uint64, m method, relay *relayConn, attrs func(*builder)) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	code, err := p.signedRequest(number, m, relay, attrs)
	if code == 438 { // the machine slept, or its clock was set
		p.nonce = nil
		code, err = p.signedRequest(number, m, relay, attrs)
	}
	return code, err
}

// signedRequest runs with mu held.
func (p *pionServer) signedRequest(number uint64, m method, relay *relayConn, attrs func(*builder)) (int, error) {
	if err := p.freshNonceLocked(); err != nil {
		return 0, err
	}
	w := newMessage(m, classRequest, transactionID())
	attrs(w)
	w.add(attrUsername, []byte(pionUser)).add(attrRealm, []byte(pionRealm)).add(attrNonce, p.nonce).sign(p.key)
	call := &pionCall{raw: w.b, from: virtualAddr(number), relay: relay}
	if err := p.conn.do(call); err != nil {
		return 0, err
	}
	return answerCode(call.answer)
}

// freshNonceLocked has pion issue a nonce by asking without credentials.
func (p *pionServer) freshNonceLocked() error {
	if p.nonce != nil && time.Since(p.nonceAt) < pionNonceLife {
		return nil
	}
	call := &pionCall{raw: newMessage(methodAllocate, classRequest, transactionID()).b, from: virtualAddr(0)}
	if err := p.conn.do(call); err != nil {
		return err
	}
	m, err := parse(call.answer, nil)
	if err != nil {
		return fmt.Errorf("ask the allocation server for a nonce: %w", err)
	}
	nonce, _ := m.get(attrNonce)
	p.nonce, p.nonceAt = bytes.Clone(nonce), time.Now()
	return nil
}

// data passes a data packet of a client through pion, for the engine of that name.
func (p *pionServer) data(number uint64, frame []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.conn.do(&pionCall{raw: frame, from: virtualAddr(number)}) // closing: the packet is lost
}

// close ends pion's goroutine.
func (p *pionServer) close() error {
	err := p.turn.Close()
	<-p.conn.ended
	return err
}

// answerCode returns the error code of an answer, 0 for success.
func answerCode(raw []byte) (int, error) {
	m, err := parse(raw, nil)
	if err != nil {
		return 0, fmt.Errorf("read the allocation server's answer: %w", err)
	}
	if m.class == classSuccess {
		return 0, nil
	}
	if v, ok := m.get(attrErrorCode); ok && len(v) >= 4 {
		return int(v[2]&7)*100 + int(v[3]), nil
	}
	return 400, nil
}
