package signaling

import (
	"encoding/json"
	"strings"
	"time"
)

// startFields is call.start. With room it adds a person to a room that the
// caller is in.
type startFields struct {
	To    toFields    `json:"to"`
	Room  string      `json:"room"`
	Media mediaFields `json:"media"`
}

// toFields names who is called, in one of three ways.
type toFields struct {
	User string `json:"user"`
	Name string `json:"name"`
	Peer string `json:"peer"`
}

// UnmarshalJSON takes these names as they are spelled.
func (f *toFields) UnmarshalJSON(b []byte) error {
	type plain toFields
	return unmarshalExact(b, (*plain)(f))
}

// started is the answer to call.start. merged: the other one was calling too,
// and the call is his.
type started struct {
	Call    string `json:"call"`
	Room    string `json:"room"`
	Expires int64  `json:"expires"`
	Merged  bool   `json:"merged,omitempty"`
}

// startCall handles call.start.
func (h *Hub) startCall(p *peer, m *message) error {
	f, err := decode[startFields](m)
	if err != nil {
		return err
	}
	who := p.identity()
	if who.Room != nil {
		return refuse("forbidden", "Your invitation is for one room only.")
	}
	callee, err := h.callee(p, f)
	if err != nil {
		return err
	}
	if f.Room != "" {
		r, err := h.mayAddTo(p, m)
		if err != nil {
			return err
		}
		_, err = h.calls.start(p, m, callee, r, json.RawMessage(f.Media), false)
		return err
	}
	return h.callAnew(p, m, callee, json.RawMessage(f.Media))
}

// callAnew calls into a room of the call's own, unless the callee is calling.
func (h *Hub) callAnew(p *peer, m *message, callee callee, media json.RawMessage) error {
	if err := p.mayEnterMore(); err != nil {
		return err
	}
	if c := h.calls.takeMutual(p, m, callee.user); c != nil {
		h.joinMutual(p, c)
		return nil
	}
	r, err := h.privateRoom(p, kindCall)
	if err != nil {
		return err
	}
	mutual, err := h.calls.start(p, m, callee, r, media, true)
	if err != nil || mutual != nil {
		h.dissolve(r, p)
	}
	if mutual != nil {
		h.joinMutual(p, mutual)
	}
	return err
}

// joinMutual lets p, who was answered as if his own call had been accepted,
// into the room of the other one's call.
func (h *Hub) joinMutual(p *peer, c *call) {
	h.joinCall(p, c, entry{introduce: true, answer: func([]byte, int) { // who fails hears it in call.end
		p.push("call.update", callUpdate(c.id, "accepted"))
	}})
}

// callee is who is called.
type callee struct {
	user   string
	tabs   []*peer
	single bool
}

// callee finds who is called and whether he may be.
func (h *Hub) callee(p *peer, f startFields) (callee, error) {
	c, status, err := h.findCallee(f)
	if err != nil {
		return c, err
	}
	switch {
	case c.user == p.user:
		return c, refuse("self", "That is you.")
	case status == "offline":
		h.missedAtOnce(c.user, p, endOffline)
		return c, refuse("user_offline", "That person is not online.")
	case status == "dnd":
		h.missedAtOnce(c.user, p, "dnd")
		return c, refuse("dnd", "That person does not want to be disturbed.")
	}
	return c, nil
}

func (h *Hub) missedAtOnce(user string, p *peer, result string) {
	h.stats.called(result)
	h.miss(user, p.identity())
}

// findCallee resolves to, and says how the person is.
func (h *Hub) findCallee(f startFields) (c callee, status string, err error) {
	switch {
	case f.To.Peer != "":
		return h.calleeByPeer(f.To.Peer)
	case f.To.User != "":
		c.user = f.To.User
	case f.To.Name != "":
		c.user = h.userByName(f.To.Name)
	default:
		return c, "", fault("bad_message", "to holds a user, a name or a peer.")
	}
	c.tabs, status = h.tabsOf(c.user)
	if status != "offline" || h.known(c.user) {
		return c, status, nil
	}
	return c, "", refuse("unknown_user", "Nobody here has that name.")
}

