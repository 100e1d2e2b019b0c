package signaling

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/gorilla/websocket"
)

const protocolVersion = 1

// helloFields is the first frame of a client.
type helloFields struct {
	T     string  `json:"t"`
	V     []int   `json:"v"`
	Key   string  `json:"key"`
	Last  *uint64 `json:"last"`
	Name  *string `json:"name"`
	Token *string `json:"token"`
	Build string  `json:"build"` // of the page; judged like Lang, and nothing more yet
	Lang  string  `json:"lang"`
}

// hello reads the first frame and attaches the socket to a peer, or refuses it.
// The read deadline of the upgrade bounds it.
func (s *socket) hello() {
	hello, err := s.readHello()
	if err != nil {
		s.refuseHello(err)
		return
	}
	key, _ := parseTabKey(hello.Key)
	id, err := s.hub.opt.Identify(s.req, deref(hello.Token), deref(hello.Name), hello.Key)
	if err != nil {
		s.refuseHello(err)
		return
	}
	s.req = forICE(s.req)
	s.conn.SetReadDeadline(time.Time{})
	if err = s.hub.enterPeer(s, id, key, hello.Last); err != nil {
		s.refuseHello(err)
		return
	}
	if s.hub.opt.Ended(id.Login) {
		s.hub.EndLogin(id.Login)
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (s *socket) readHello() (hello helloFields, err error) {
	kind, raw, err := s.conn.ReadMessage()
	if err != nil || kind != websocket.TextMessage {
		return hello, refuse("bad_message", "The first frame is hello, within five seconds.")
	}
	var f frame
	if !splitFrame(raw, &f) || string(f.t) != `"hello"` {
		return hello, refuse("bad_message", "The first frame is hello.")
	}
	if err := f.unmarshal(&hello); err != nil {
		return hello, refuse("bad_message", explain(err))
	}
	if !slices.Contains(hello.V, protocolVersion) {
		return hello, refuse("version", "This server speaks version 1. Reload the page.")
	}
	if _, ok := parseTabKey(hello.Key); !ok {
		return hello, refuse("bad_message", "hello.key is 32 hex digits.")
	}
	return hello, nil
}

// enterPeer finds or makes the peer for hello and attaches s to it.
func (h *Hub) enterPeer(s *socket, id Identity, key tabKey, last *uint64) error {
	for {
		if err := h.tryEnter(s, id, key, last); err != errRaced {
			return err
		}
	}
}

// tryEnter resumes what the key has, or ends it and starts a session. It fails
// with errRaced when the key's session has changed meanwhile.
func (h *Hub) tryEnter(s *socket, id Identity, key tabKey, last *uint64) error {
	old := h.peerByKey(key)
	switch {
	case old == nil:
		return h.newPeer(s, id, key)
	case last != nil && old.user == id.User:
		return h.resume(old, s, id, *last)
	case old.user == id.User:
		h.end(old, reasonMoved, closeReplaced, byeFrame("replaced", 0))
	default:
		h.end(old, reasonLeft, closeReplaced, byeFrame("replaced", 0))
	}
	return h.newPeer(s, id, key)
}

// resume attaches s to a live session. Where too much was forgotten the peer
// keeps its rooms, but both counters start again.
func (h *Hub) resume(p *peer, s *socket, id Identity, last uint64) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	resumed, live := p.canResume(id, last)
	if !live {
		return errRaced
	}
	if err := p.hold(); err != nil {
		return err
	}
	p.setAway(false)
	if !resumed || !p.attach(s, last, h.welcome(p, s, true)) {
		h.unwatch(p)
		h.startOver(p)
		h.attachAnew(p, s)
	}
	h.touch(p)
	return nil
}

// attachAnew attaches s to a session that starts, or starts over: whatever is
// queued by now is new to the client.
func (h *Hub) attachAnew(p *peer, s *socket) {
	for !p.attach(s, 0, h.welcome(p, s, false)) {
		h.startOver(p)
	}
}

// hold reserves the user's name while the peer has a socket. The caller holds turn.
func (p *peer) hold() error {
	if p.holding {
		return nil
	}
	err := p.hub.holdName(p.account, p.identity())
	p.holding = err == nil
	return err
}

// canResume takes over a new login of the same user, and reports whether the
// frames after last are still there.
func (p *peer) canResume(id Identity, last uint64) (resumed, live bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return false, false
	}
	id.Name = p.who.Name
	p.who = id
	return p.out.holds(last), true
}

