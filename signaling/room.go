package signaling

import (
	"crypto/subtle"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"
)

// The three ways into a room.
const (
	kindLink  = "link"
	kindCall  = "call"
	kindOffer = "offer"
)

// room is where peers meet. It has no goroutine: every change is made, and the
// events that follow from it are queued, under its lock, so that all members
// see one order.
type room struct {
	hub   *Hub
	name  string
	kind  string
	since time.Time

	mu       sync.Mutex // the fields below
	title    string
	max      int
	locked   bool
	pass     []byte // digest, nil for none
	host     string // peer id
	orders   int    // the last order that was given
	members  []*member
	places   []place             // of members of a former run
	barred   map[string]struct{} // users, and single peers of the host's own
	invited  map[string]struct{} // users who may enter although it is locked
	admitted map[string]struct{} // peers who may
	knocks   []knock
	mail     mailbox
	offer    *offer // what the board shows of it
	stored   bool   // is in the rooms file
	closed   bool   // has been left by all; never entered again
}

// member is a peer in a room.
type member struct {
	peer  *peer
	order int
	since int64 // Unix seconds
	away  bool
	json  []byte // the peer object less its end
}

// place is kept for a member of a former run until the grace is over.
type place struct {
	Peer  string `json:"peer"`
	Order int    `json:"order"`
	Since int64  `json:"since"`
}

// entry is what someone who wants to enter a room brings.
type entry struct {
	pass    []byte // digest of what was typed, nil for none
	invited bool   // the lock does not count
	// answer queues what the peer itself hears, before any event of the room;
	// nil when it was answered before.
	answer func(snapshot []byte, mail int)
	// introduce has those inside told to the peer one by one, for want of a
	// snapshot.
	introduce bool
}

// change is what a room's change asks of its caller once the lock is released.
type change struct {
	done    bool    // false: nothing was changed
	status  []*peer // whose status may be another now
	emptied bool
}

var errClosed = refuse("gone", "The room is gone.")

// enter lets p in, answers it and tells the others.
func (r *room) enter(p *peer, e entry) (c change, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return c, errClosed
	}
	if m := r.memberLocked(p); m != nil {
		r.answerLocked(m, e, 0)
		return c, nil
	}
	at := slices.IndexFunc(r.places, func(pl place) bool { return pl.Peer == p.id })
	if at < 0 {
		if err := r.judgeLocked(p, e); err != nil {
			return c, err
		}
	}
	m := r.addLocked(p, at)
	mail := r.mail.take()
	r.answerLocked(m, e, len(mail))
	for _, letter := range mail {
		p.push("signal", letter)
	}
	r.tellLocked(p, "room.peer", r.peerEventLocked("join", m, ""))
	return change{done: true, status: r.talkingLocked(p, +1)}, nil
}

func (r *room) answerLocked(m *member, e entry, mail int) {
	if e.answer != nil {
		e.answer(r.snapshotLocked(m), mail)
	}
	for _, o := range r.members {
		if e.introduce && o != m {
			m.peer.push("room.peer", r.peerEventLocked("join", o, ""))
		}
	}
}

// judgeLocked applies the rules of entering.
func (r *room) judgeLocked(p *peer, e entry) error {
	_, barred := r.barred[p.user]
	_, barredPeer := r.barred[p.id]
	_, admitted := r.admitted[p.id]
	_, invited := r.invited[p.user]
	free := e.invited || admitted || invited
	switch {
	case barred || barredPeer:
		return refuse("denied", "You were removed from this room.")
	case !free && r.pass != nil && subtle.ConstantTimeCompare(r.pass, e.pass) != 1:
		return refuse("bad_password", "This room has another password.")
	case !free && r.locked:
		return &refusal{code: "room_locked", message: "This room is locked. Knock, and the host may let you in.", knock: true}
	case len(r.members)+len(r.places) >= r.max:
		return refuse("room_full", "This room is full. Try again when someone leaves.")
	}
	return nil
}

// addLocked makes p a member; at is the index of its place, or -1.
func (r *room) addLocked(p *peer, at int) *member {
	m := &member{peer: p, since: r.hub.now().Unix()}
	if at >= 0 {
		m.order, m.since = r.places[at].Order, r.places[at].Since
		r.places = slices.Delete(r.places, at, at+1)
	} else {
		r.orders++
		m.order = r.orders
	}
	m.encode()
	delete(r.admitted, p.id)
	r.endKnockLocked(p)
	r.members = append(r.members, m)
	slices.SortFunc(r.members, func(a, b *member) int { return a.order - b.order })
	if r.host == "" {
		r.host = p.id
	}
	p.noteRoom(r, true)
	return m
}

// remove takes p out and tells the others, and p itself when it was kicked.
func (r *room) remove(p *peer, reason string) (c change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.removeLocked(p, reason)
}

func (r *room) removeLocked(p *peer, reason string) (c change) {
	m := r.memberLocked(p)
	if m == nil {
		return c
	}
	c = change{done: true, status: r.talkingLocked(p, -1)}
	event := r.peerEventLocked("leave", m, reason)
	if reason == reasonKicked {
		p.push("room.peer", event)
	}
	r.members = slices.DeleteFunc(r.members, func(o *member) bool { return o == m })
	p.noteRoom(r, false)
	if len(r.members) == 0 {
		r.mail = mailbox{}
	}
	if reason == reasonMoved { // the same tab comes back at once
		note(&r.admitted, p.id)
	}
	r.tellLocked(p, "room.peer", event)
	if r.host == p.id {
		r.passOnLocked()
	}
	c.emptied = r.closeIfEmptyLocked()
	return c
}

