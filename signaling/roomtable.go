package signaling

import (
	"slices"
	"sync"
	"time"
)

// roomTable finds rooms by name, and has those that are more than a name kept
// on disk.
type roomTable struct {
	hub *Hub

	mu     sync.RWMutex
	byName map[string]*room

	keepMu sync.Mutex // the fields below
	timer  *time.Timer
	armed  bool
	sweep  *time.Timer // forgets what nobody came back to after a restart
	saveMu sync.Mutex  // one writer of the file at a time
}

func (t *roomTable) init(h *Hub) {
	t.hub = h
	t.byName = map[string]*room{}
}

// find returns the room of that name, nil when there is none.
func (t *roomTable) find(name []byte) *room {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.byName[string(name)]
}

// add publishes a room; false when the name is taken.
func (t *roomTable) add(r *room) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byName[r.name] != nil {
		return false
	}
	t.byName[r.name] = r
	return true
}

// drop forgets a room that is closed.
func (t *roomTable) drop(r *room) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byName[r.name] == r {
		delete(t.byName, r.name)
	}
}

func (t *roomTable) all() []*room {
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := make([]*room, 0, len(t.byName))
	for _, r := range t.byName {
		all = append(all, r)
	}
	return all
}

func (t *roomTable) count() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.byName)
}

// newRoom makes a room that nobody knows yet.
func (h *Hub) newRoom(name, kind string) *room {
	return &room{hub: h, name: name, kind: kind, since: h.now(), max: h.opt.RoomMax, locked: kind != kindLink}
}

// privateRoom makes a room for a call or an offer with p in it. It is published
// but its name is known to nobody yet. Whether p may enter more is judged before.
func (h *Hub) privateRoom(p *peer, kind string) (*room, error) {
	r := h.newRoom(newID(roomPrefix), kind)
	r.invited = map[string]struct{}{p.user: {}}
	h.rooms.add(r)
	c, err := r.enter(p, entry{invited: true})
	h.settle(r, c)
	return r, err
}

// enterRoom lets p into a room by the rules.
func (h *Hub) enterRoom(r *room, p *peer, e entry) error {
	c, err := r.enter(p, e)
	h.settle(r, c)
	return err
}

// settle does what a change of a room asks for, with no lock held.
func (h *Hub) settle(r *room, c change) {
	if !c.done {
		return
	}
	if c.emptied {
		h.rooms.drop(r)
	}
	for _, p := range c.status {
		h.touch(p)
	}
	h.rooms.keep(r)
}

// leave takes p out of a room, and with it the calls and the offer into it.
func (h *Hub) leave(r *room, p *peer, reason string) bool {
	c := r.remove(p, reason)
	if c.done {
		h.left(r, p, c)
	}
	return c.done
}

func (h *Hub) left(r *room, p *peer, c change) {
	h.settle(r, c)
	h.calls.leftRoom(p, r)
	h.board.leftRoom(p, r)
}

// dissolve removes a private room in which p has always been alone, without an
// event: p hears of the call's or the offer's end.
func (h *Hub) dissolve(r *room, p *peer) {
	if c := r.removeAlone(p); c.done {
		h.settle(r, c)
	}
}

func (r *room) removeAlone(p *peer) (c change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.unusedLocked() {
		return c
	}
	return r.removeLocked(p, reasonLeft)
}

// unusedLocked reports whether nobody has ever joined who made a private room.
func (r *room) unusedLocked() bool {
	return r.kind != kindLink && len(r.members) == 1 && r.orders == 1
}

func (r *room) unused() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unusedLocked()
}

// mayEnterMore refuses a room beyond the limit per session.
func (p *peer) mayEnterMore() error { return p.mayEnterAbove(0) }

// mayEnterAbove is mayEnterMore for who leaves some rooms for it.
func (p *peer) mayEnterAbove(leaves int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.rooms)-leaves >= roomsPerPeer {
		return refuse("rate_limited", "You are in too many rooms. Leave one first.")
	}
	return nil
}

// noteRoom keeps the peer's own list; the caller holds the room's lock.
func (p *peer) noteRoom(r *room, in bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if in {
		p.rooms = append(p.rooms, r)
		return
	}
	p.rooms = slices.DeleteFunc(p.rooms, func(o *room) bool { return o == r })
}

// talk counts rooms in which the peer is with others.
func (p *peer) talk(by int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.talking += by
}
