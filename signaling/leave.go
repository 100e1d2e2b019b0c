package signaling

// Why someone is no longer in a room.
const (
	reasonLeft    = "left"
	reasonTimeout = "timeout"
	reasonKicked  = "kicked"
	reasonMoved   = "moved" // the tab started a new session
)

// leaveRoom handles room.leave, of who is inside or at the door.
func (h *Hub) leaveRoom(p *peer, m *message) error {
	r, err := h.roomOf(m)
	if err != nil {
		return err
	}
	if !h.leave(r, p, reasonLeft) && !r.forgetKnock(p, reasonLeft) {
		return errNotInRoom()
	}
	p.answer(m, nil)
	return nil
}

// roomOf finds the room that a frame is about. For who is not in it, a room
// that is not there is the same.
func (h *Hub) roomOf(m *message) (*room, error) {
	name, ok := rawString(m.room)
	if !ok {
		return nil, fault("bad_message", "The field \"room\" is the name of a room.")
	}
	if r := h.rooms.find(name); r != nil {
		return r, nil
	}
	return nil, errNotInRoom()
}

func errNotInRoom() *refusal { return refuse("not_in_room", "You are not in that room.") }
