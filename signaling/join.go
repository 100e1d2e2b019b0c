package signaling

import (
	"encoding/json"
)

// joinFields is room.join. What is in media is the client's own business.
type joinFields struct {
	Room   string      `json:"room"`
	Create bool        `json:"create"`
	Max    *int        `json:"max"`
	Pass   *string     `json:"pass"`
	Media  mediaFields `json:"media"`
}

// joined is what ok says of a room that was entered.
type joined struct {
	Room json.RawMessage `json:"room"`
	Mail int             `json:"mail,omitempty"`
}

// joinRoom handles room.join.
func (h *Hub) joinRoom(p *peer, m *message) error {
	f, err := decode[joinFields](m)
	if err != nil {
		return err
	}
	if err := p.mayGoTo(f.Room); err != nil {
		return err
	}
	e := entry{answer: func(snapshot []byte, mail int) {
		p.answer(m, joined{snapshot, mail})
	}}
	if f.Pass != nil && *f.Pass != "" {
		if wait := h.guesses.blocked(m.sock.addr, m.now); wait > 0 && h.asksPassword(f.Room) {
			return &refusal{code: "rate_limited", message: "Too many wrong passwords. Wait a moment.", retry: wait}
		}
		e.pass = h.passDigest(f.Room, *f.Pass)
	}
	err = h.joinByName(p, f, e)
	if err != nil && e.pass != nil && asRefusal(err).code == "bad_password" {
		h.guesses.failed(m.sock.addr, m.now)
	}
	return err
}

// mayGoTo judges the name of a room that p wants to come to.
func (p *peer) mayGoTo(room string) error {
	if !validRoom(room) {
		return fault("bad_message", "A room's name is 1 to 64 of letters, digits, . _ and -.")
	}
	if who := p.identity(); who.Room != nil && *who.Room != room {
		return refuse("forbidden", "Your invitation is for another room.")
	}
	return nil
}

// asksPassword reports whether there is such a room and it has a password: in any
// other, one that is sent is no guess.
func (h *Hub) asksPassword(name string) bool {
	r := h.rooms.find([]byte(name))
	if r == nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pass != nil
}

// joinByName enters a room, which it makes when it is not there and may be made.
func (h *Hub) joinByName(p *peer, f joinFields, e entry) error {
	for {
		r := h.rooms.find([]byte(f.Room))
		made := r == nil
		if made {
			var err error
			if r, err = h.makeRoom(f, e); err != nil {
				return err
			}
		}
		if !r.has(p) {
			if err := p.mayEnterMore(); err != nil {
				return err
			}
		}
		if made && !h.rooms.add(r) {
			continue
		}
		if made {
			e.invited = true // whoever was faster may have come with the wrong password
		}
		err := h.enterRoom(r, p, e)
		if err == nil {
			h.board.returned(r, p)
		}
		if err != errClosed {
			return err
		}
	}
}

// makeRoom makes the room that f asks for, not yet published.
func (h *Hub) makeRoom(f joinFields, e entry) (*room, error) {
	switch {
	case !f.Create || generated(f.Room):
		return nil, errNoRoom()
	case f.Room[0] == '.':
		return nil, fault("bad_message", "A room's name does not start with a dot.")
	}
	r := h.newRoom(f.Room, kindLink)
	if f.Max != nil {
		if err := h.judgeMax(*f.Max); err != nil {
			return nil, err
		}
		r.max = *f.Max
	}
	r.pass = e.pass
	return r, nil
}

func errNoRoom() *refusal { return refuse("not_found", "There is no such room.") }

func (h *Hub) judgeMax(n int) error {
	if n < 1 || n > h.opt.RoomMax {
		return fault("bad_message", "max is from 1 to the server's room_max.")
	}
	return nil
}

func (r *room) has(p *peer) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.memberLocked(p) != nil
}
