package signaling

import "slices"

// What a room's mailbox holds at most.
const (
	mailLetters = 64
	mailBytes   = 128 << 10
)

// passSignal handles signal: the one message that rooms are for, and the one
// that has to be cheap. It is not decoded; data goes on as it came.
func (h *Hub) passSignal(p *peer, m *message) error {
	to, ok := rawString(m.to)
	if !ok || m.data == nil {
		return fault("bad_message", "A signal needs room, to and data.")
	}
	r, err := h.roomOf(m)
	if err != nil {
		return err
	}
	if len(to) == 1 && to[0] == '*' {
		err = r.postSignal(p, m.data)
	} else {
		m.woken, err = r.sendSignal(p, to, m.data)
	}
	if err == nil {
		h.stats.signals.Add(1)
	}
	return err
}

// sendSignal passes data on to a member. It returns the socket that the caller
// has to write on when it holds no lock any more, if any.
func (r *room) sendSignal(p *peer, to, data []byte) (*socket, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.memberLocked(p) == nil {
		return nil, errNotInRoom()
	}
	m := r.memberByIDLocked(to)
	if m == nil || m.peer == p {
		return nil, errPeerGone()
	}
	e := newSignal(&r.hub.signals, signalSize(r.name, p.id, data))
	e.body = appendSignal(e.body, r.name, p.id, data)
	return m.peer.queue(e), nil
}

// postSignal keeps data for the first who joins. In the room of an offer that
// was just taken it goes to the taker: the poster cannot know yet. null takes
// back what was kept.
func (r *room) postSignal(p *peer, data []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.memberLocked(p) == nil:
		return errNotInRoom()
	case len(r.members) == 1 && string(data) == "null":
		r.mail = mailbox{}
		return nil
	case len(r.members) == 1:
		return r.mail.put(signalBody(r.name, p.id, data, true))
	case r.kind == kindOffer:
		r.tellLocked(p, "signal", signalBody(r.name, p.id, data, false))
		return nil
	}
	return refuse("bad_message", "You are not alone in that room. Name a peer in \"to\".")
}

// signalBody makes the body of a signal event for several, or for later.
func signalBody(room, from string, data []byte, replay bool) []byte {
	b := appendSignal(make([]byte, 0, signalSize(room, from, data)), room, from, data)
	if replay {
		b = append(b[:len(b)-1], `,"replay":true}`...)
	}
	return b
}

// signalSize is a little more than the size of a signal event's body.
func signalSize(room, from string, data []byte) int { return len(room) + len(from) + len(data) + 48 }

// appendSignal appends the body of a signal event.
func appendSignal(b []byte, room, from string, data []byte) []byte {
	b = append(append(b, `,"room":"`...), room...)
	b = append(append(b, `","from":"`...), from...)
	b = append(append(b, `","data":`...), data...)
	return append(b, '}')
}

// mailbox keeps the signals of who is alone in a room.
type mailbox struct {
	letters [][]byte
	bytes   int
}

func (b *mailbox) put(letter []byte) error {
	if len(b.letters) >= mailLetters || b.bytes+len(letter) > mailBytes {
		return refuse("too_big", "The mailbox of this room is full.")
	}
	b.letters = append(b.letters, letter)
	b.bytes += len(letter)
	return nil
}

// take empties the mailbox.
func (b *mailbox) take() [][]byte {
	letters := slices.Clip(b.letters)
	*b = mailbox{}
	return letters
}
