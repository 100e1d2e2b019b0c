package signaling

import "slices"

// meFields is me. A status lasts until the next one; in_call is also found out
// by the server.
type meFields struct {
	Name   *string `json:"name"`
	Status *string `json:"status"`
}

// changeMe handles me.
func (h *Hub) changeMe(p *peer, m *message) error {
	f, err := decode[meFields](m)
	if err != nil {
		return err
	}
	if f.Status != nil && !knownStatus(*f.Status) {
		return fault("bad_message", "status is available, away, dnd or in_call.")
	}
	if f.Name != nil {
		if err := h.rename(p, *f.Name); err != nil {
			return err
		}
	}
	if f.Status != nil {
		h.setStatus(p, *f.Status)
	}
	h.touch(p)
	p.answer(m, struct {
		Name string `json:"name"`
	}{p.identity().Name})
	return nil
}

func knownStatus(s string) bool {
	return s == "available" || s == "away" || s == "dnd" || s == "in_call"
}

// setStatus notes a status: being away is the tab's, the others are the user's.
func (h *Hub) setStatus(p *peer, status string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.setIdle(status == "away")
	p.account.status = status
}

func (p *peer) setIdle(idle bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = idle
}

// rename changes the name of the user in all tabs, and tells their rooms.
func (h *Hub) rename(p *peer, name string) error {
	_, old := h.seize(p.account)
	defer h.yield(p.account, 0)
	if name == old {
		return nil
	}
	renamed, err := h.opt.Rename(p.identity(), name)
	if err != nil {
		return err
	}
	for _, tab := range h.setName(p.account, renamed.Name, h.opt.NameKey(renamed.Name)) {
		for _, r := range tab.inRooms() {
			r.update(tab)
		}
	}
	return nil
}

// setName notes the user's name, and returns the tabs.
func (h *Hub) setName(a *account, name, key string) []*peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	a.name, a.key = name, key
	for _, tab := range a.peers {
		tab.setName(name)
	}
	return slices.Clone(a.peers)
}

func (p *peer) setName(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.who.Name = name
}
