package signaling

import "slices"

// account is a user who is online: all tabs of his. Guarded by Hub.mu.
type account struct {
	user, name string
	key        string // comparison form of the name
	guest      bool
	refs       int           // sessions, those being made included
	sockets    int           // sessions with a socket; the name is reserved while there are any
	busy       chan struct{} // closed by who has the name to himself, see seize
	peers      []*peer
	status     string // what was last set by me: "", available, away, dnd, in_call
}

// openAccount counts one more session of a user. In place of a session that
// only waits for its socket a new one is let in beyond the limit.
func (h *Hub) openAccount(id Identity) (*account, error) {
	for {
		a, spare := h.joinAccount(id, h.opt.NameKey(id.Name))
		if a != nil {
			return a, nil
		}
		if spare == nil {
			return nil, &refusal{code: "rate_limited", message: "You are signed in too many times. Close a tab.", retry: fullRetry}
		}
		h.end(spare, reasonTimeout, 0, nil)
	}
}

// joinAccount finds or makes the account and counts a session. At the limit it
// returns nil and a session without a socket, if there is one.
func (h *Hub) joinAccount(id Identity, key string) (a *account, spare *peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a = h.accounts[id.User]
	if a == nil {
		a = &account{user: id.User, name: id.Name, key: key, guest: id.Guest}
		h.accounts[id.User] = a
	}
	if a.refs < h.opt.MaxPerUser {
		a.refs++
		return a, nil
	}
	for _, p := range a.peers {
		if p.away() {
			return nil, p
		}
	}
	return nil, nil
}

// closeAccount counts one session less.
func (h *Hub) closeAccount(a *account) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.refs--; a.refs == 0 {
		delete(h.accounts, a.user)
	}
}

// seize waits until nobody else asks for the user's name outside of the
// package, and keeps others waiting until yield. No lock is held meanwhile.
func (h *Hub) seize(a *account) (sockets int, name string) {
	for {
		h.mu.Lock()
		busy := a.busy
		if busy == nil {
			a.busy = make(chan struct{})
			sockets, name = a.sockets, a.name
			h.mu.Unlock()
			return sockets, name
		}
		h.mu.Unlock()
		<-busy
	}
}

// yield ends what seize began; by changes the number of sessions with a socket.
func (h *Hub) yield(a *account, by int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a.sockets += by
	close(a.busy)
	a.busy = nil
}

// holdName counts a session with a socket. The first one reserves the name.
func (h *Hub) holdName(a *account, id Identity) error {
	sockets, name := h.seize(a)
	by := 0
	defer func() { h.yield(a, by) }()
	if sockets == 0 {
		id.Name = name
		if err := h.reserve(id); err != nil {
			return err
		}
	}
	by = 1
	return nil
}

// reserve is Options.HoldName, whose caller has to undo things when it fails.
func (h *Hub) reserve(id Identity) (err error) {
	err = asRefusal(nil) // what a panic leaves behind
	defer h.recovered("HoldName")
	err = h.opt.HoldName(id)
	return err
}

// releaseName counts a socket less. The last one gives up the name.
func (h *Hub) releaseName(a *account, id Identity) {
	sockets, name := h.seize(a)
	defer h.yield(a, -1)
	if sockets == 1 {
		defer h.recovered("ReleaseName")
		id.Name = name
		h.opt.ReleaseName(id)
	}
}

func (h *Hub) peerByKey(key tabKey) *peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.keys[key]
}

// register makes a new peer known.
func (h *Hub) register(p *peer) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return errDraining()
	case h.keys[p.key] != nil:
		return errRaced
	case len(h.peers) >= h.opt.MaxSessions:
		return errFull()
	}
	p.who.Name = p.account.name
	h.keys[p.key] = p
	h.peers[p.id] = p
	p.account.peers = append(p.account.peers, p)
	return nil
}

// errRaced is what the later of two sockets with one new key gets inside.
var errRaced = refuse("internal", "Another socket with this key was faster.")

// end ends a session that is not the caller's own.
func (h *Hub) end(p *peer, reason string, code int, bye []byte) {
	p.turn.Lock()
	defer p.turn.Unlock()
	h.endPeer(p, reason, code, bye)
}

// endPeer ends a session: its socket is closed with code and bye, its rooms
// hear reason. The caller holds turn.
func (h *Hub) endPeer(p *peer, reason string, code int, bye []byte) {
	rooms, knocks, live := p.close(code, bye)
	if !live {
		return
	}
	if p.holding {
		p.holding = false
		h.releaseName(p.account, p.identity())
	}
	h.calls.forget(p)
	h.board.forget(p)
	for _, r := range rooms {
		h.leave(r, p, reason)
	}
	for _, r := range knocks {
		r.forgetKnock(p, reason)
	}
	h.mu.Lock()
	delete(h.keys, p.key)
	delete(h.peers, p.id)
	delete(h.people.watchers, p)
	delete(h.board.watchers, p)
	p.account.peers = slices.DeleteFunc(p.account.peers, func(q *peer) bool { return q == p })
	h.mu.Unlock()
	h.touch(p)
	h.closeAccount(p.account)
	h.log.Info("A session ended.", "peer", p.id, "user", p.user, "reason", reason)
}

// close marks the session as ended and has its socket closed.
func (p *peer) close(code int, bye []byte) (rooms, knocks []*room, live bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return nil, nil, false
	}
	p.ended = true
	if p.grace != nil {
		p.grace.Stop()
	}
	if p.sock != nil {
		p.closeSocketLocked(p.sock, code, bye)
	}
	return slices.Clone(p.rooms), slices.Clone(p.knocks), true
}

// away reports whether the peer has no socket.
func (p *peer) away() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sock == nil
}

func (p *peer) stopGrace() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.grace != nil {
		p.grace.Stop()
	}
}