// startOver forgets what was queued for a session that lives, and queues anew
// what waits for its answer: the client cannot ask for that.
func (h *Hub) startOver(p *peer) {
	h.calls.startOver(p)
	for _, r := range p.inRooms() {
		r.knockAgain(p)
	}
}

// startOver makes both counters start again.
func (p *peer) startOver() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out = queue{}
	p.lastID.Store(0)
}

// newPeer starts a session.
func (h *Hub) newPeer(s *socket, id Identity, key tabKey) error {
	a, err := h.openAccount(id)
	if err != nil {
		return err
	}
	p := &peer{hub: h, id: h.peerID(id.User, key), key: key, user: id.User, account: a, since: h.now(), who: id}
	p.turn.Lock()
	defer p.turn.Unlock()
	if err = p.hold(); err == nil {
		err = h.register(p)
	}
	if err != nil {
		if p.holding {
			h.releaseName(a, id)
		}
		h.closeAccount(a)
		return err
	}
	defer func() {
		if p.away() { // the welcome panicked, and nobody would wait for its socket
			h.endPeer(p, reasonTimeout, 0, nil)
		}
	}()
	h.log.Info("A session started.", "peer", p.id, "user", p.user)
	h.attachAnew(p, s)
	h.calls.ringNew(p)
	h.touch(p)
	return nil
}

// welcomeFields is the answer to hello.
type welcomeFields struct {
	T        string            `json:"t"`
	V        int               `json:"v"`
	Resumed  bool              `json:"resumed"`
	LastID   int64             `json:"last_id"`
	You      you               `json:"you"`
	Epoch    string            `json:"epoch"`
	Build    string            `json:"build"`
	PingMS   int64             `json:"ping_ms"`
	GraceMS  int64             `json:"grace_ms"`
	ICE      json.RawMessage   `json:"ice"`
	Limits   limits            `json:"limits"`
	Features []string          `json:"features"`
	Missed   []missedCall      `json:"missed"`
	Rooms    []json.RawMessage `json:"rooms"`
}

type you struct {
	Peer  string   `json:"peer"`
	User  string   `json:"user"`
	Name  string   `json:"name"`
	Guest bool     `json:"guest"`
	Roles []string `json:"roles"`
	Relay bool     `json:"relay"`
	Room  *string  `json:"room"`
}

type limits struct {
	RoomMax    int   `json:"room_max"`
	MsgBytes   int   `json:"msg_bytes"`
	RingMS     int64 `json:"ring_ms"`
	OfferTTLMS int64 `json:"offer_ttl_ms"`
}

// welcome encodes the answer to hello. The caller holds turn and no other lock.
func (h *Hub) welcome(p *peer, s *socket, resumed bool) []byte {
	who := p.identity()
	w := welcomeFields{
		T: "welcome", V: protocolVersion, Resumed: resumed, LastID: p.lastID.Load(),
		You:   you{p.id, who.User, who.Name, who.Guest, append([]string{}, who.Roles...), who.Relay, who.Room},
		Epoch: h.epoch, Build: h.opt.Build,
		PingMS: h.opt.PingEvery.Milliseconds(), GraceMS: h.opt.ResumeWindow.Milliseconds(),
		ICE: h.ice(s, who),
		Limits: limits{h.opt.RoomMax, h.opt.MaxMessage,
			h.opt.RingTimeout.Milliseconds(), h.opt.OfferTTL.Milliseconds()},
		Features: h.features(who),
		Missed:   h.missed.of(p.user, h.now()),
		Rooms:    []json.RawMessage{},
	}
	for _, r := range p.inRooms() {
		if snap := r.snapshotFor(p); snap != nil {
			w.Rooms = append(w.Rooms, snap)
		}
	}
	b, err := json.Marshal(w)
	if err != nil {
		h.log.Error("A welcome could not be encoded.", "error", err)
	}
	return b
}

func (h *Hub) features(who Identity) []string {
	if h.sees(who) {
		return []string{"rooms", "calls", "offers", "users", "knock"}
	}
	return []string{"rooms", "calls", "offers", "knock"}
}
