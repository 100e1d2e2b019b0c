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
// is closed to the asker, and of calls and offers not that they are there: like
// a room that is not there, they are empty. Nobody inside hears of it.
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
	in := inside{Names: []string{}}
	if r := h.rooms.find([]byte(f.Room)); r != nil && r.kind == kindLink {
		if err := r.look(p, &in); err != nil {
			return err
		}
	}
	p.answer(m, in)
	return nil
}

// look fills in what p may know of the room.
func (r *room) look(p *peer, in *inside) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	in.Locked, in.Pass = r.locked, r.pass != nil
	if err := r.judgeLocked(p, entry{}); err != nil {
		code := asRefusal(err).code
		in.Full = code == "room_full"
		if code == "denied" {
			return err
		}
		return nil
	}
	for _, m := range r.members {
		if m.peer != p {
			in.Names = append(in.Names, m.peer.identity().Name)
		}
	}
	return nil
}
