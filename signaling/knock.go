package signaling

import "slices"

const maxKnocks = 32 // that await an answer in one room

// knock is someone at the door.
type knock struct {
	peer *peer
	body []byte // the event for the host, kept for the next one
}

// knockRoom handles room.knock.
func (h *Hub) knockRoom(p *peer, m *message) error {
	f, err := decode[struct {
		Note string `json:"note"`
	}](m)
	if err != nil {
		return err
	}
	text, err := h.text(f.Note)
	if err != nil {
		return err
	}
	name, ok := rawString(m.room)
	if !ok {
		return fault("bad_message", "The field \"room\" is the name of a room.")
	}
	r := h.rooms.find(name)
	if r == nil {
		return errNoRoom()
	}
	if who := p.identity(); who.Room != nil && *who.Room != r.name {
		return refuse("forbidden", "Your invitation is for another room.")
	}
	return r.knock(p, m, text)
}

// knockFields is room.knock as the host hears it.
type knockFields struct {
	Room string     `json:"room"`
	Peer peerObject `json:"peer"`
	Note string     `json:"note,omitempty"`
}

// knock asks the host, or answers at once where nobody needs to be asked.
func (r *room) knock(p *peer, m *message, text string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.judgeLocked(p, entry{})
	code := ""
	if err != nil {
		code = asRefusal(err).code
	}
	switch {
	case r.closed:
		return errNoRoom()
	case code == "denied":
		return err
	case code != "room_locked" && code != "bad_password":
		p.answer(m, nil)
		p.push("room.admitted", admittedBody(r.name, true))
		return nil
	case slices.ContainsFunc(r.knocks, func(k knock) bool { return k.peer == p }):
		p.answer(m, nil)
		return nil
	case len(r.knocks) >= maxKnocks:
		return refuse("rate_limited", "Too many people are waiting at this door.")
	}
	k := knock{p, fields(knockFields{r.name, p.object(0, p.since.Unix()), text})}
	r.knocks = append(r.knocks, k)
	p.noteKnock(r, true)
	p.answer(m, nil)
	if host := r.memberByIDLocked([]byte(r.host)); host != nil {
		host.peer.push("room.knock", k.body)
	}
	return nil
}

// showKnocksLocked tells a host of those who wait since before it could hear.
func (r *room) showKnocksLocked(host *peer) {
	for _, k := range r.knocks {
		host.push("room.knock", k.body)
	}
}

// knockAgain is for a host who has lost what was queued for him.
func (r *room) knockAgain(p *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.host == p.id {
		r.showKnocksLocked(p)
	}
}

// dismissLocked answers all who wait, when nobody is left who could let them in.
func (r *room) dismissLocked() {
	for _, k := range r.knocks {
		k.peer.noteKnock(r, false)
		k.peer.push("room.admitted", admittedBody(r.name, false))
	}
	r.knocks = nil
}

// admitPeer handles room.admit.
func (h *Hub) admitPeer(p *peer, m *message) error {
	f, err := decode[struct {
		Peer  string `json:"peer"`
		Allow bool   `json:"allow"`
	}](m)
	if err != nil {
		return err
	}
	r, err := h.roomOf(m)
	if err != nil {
		return err
	}
	return r.admit(p, m, f.Peer, f.Allow)
}

func (r *room) admit(p *peer, m *message, id string, allow bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.mustHostLocked(p); err != nil {
		return err
	}
	at := slices.IndexFunc(r.knocks, func(k knock) bool { return k.peer.id == id })
	if at < 0 {
		return errPeerGone()
	}
	guest := r.knocks[at].peer
	r.knocks = slices.Delete(r.knocks, at, at+1)
	guest.noteKnock(r, false)
	if allow {
		note(&r.admitted, id)
	}
	p.answer(m, nil)
	guest.push("room.admitted", admittedBody(r.name, allow))
	return nil
}

func admittedBody(room string, allow bool) []byte {
	return fields(struct {
		Room  string `json:"room"`
		Allow bool   `json:"allow"`
	}{room, allow})
}

// departure is room.peer as the host hears it of who was never inside.
type departure struct {
	Room   string     `json:"room"`
	Ev     string     `json:"ev"`
	Peer   peerObject `json:"peer"`
	Reason string     `json:"reason"`
}

// forgetKnock takes back the knock of a peer that does not wait at the door
// any more, and tells the host. It reports whether there was one.
func (r *room) forgetKnock(p *peer, reason string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.endKnockLocked(p) {
		return false
	}
	if host := r.memberByIDLocked([]byte(r.host)); host != nil {
		host.peer.push("room.peer", fields(departure{r.name, "leave", p.object(0, p.since.Unix()), reason}))
	}
	return true
}

// endKnockLocked takes p off those who wait; false when it did not.
func (r *room) endKnockLocked(p *peer) bool {
	at := slices.IndexFunc(r.knocks, func(k knock) bool { return k.peer == p })
	if at < 0 {
		return false
	}
	r.knocks = slices.Delete(r.knocks, at, at+1)
	p.noteKnock(r, false)
	return true
}

// noteKnock keeps the peer's own list; the caller holds the room's lock.
func (p *peer) noteKnock(r *room, waiting bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.knocks = slices.DeleteFunc(p.knocks, func(o *room) bool { return o == r })
	if waiting {
		p.knocks = append(p.knocks, r)
	}
}