// calleeByPeer finds one tab; when it is gone nobody can say whose it was.
func (h *Hub) calleeByPeer(id string) (c callee, status string, err error) {
	h.mu.Lock()
	p := h.peers[id]
	h.mu.Unlock()
	if p == nil || !p.presence().listed {
		return c, "", refuse("user_offline", "That person is not online.")
	}
	_, status = h.tabsOf(p.user)
	return callee{user: p.user, tabs: []*peer{p}, single: true}, status, nil
}

// userByName finds a user by a typed name, online first; "" when there is none.
func (h *Hub) userByName(name string) string {
	key := h.opt.NameKey(name)
	account, ok := h.opt.Lookup(name)
	if ok {
		return account
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for user, a := range h.accounts {
		if a.key == key {
			return user
		}
	}
	return ""
}

// known reports whether a user who is not online exists, as far as anyone can
// say: of a guest nothing is kept.
func (h *Hub) known(user string) bool {
	if !isAccount(user) {
		return strings.HasPrefix(user, "g_")
	}
	account, ok := h.opt.Lookup(strings.TrimPrefix(user, "u_"))
	return ok && account == user
}

func isAccount(user string) bool { return strings.HasPrefix(user, "u_") }

// tabsOf returns the tabs of a user at which he can be called, and his status.
func (h *Hub) tabsOf(user string) (tabs []*peer, status string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[user]
	if a == nil {
		return nil, "offline"
	}
	for _, p := range a.peers {
		if p.presence().listed {
			tabs = append(tabs, p)
		}
	}
	return tabs, h.personLocked(a).Status
}

// mayAddTo judges the room into which a person is to be added. Of a name that
// the server made, who is not in the room hears the same whether there is one.
func (h *Hub) mayAddTo(p *peer, m *message) (*room, error) {
	r, err := h.roomOf(m)
	if err == nil {
		err = r.mayAdd(p)
	}
	if name, _ := rawString(m.room); err != nil && generated(string(name)) && asRefusal(err).code == errNotInRoom().code {
		err = errNoRoom()
	}
	return r, err
}

// mayAdd: in a call everybody may add people, in a room with a door its host.
func (r *room) mayAdd(p *peer) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.memberLocked(p) == nil:
		return errNotInRoom()
	case len(r.members)+len(r.places) >= r.max:
		return refuse("room_full", "This room is full.")
	case r.kind == kindLink && (r.locked || r.pass != nil):
		return r.mustHostLocked(p)
	}
	return nil
}

// start puts a call into the book, answers the caller and rings. When the
// callee has called meanwhile, his call is returned instead, taken by p.
func (b *callBook) start(p *peer, m *message, to callee, r *room, media json.RawMessage, merge bool) (*call, error) {
	from := r.objectOf(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	if merge {
		if c := b.takeMutualLocked(p, m, to.user); c != nil {
			return c, nil
		}
	}
	mine, his := 0, 0
	for _, c := range b.byID {
		switch {
		case c.user == to.user && (c.caller.user == p.user):
			return nil, refuse("busy", "You are calling that person already.")
		case c.caller == p:
			mine++
		case c.user == to.user:
			his++
		}
	}
	if mine >= b.hub.opt.RoomMax {
		return nil, refuse("rate_limited", "You are calling too many people at once.")
	}
	if his >= maxRings {
		return nil, refuse("busy", "Too many people are calling that person.")
	}
	life := b.hub.opt.RingTimeout
	c := &call{id: newID(callPrefix), room: r, caller: p, user: to.user, from: from, media: media,
		expires: m.now.Add(life + time.Second - 1).Unix(), targets: to.tabs, single: to.single}
	b.byID[c.id] = c
	c.timer = time.AfterFunc(life, func() { b.timeout(c) })
	p.answer(m, started{c.id, r.name, c.expires, false})
	for _, tab := range c.targets {
		tab.push("call.ring", c.ring())
	}
	return nil, nil
}

// takeMutual accepts the call that user is making to p's, if there is one.
func (b *callBook) takeMutual(p *peer, m *message, user string) *call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.takeMutualLocked(p, m, user)
}

func (b *callBook) takeMutualLocked(p *peer, m *message, user string) *call {
	for _, c := range b.byID {
		if c.user == p.user && c.caller.user == user && !c.taken {
			p.answer(m, started{c.id, c.room.name, c.expires, true})
			c.takeLocked()
			return c
		}
	}
	return nil
}
