package signaling

import (
	"cmp"
	"slices"
	"time"
)

// usersEvery is how often a watcher is told at most of people who come and go.
const usersEvery = time.Second

// people is who watches the list of people online, and what they are not yet
// told. Guarded by Hub.mu.
type people struct {
	watchers map[*peer]struct{}
	dirty    map[string]person // users whose entry may have changed
	timer    *time.Timer
	armed    bool
	last     time.Time // of the last telling
}

// person is an entry of the list.
type person struct {
	User   string `json:"user"`
	Name   string `json:"name"`
	Guest  bool   `json:"guest"`
	Status string `json:"status"`
	Tabs   int    `json:"tabs"`
}

// watched is the answer to watch.
type watched struct {
	Users  *[]person    `json:"users,omitempty"`
	Offers *[]offerView `json:"offers,omitempty"`
}

// watchPeople handles watch. Absent fields mean false.
func (h *Hub) watchPeople(p *peer, m *message) error {
	f, err := decode[struct {
		Users  bool `json:"users"`
		Offers bool `json:"offers"`
	}](m)
	if err != nil {
		return err
	}
	who := p.identity()
	if who.Room != nil {
		return refuse("forbidden", "Your invitation is for one room only.")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var out watched
	delete(h.people.watchers, p)
	if f.Users {
		users := h.watchUsersLocked(p, h.sees(who))
		out.Users = &users
	}
	delete(h.board.watchers, p)
	if f.Offers {
		h.board.watchers[p] = struct{}{}
		offers := h.board.viewLocked(p)
		out.Offers = &offers
	}
	p.answer(m, out)
	return nil
}

// sees reports whether an identity sees the people online.
func (h *Hub) sees(who Identity) bool {
	switch {
	case who.Room != nil:
		return false
	case h.opt.Directory == "all":
		return true
	}
	return h.opt.Directory == "members" && who.Member
}

// watchUsersLocked makes p a watcher and returns the list of this moment.
func (h *Hub) watchUsersLocked(p *peer, sees bool) []person {
	list := []person{}
	if !sees {
		return list
	}
	h.people.watchers[p] = struct{}{}
	for _, a := range h.accounts {
		if e := h.personLocked(a); e.Tabs > 0 {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b person) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.User, b.User))
	})
	return list
}

// unwatch ends both kinds of watching.
func (h *Hub) unwatch(p *peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.people.watchers, p)
	delete(h.board.watchers, p)
}

// personLocked is an account's entry. Tabs that an invitation binds to one room
// are not shown: they cannot be called.
func (h *Hub) personLocked(a *account) person {
	e := person{User: a.user, Name: a.name, Guest: a.guest, Status: "offline"}
	talking, here := false, false
	for _, p := range a.peers {
		t := p.presence()
		if !t.listed {
			continue
		}
		e.Tabs++
		talking = talking || t.talking
		here = here || t.here
	}
	switch {
	case e.Tabs == 0:
	case a.status == "dnd":
		e.Status = "dnd"
	case talking || a.status == "in_call":
		e.Status = "in_call"
	case here:
		e.Status = "available"
	default:
		e.Status = "away"
	}
	return e
}

// presence is what one tab adds to its user's status.
type presence struct{ listed, talking, here bool }

func (p *peer) presence() presence {
	p.mu.Lock()
	defer p.mu.Unlock()
	return presence{
		listed:  !p.ended && p.who.Room == nil,
		talking: p.talking > 0,
		here:    p.sock != nil && !p.idle,
	}
}

// touch has p's user told of to those who watch.
func (h *Hub) touch(p *peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.touchLocked(p)
}

func (h *Hub) touchLocked(p *peer) {
	if len(h.people.watchers) == 0 || h.closed {
		return
	}
	a := p.account
	h.people.dirty[a.user] = person{User: a.user, Name: a.name, Guest: a.guest, Status: "offline"}
	if h.people.armed {
		return
	}
	h.people.armed = true
	wait := max(0, usersEvery-h.now().Sub(h.people.last))
	h.people.timer = time.AfterFunc(wait, h.tellPeople)
}

// tellPeople tells all watchers what has changed since the last time.
func (h *Hub) tellPeople() {
	if !h.enter() {
		return
	}
	defer h.wg.Done()
	defer h.recovered("timer")
	h.mu.Lock()
	defer h.mu.Unlock()
	changed := make([]person, 0, len(h.people.dirty))
	for user, e := range h.people.dirty {
		if a := h.accounts[user]; a != nil {
			e = h.personLocked(a)
		}
		changed = append(changed, e)
	}
	clear(h.people.dirty)
	h.people.armed = false
	h.people.last = h.now()
	body := fields(struct {
		Changed []person `json:"changed"`
	}{changed})
	for p := range h.people.watchers {
		p.push("users", body)
	}
}
