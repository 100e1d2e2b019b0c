package signaling

// callFields is what all further messages about a call hold.
type callFields struct {
	Call   string  `json:"call"`
	Reason *string `json:"reason"`
	Note   string  `json:"note"`
}

func errCallOver() *refusal { return refuse("gone", "The call is over.") }

// ringingCall handles call.ringing.
func (h *Hub) ringingCall(p *peer, m *message) error {
	f, err := decode[callFields](m)
	if err != nil {
		return err
	}
	b := h.calls
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.atLocked(f.Call, p)
	if c == nil {
		return errCallOver()
	}
	p.answer(m, nil)
	if !c.rings {
		c.rings = true
		c.caller.push("call.update", callUpdate(c.id, "ringing"))
	}
	return nil
}

// atLocked returns an unanswered call to p's user.
func (b *callBook) atLocked(id string, p *peer) *call {
	c := b.byID[id]
	if c == nil || c.taken || c.user != p.user {
		return nil
	}
	return c
}

// acceptCall handles call.accept.
func (h *Hub) acceptCall(p *peer, m *message) error {
	f, err := decode[callFields](m)
	if err != nil {
		return err
	}
	if p.identity().Room != nil {
		return refuse("forbidden", "Your invitation is for one room only.")
	}
	if err := p.mayEnterMore(); err != nil {
		return err
	}
	c := h.calls.take(f.Call, p)
	if c == nil {
		return errCallOver()
	}
	return h.joinCall(p, c, entry{answer: func(snapshot []byte, mail int) {
		p.answer(m, joined{snapshot, mail})
	}})
}

// take makes p the one who accepts; of several tabs one wins.
func (b *callBook) take(id string, p *peer) *call {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.atLocked(id, p)
	if c != nil {
		c.takeLocked()
	}
	return c
}

// takeLocked keeps everybody else from answering. Nobody hears of it, and the
// call stays in the book, until it is known whether the room lets its taker in.
func (c *call) takeLocked() {
	c.taken = true
	c.timer.Stop()
}

// joinCall lets who has taken a call into its room, and tells both sides
// whether that went well.
func (h *Hub) joinCall(p *peer, c *call, e entry) error {
	c.room.invite(p.user)
	e.invited = true
	answer := e.answer
	e.answer = func(snapshot []byte, mail int) {
		c.accepted(p)
		answer(snapshot, mail)
	}
	err := h.enterRoom(c.room, p, e)
	h.calls.remove(c)
	if err != nil {
		c.failed(p)
		h.calls.close(c, endFailed)
		return err
	}
	h.stats.called("accepted")
	return nil
}

// accepted tells the caller, and has the callee's other tabs stop ringing. The
// call is taken.
func (c *call) accepted(p *peer) {
	c.caller.push("call.update", callUpdate(c.id, "accepted"))
	c.endAtOthers(p, fields(callEnd{Call: c.id, Reason: endElsewhere, By: p.id}))
}

// failed tells both sides, p among them, that p took the call in vain.
func (c *call) failed(p *peer) {
	body := fields(callEnd{Call: c.id, Reason: endFailed, By: p.id})
	c.caller.push("call.end", body)
	p.push("call.end", body)
	c.endAtOthers(p, body)
}

// endAtOthers tells the tabs that rang beside p. The call is taken.
func (c *call) endAtOthers(p *peer, body []byte) {
	for _, tab := range c.targets {
		if tab != p {
			tab.push("call.end", body)
		}
	}
}

func (b *callBook) remove(c *call) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.byID, c.id)
}

// invite lets a user in whatever the lock, now and later.
func (r *room) invite(user string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	note(&r.invited, user)
}

// declineCall handles call.decline.
func (h *Hub) declineCall(p *peer, m *message) error {
	f, err := decode[callFields](m)
	if err != nil {
		return err
	}
	end := callEnd{Reason: endDeclined, By: p.id}
	if f.Reason != nil {
		end.Reason = *f.Reason
	}
	if end.Reason != endDeclined && end.Reason != endBusy {
		return fault("bad_message", "reason is declined or busy.")
	}
	if end.Note, err = h.text(f.Note); err != nil {
		return err
	}
	c := h.calls.decline(p, m, f.Call, end)
	if c == nil {
		return errCallOver()
	}
	h.calls.close(c, end.Reason)
	return nil
}

func (b *callBook) decline(p *peer, m *message, id string, end callEnd) *call {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.atLocked(id, p)
	if c != nil {
		p.answer(m, nil)
		b.endLocked(c, end, p, endElsewhere)
	}
	return c
}

// cancelCall handles call.cancel.
func (h *Hub) cancelCall(p *peer, m *message) error {
	f, err := decode[callFields](m)
	if err != nil {
		return err
	}
	c := h.calls.cancel(p, m, f.Call)
	if c == nil {
		return errCallOver()
	}
	h.calls.close(c, endCancelled)
	return nil
}

func (b *callBook) cancel(p *peer, m *message, id string) *call {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.byID[id]
	if c == nil || c.taken || c.caller != p {
		return nil
	}
	p.answer(m, nil)
	b.endLocked(c, callEnd{Reason: endCancelled, By: p.id}, nil, "")
	return c
}
