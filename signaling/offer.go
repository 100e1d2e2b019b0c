package signaling

import (
	"encoding/json"
	"slices"
	"time"
)

const (
	maxOffers   = 1000 // on the board at once
	minOfferTTL = time.Second
)

// Why an offer left the board.
const (
	goneTaken     = "taken"
	goneWithdrawn = "withdrawn"
	goneExpired   = "expired"
	goneOffline   = "offline"
	goneReplaced  = "replaced"
)

// Whom an offer is for.
const (
	forAll      = "all"
	forSignedIn = "signed_in"
)

// offer is an open call. Set at construction but for the timer.
type offer struct {
	id      string
	room    *room
	by      *peer // nil after a restart until the poster is back
	view    offerView
	forWhom string
	expires time.Time
	timer   *time.Timer // guarded by Hub.mu
}

// offerView is an offer as watchers see it.
type offerView struct {
	Offer   string          `json:"offer"`
	By      peerObject      `json:"by"`
	Title   string          `json:"title"`
	Media   json.RawMessage `json:"media,omitempty"`
	For     string          `json:"for"`
	At      int64           `json:"at"`      // Unix seconds
	Expires int64           `json:"expires"` // Unix seconds
}

// board holds the open calls. Its fields are guarded by Hub.mu, as the list of
// people is: watch answers with both.
type board struct {
	hub      *Hub
	offers   map[string]*offer
	byUser   map[string]*offer
	watchers map[*peer]struct{}
}

func newBoard(h *Hub) *board {
	return &board{hub: h, offers: map[string]*offer{}, byUser: map[string]*offer{}, watchers: map[*peer]struct{}{}}
}

// shownTo reports whether p may see and take the offer.
func (o *offer) shownTo(p *peer) bool {
	return o.forWhom == forAll || !p.account.guest
}

// viewLocked lists what p sees, the oldest first.
func (b *board) viewLocked(p *peer) []offerView {
	list := []offerView{}
	for _, o := range b.offers {
		if o.shownTo(p) {
			list = append(list, o.view)
		}
	}
	slices.SortFunc(list, func(x, y offerView) int { return int(x.At - y.At) })
	return list
}

// tellLocked queues an event about an offer for those who watch and may see it.
func (b *board) tellLocked(o *offer, t string, body []byte) {
	for p := range b.watchers {
		if o.shownTo(p) {
			p.push(t, body)
		}
	}
}

// addLocked puts an offer up and returns the one that it replaces.
func (b *board) addLocked(o *offer) (old *offer) {
	if old = b.byUser[o.by.user]; old != nil {
		b.removeLocked(old, goneReplaced)
	}
	b.offers[o.id], b.byUser[o.by.user] = o, o
	o.timer = time.AfterFunc(o.expires.Sub(b.hub.now()), func() { b.expire(o) })
	b.tellLocked(o, "offer.new", fields(struct {
		Offer offerView `json:"offer"`
	}{o.view}))
	return old
}

// removeLocked takes an offer down and tells the watchers; its poster hears of
// it even when he does not watch, unless he is told in another way.
func (b *board) removeLocked(o *offer, reason string) {
	delete(b.offers, o.id)
	delete(b.byUser, o.by.user)
	o.timer.Stop()
	body := fields(struct {
		Offer  string `json:"offer"`
		Reason string `json:"reason"`
	}{o.id, reason})
	b.tellLocked(o, "offer.gone", body)
	if _, watches := b.watchers[o.by]; !watches && reason != goneTaken {
		o.by.push("offer.gone", body)
	}
}

// remove takes an offer down, if it is still up, and with it its room, in
// which the poster is alone.
func (b *board) remove(o *offer, reason string) bool {
	b.hub.mu.Lock()
	up := b.offers[o.id] == o
	if up {
		b.removeLocked(o, reason)
	}
	b.hub.mu.Unlock()
	if up {
		b.hub.dissolve(o.room, o.by)
	}
	return up
}

// expire is the offer's timer.
func (b *board) expire(o *offer) {
	if !b.hub.enter() {
		return
	}
	defer b.hub.wg.Done()
	defer b.hub.recovered("timer")
	b.remove(o, goneExpired)
}

// leftRoom withdraws the offer of who has left its room.
func (b *board) leftRoom(p *peer, r *room) {
	if o := b.find(func(o *offer) bool { return o.by == p && o.room == r }); o != nil {
		b.remove(o, goneWithdrawn)
	}
}

// forget takes down the offer of a session that ends.
func (b *board) forget(p *peer) {
	if o := b.find(func(o *offer) bool { return o.by == p }); o != nil {
		b.remove(o, goneOffline)
	}
}

// find returns the offer of p's user if it matches.
func (b *board) find(match func(*offer) bool) *offer {
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	for _, o := range b.offers {
		if match(o) {
			return o
		}
	}
	return nil
}

// returned puts an offer of the last run up again when its poster is back in
// its room.
func (b *board) returned(r *room, p *peer) {
	o := r.takeOffer(p)
	if o == nil {
		return
	}
	b.hub.mu.Lock()
	old := b.addLocked(o)
	b.hub.mu.Unlock()
	if old != nil {
		b.hub.dissolve(old.room, old.by)
	}
}

// takeOffer completes the offer that the room was restored with.
func (r *room) takeOffer(p *peer) *offer {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.offer
	if o == nil || o.by != nil || o.view.By.Peer != p.id || !r.hub.now().Before(o.expires) {
		return nil
	}
	o.by = p
	return o
}

// stop stops the timers, at shutdown.
func (b *board) stop() {
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	for _, o := range b.offers {
		o.timer.Stop()
	}
}
