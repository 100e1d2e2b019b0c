package signaling

import (
	"encoding/json"
	"time"
)

// postFields is offer.post.
type postFields struct {
	Title string      `json:"title"`
	Media mediaFields `json:"media"`
	For   string      `json:"for"`
	TTLMS *float64    `json:"ttl_ms"`
}

// postOffer handles offer.post.
func (h *Hub) postOffer(p *peer, m *message) error {
	f, err := decode[postFields](m)
	if err != nil {
		return err
	}
	if p.identity().Room != nil {
		return refuse("forbidden", "Your invitation is for one room only.")
	}
	if f.For == "" {
		f.For = forAll
	}
	title, err := h.text(f.Title)
	switch {
	case err != nil:
		return err
	case f.For != forAll && f.For != forSignedIn:
		return fault("bad_message", "for is all or signed_in.")
	case f.TTLMS != nil && *f.TTLMS <= 0:
		return fault("bad_message", "ttl_ms is more than nothing, in milliseconds.")
	}
	ttl := h.offerTTL(f.TTLMS)
	if err := h.mayPost(p); err != nil {
		return err
	}
	r, err := h.privateRoom(p, kindOffer)
	if err != nil {
		return err
	}
	o := &offer{id: newID(offerPrefix), room: r, by: p, forWhom: f.For, expires: m.now.Add(ttl)}
	o.view = offerView{Offer: o.id, By: r.objectOf(p), Title: title, Media: json.RawMessage(f.Media), For: f.For,
		At: m.now.Unix(), Expires: o.expires.Unix()}
	r.noteOffer(o)
	return h.board.post(p, m, o)
}

// mayPost is mayEnterMore, less the room of the offer that the new one replaces.
func (h *Hub) mayPost(p *peer) error {
	old := h.board.find(func(o *offer) bool { return o.by == p })
	if old != nil && old.room.unused() {
		return p.mayEnterAbove(1)
	}
	return p.mayEnterMore()
}

// offerTTL is how long an offer stays: what was asked, at most the server's.
func (h *Hub) offerTTL(ms *float64) time.Duration {
	limit := h.opt.OfferTTL
	if ms == nil || *ms > float64(limit.Milliseconds()) {
		return limit
	}
	return max(minOfferTTL, time.Duration(*ms)*time.Millisecond)
}

func (r *room) noteOffer(o *offer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.offer = o
}

// post puts an offer up and answers its poster.
func (b *board) post(p *peer, m *message, o *offer) error {
	old, full := b.postIfRoom(p, m, o)
	if full {
		b.hub.dissolve(o.room, p)
		return refuse("server_full", "The board is full. Try again later.")
	}
	if old != nil {
		b.hub.dissolve(old.room, old.by)
	}
	b.hub.rooms.keep(o.room)
	return nil
}

func (b *board) postIfRoom(p *peer, m *message, o *offer) (old *offer, full bool) {
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	if len(b.offers) >= maxOffers {
		return nil, true
	}
	p.answer(m, struct {
		Offer string `json:"offer"`
		Room  string `json:"room"`
	}{o.id, o.room.name})
	return b.addLocked(o), false
}

// offerID is what all further messages about an offer hold.
type offerID struct {
	Offer string `json:"offer"`
}

func errOfferGone() *refusal { return refuse("gone", "The offer is no longer there.") }

// takeOffer handles offer.take.
func (h *Hub) takeOffer(p *peer, m *message) error {
	f, err := decode[offerID](m)
	if err != nil {
		return err
	}
	if p.identity().Room != nil {
		return refuse("forbidden", "Your invitation is for one room only.")
	}
	if err := p.mayEnterMore(); err != nil {
		return err
	}
	o, err := h.board.take(p, f.Offer)
	if err != nil {
		return err
	}
	o.room.noteOffer(nil)
	o.room.invite(p.user)
	err = h.enterRoom(o.room, p, entry{invited: true, answer: func(snapshot []byte, mail int) {
		p.answer(m, tookOffer{snapshot, mail})
	}})
	if err != nil {
		return errOfferGone()
	}
	return nil
}

// tookOffer is the answer to offer.take: mail is said even when there is none.
type tookOffer struct {
	Room json.RawMessage `json:"room"`
	Mail int             `json:"mail"`
}

// take takes an offer down for p and tells the poster; of several takers one wins.
func (b *board) take(p *peer, id string) (*offer, error) {
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	o := b.offers[id]
	switch {
	case o == nil:
		return nil, errOfferGone()
	case o.by.user == p.user:
		return nil, refuse("self", "That is your own offer.")
	case !o.shownTo(p):
		return nil, refuse("forbidden", "This offer is for people who have signed in.")
	}
	o.by.push("offer.taken", fields(struct {
		Offer string     `json:"offer"`
		By    peerObject `json:"by"`
	}{o.id, p.object(0, p.since.Unix())}))
	b.removeLocked(o, goneTaken)
	return o, nil
}

// withdrawOffer handles offer.withdraw.
func (h *Hub) withdrawOffer(p *peer, m *message) error {
	f, err := decode[offerID](m)
	if err != nil {
		return err
	}
	o := h.board.find(func(o *offer) bool { return o.id == f.Offer })
	switch {
	case o == nil:
		return errOfferGone()
	case o.by.user != p.user:
		return refuse("forbidden", "That offer is not yours.")
	case !h.board.remove(o, goneWithdrawn):
		return errOfferGone()
	}
	p.answer(m, nil)
	return nil
}
