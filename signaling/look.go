package signaling

// inside is what somebody hears of a room before entering it.
type inside struct {
	Locked bool     `json:"locked"`
	Pass   bool     `json:"pass"`
	Full   bool     `json:"full"`
	Names  []string `json:"names"` // in the order in which they came
}

// lookRoom handles room.look: whom one would meet in a room, told in its lobby.
// It tells no more than entering would, so nothing of who is behind a door that
// is closed to the asker, and of calls and offers not that they are there.
func (h *Hub) lookRoom(p *peer, m *message) error {
	f, err := decode[struct {
		Room string `json:"room"`
	}](m)
	if err != nil {
		return err
	}
	if err := p.mayGoTo(f.Room); err != nil {
		return err
	}
	r := h.rooms.find([]byte(f.Room))
	if r == nil || r.kind != kindLink {
		return errNoRoom()
	}
	in, err := r.look(p)
	if err != nil {
		return err
	}
	p.answer(m, in)
	return nil
}

// look is what p may know of the room.
func (r *room) look(p *peer) (in inside, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return in, errNoRoom()
	}
	in = inside{Locked: r.locked, Pass: r.pass != nil, Names: []string{}}
	if err := r.judgeLocked(p, entry{}); err != nil {
		switch asRefusal(err).code {
		case "denied":
			return in, err
		case "room_full":
			in.Full = true
		default:
			return in, nil
		}
	}
	for _, m := range r.members {
		if m.peer != p {
			in.Names = append(in.Names, m.peer.identity().Name)
		}
	}
	return in, nil
}