// passOnLocked makes the one who is longest in it the host.
func (r *room) passOnLocked() {
	r.host = ""
	if len(r.members) == 0 {
		return
	}
	next := r.members[0]
	r.host = next.peer.id
	r.tellLocked(nil, "room", r.changedLocked("host", next.peer.id))
	r.showKnocksLocked(next.peer)
}

func (r *room) closeIfEmptyLocked() bool {
	r.closed = len(r.members) == 0 && len(r.places) == 0
	if r.closed {
		r.dismissLocked()
	}
	return r.closed
}

// talkingLocked counts p's coming (+1) or going (-1), for which p is a member,
// and returns whose status may change by it.
func (r *room) talkingLocked(p *peer, by int) []*peer {
	others := len(r.members) - 1
	if others == 0 {
		return []*peer{p}
	}
	p.talk(by)
	if others > 1 {
		return []*peer{p}
	}
	both := []*peer{r.members[0].peer, r.members[1].peer}
	for _, q := range both {
		if q != p {
			q.talk(by)
		}
	}
	return both
}

func (r *room) memberLocked(p *peer) *member {
	for _, m := range r.members {
		if m.peer == p {
			return m
		}
	}
	return nil
}

// memberByIDLocked finds a member by peer id.
func (r *room) memberByIDLocked(id []byte) *member {
	for _, m := range r.members {
		if m.peer.id == string(id) {
			return m
		}
	}
	return nil
}

// tellLocked queues an event for all members but one.
func (r *room) tellLocked(but *peer, t string, body []byte) {
	for _, m := range r.members {
		if m.peer != but {
			m.peer.push(t, body)
		}
	}
}

// setAway tells the others that p's socket dropped or is back.
func (r *room) setAway(p *peer, away bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.memberLocked(p)
	if m == nil || m.away == away {
		return
	}
	m.away = away
	ev := "back"
	if away {
		ev = "away"
	}
	r.tellLocked(p, "room.peer", r.peerEventLocked(ev, m, ""))
}

// update tells the others that p's name is another.
func (r *room) update(p *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.memberLocked(p); m != nil {
		m.encode()
		r.tellLocked(nil, "room.peer", r.peerEventLocked("update", m, ""))
	}
}

// peerObject is a peer as others see it. Outside of rooms order is 0 and since
// is that of the session.
type peerObject struct {
	Peer  string `json:"peer"`
	User  string `json:"user"`
	Name  string `json:"name"`
	Guest bool   `json:"guest"`
	Order int    `json:"order"`
	Since int64  `json:"since"`
	Away  bool   `json:"away,omitempty"`
}

func (p *peer) object(order int, since int64) peerObject {
	who := p.identity()
	return peerObject{Peer: p.id, User: who.User, Name: who.Name, Guest: who.Guest, Order: order, Since: since}
}

// encode encodes the peer object once, for all snapshots and events to come.
func (m *member) encode() {
	b, _ := json.Marshal(m.peer.object(m.order, m.since)) // strings and numbers: cannot fail
	m.json = b[:len(b)-1]
}

func (m *member) appendTo(b []byte) []byte {
	b = append(b, m.json...)
	if m.away {
		b = append(b, `,"away":true`...)
	}
	return append(b, '}')
}

// peerEventLocked is the body of room.peer.
func (r *room) peerEventLocked(ev string, m *member, reason string) []byte {
	b := make([]byte, 0, len(r.name)+len(m.json)+96)
	b = append(append(b, `,"room":"`...), r.name...)
	b = append(append(b, `","ev":"`...), ev...)
	b = m.appendTo(append(b, `","peer":`...))
	if reason != "" {
		b = append(append(append(b, `,"reason":"`...), reason...), '"')
	}
	return append(b, '}')
}

// changedLocked is the body of a room event with one changed field.
func (r *room) changedLocked(field string, value any) []byte {
	return fields(map[string]any{"room": r.name, field: value})
}

// snapshotLocked encodes the room as m sees it.
func (r *room) snapshotLocked(m *member) []byte {
	title, _ := json.Marshal(r.title)
	b := make([]byte, 0, 256+len(r.members)*(len(m.json)+32))
	b = append(append(b, `{"room":"`...), r.name...)
	b = append(append(b, `","kind":"`...), r.kind...)
	b = append(append(b, `","title":`...), title...)
	b = strconv.AppendInt(append(b, `,"max":`...), int64(r.max), 10)
	b = strconv.AppendBool(append(b, `,"locked":`...), r.locked)
	b = strconv.AppendBool(append(b, `,"pass":`...), r.pass != nil)
	b = append(append(b, `,"host":"`...), r.host...)
	b = strconv.AppendInt(append(b, `","order":`...), int64(m.order), 10)
	b = append(b, `,"peers":[`...)
	for i, o := range r.members {
		if i > 0 {
			b = append(b, ',')
		}
		b = o.appendTo(b)
	}
	return append(b, "]}"...)
}

// snapshotFor encodes the room as p sees it, nil when p is not in it.
func (r *room) snapshotFor(p *peer) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.memberLocked(p)
	if m == nil {
		return nil
	}
	return r.snapshotLocked(m)
}

// objectOf is p as the others in the room see it.
func (r *room) objectOf(p *peer) peerObject {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.memberLocked(p); m != nil {
		return p.object(m.order, m.since)
	}
	return p.object(0, p.since.Unix())
}

// note adds a key to a set that is made when first needed.
func note(set *map[string]struct{}, key string) {
	if *set == nil {
		*set = map[string]struct{}{}
	}
	(*set)[key] = struct{}{}
}
