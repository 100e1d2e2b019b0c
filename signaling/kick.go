package signaling

// kickPeer handles room.kick.
func (h *Hub) kickPeer(p *peer, m *message) error {
	f, err := decode[struct {
		Peer string `json:"peer"`
	}](m)
	if err != nil {
		return err
	}
	r, err := h.roomOf(m)
	if err != nil {
		return err
	}
	target, c, err := r.kick(p, m, f.Peer)
	if err == nil {
		h.left(r, target, c)
	}
	return err
}

// kick removes and bars a member: his user, so that another tab does not help,
// but only the tab when the user is the host's own.
func (r *room) kick(p *peer, m *message, id string) (*peer, change, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.mustHostLocked(p); err != nil {
		return nil, change{}, err
	}
	target := r.memberByIDLocked([]byte(id))
	switch {
	case target == nil:
		return nil, change{}, errPeerGone()
	case target.peer == p:
		return nil, change{}, refuse("self", "Leave the room instead.")
	}
	if target.peer.user == p.user {
		note(&r.barred, id)
	} else {
		note(&r.barred, target.peer.user)
	}
	p.answer(m, nil)
	return target.peer, r.removeLocked(target.peer, reasonKicked), nil
}

func errPeerGone() *refusal { return refuse("peer_gone", "That person is no longer there.") }
