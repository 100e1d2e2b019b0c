package signaling

import (
	"encoding/json"
	"slices"
	"sync"
	"time"
)

const (
	maxRings = 4 // calls that ring at one user at once; more find him busy
)

// Why a call ended without being accepted.
const (
	endDeclined  = "declined"
	endBusy      = "busy"
	endCancelled = "cancelled"
	endNoAnswer  = "no_answer"
	endOffline   = "offline"
	endElsewhere = "elsewhere" // another tab of the callee answered
	endFailed    = "failed"
)

// call is a ring: from call.start to its answer. Guarded by callBook.mu.
type call struct {
	id      string
	room    *room
	caller  *peer
	user    string // who is called
	from    peerObject
	media   json.RawMessage
	expires int64   // Unix seconds
	targets []*peer // tabs at which it rings; fixed, and its taker's, once it is taken
	single  bool    // one tab was called, so no other is rung
	rings   bool    // a tab said that it rings
	taken   bool    // being accepted: nobody else can, but the callee is not in the room yet
	timer   *time.Timer
}

// callBook holds the calls that ring.
type callBook struct {
	hub *Hub

	mu   sync.Mutex
	byID map[string]*call
}

func newCallBook(h *Hub) *callBook {
	return &callBook{hub: h, byID: map[string]*call{}}
}

// ringFields is call.ring.
type ringFields struct {
	Call    string          `json:"call"`
	From    peerObject      `json:"from"`
	Media   json.RawMessage `json:"media,omitempty"`
	Expires int64           `json:"expires"`
}

func (c *call) ring() []byte { return fields(ringFields{c.id, c.from, c.media, c.expires}) }

// callUpdate is the body of call.update.
func callUpdate(id, state string) []byte {
	return fields(struct {
		Call  string `json:"call"`
		State string `json:"state"`
	}{id, state})
}

// callEnd is call.end.
type callEnd struct {
	Call   string `json:"call"`
	Reason string `json:"reason"`
	By     string `json:"by,omitempty"`
	Note   string `json:"note,omitempty"`
}

// endLocked takes a call out of the book and tells both sides; elsewhere is
// what the callee's tabs but one hear instead, "" for the same reason.
func (b *callBook) endLocked(c *call, end callEnd, actor *peer, elsewhere string) {
	delete(b.byID, c.id)
	c.timer.Stop()
	end.Call = c.id
	body := fields(end)
	c.caller.push("call.end", body)
	other := body
	if elsewhere != "" {
		other = fields(callEnd{Call: c.id, Reason: elsewhere, By: end.By})
	}
	for _, p := range c.targets {
		if p == actor {
			p.push("call.end", body)
		} else {
			p.push("call.end", other)
		}
	}
}

// close does what the end of a call asks for with no lock held: the room that
// was made for it goes, and an account hears later of what it missed.
func (b *callBook) close(c *call, reason string) {
	b.hub.stats.called(reason)
	if reason != endDeclined && reason != endFailed {
		b.hub.miss(c.user, c.caller.identity())
	}
	if !b.rings(c.room) {
		b.hub.dissolve(c.room, c.caller)
	}
}

// miss notes a missed call for an account.
func (h *Hub) miss(user string, from Identity) {
	if isAccount(user) {
		h.missed.add(user, from, h.now())
	}
}

// rings reports whether a call into the room is open.
func (b *callBook) rings(r *room) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.byID {
		if c.room == r {
			return true
		}
	}
	return false
}

// timeout is the call's timer.
func (b *callBook) timeout(c *call) {
	if !b.hub.enter() {
		return
	}
	defer b.hub.wg.Done()
	defer b.hub.recovered("timer")
	if b.endIf(c, callEnd{Reason: endNoAnswer}) {
		b.close(c, endNoAnswer)
	}
}

// endIf ends a call that nobody has answered yet.
func (b *callBook) endIf(c *call, end callEnd) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.byID[c.id] != c || c.taken {
		return false
	}
	b.endLocked(c, end, nil, "")
	return true
}

// leftRoom cancels the calls of who has left the room into which he called.
func (b *callBook) leftRoom(p *peer, r *room) {
	for _, c := range b.of(func(c *call) bool { return c.caller == p && c.room == r }) {
		if b.endIf(c, callEnd{Reason: endCancelled, By: p.id}) {
			b.close(c, endCancelled)
		}
	}
}

// forget is the end of a session: its calls are cancelled, and a call that
// rings at no other tab finds nobody.
func (b *callBook) forget(p *peer) {
	for _, c := range b.of(func(c *call) bool { return c.caller == p }) {
		if b.endIf(c, callEnd{Reason: endCancelled, By: p.id}) {
			b.close(c, endCancelled)
		}
	}
	for _, c := range b.untarget(p) {
		if b.endIf(c, callEnd{Reason: endOffline}) {
			b.close(c, endOffline)
		}
	}
}

// of returns the open calls that match.
func (b *callBook) of(match func(*call) bool) []*call {
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []*call
	for _, c := range b.byID {
		if match(c) {
			found = append(found, c)
		}
	}
	return found
}

// untarget takes p from the calls that ring at it and returns those that ring
// nowhere now.
func (b *callBook) untarget(p *peer) []*call {
	b.mu.Lock()
	defer b.mu.Unlock()
	var lost []*call
	for _, c := range b.byID {
		at := slices.Index(c.targets, p)
		if at < 0 || c.taken {
			continue
		}
		if c.targets = slices.Delete(c.targets, at, at+1); len(c.targets) == 0 {
			lost = append(lost, c)
		}
	}
	return lost
}

// ringNew rings what rings at a user's other tabs at his new one too.
func (b *callBook) ringNew(p *peer) {
	if p.identity().Room != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.byID {
		if c.user == p.user && !c.taken && !c.single && !slices.Contains(c.targets, p) {
			c.targets = append(c.targets, p)
			p.push("call.ring", c.ring())
		}
	}
}

// startOver makes both counters of a tab start again; what rings at it is rung
// anew, and once.
func (b *callBook) startOver(p *peer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p.startOver()
	for _, c := range b.byID {
		if !c.taken && slices.Contains(c.targets, p) {
			p.push("call.ring", c.ring())
		}
	}
}

// stop stops the timers, at shutdown.
func (b *callBook) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.byID {
		c.timer.Stop()
	}
}
