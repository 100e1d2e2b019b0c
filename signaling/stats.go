package signaling

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Stats are the hub's figures since it was made, for the metrics.
type Stats struct {
	Connections int               // sockets now
	Sessions    int               // peers now, those that are waited for included
	Rooms       int               // rooms now
	Signals     uint64            // signals passed on or stored
	Calls       map[string]uint64 // calls by result: accepted, or the reason of call.end
	Dropped     map[string]uint64 // sockets closed by the hub and frames refused, by reason
	Reports     map[string]uint64 // reports by path
	Steps       map[string]uint64 // failed reports by the step at which they failed
	Setup       Histogram         // call setup times from reports, in seconds
}

// Histogram is a cumulative histogram as Prometheus has it.
type Histogram struct {
	Bounds []float64 // upper bounds, ascending; +Inf is implied
	Counts []uint64  // observations not above the bound of the same index
	Count  uint64
	Sum    float64
}

// SessionInfo is one peer in the admin API.
type SessionInfo struct {
	Login  string    `json:"-"`
	Peer   string    `json:"peer"`
	User   string    `json:"user"`
	Name   string    `json:"name"`
	Client string    `json:"client"` // address of its last socket
	Since  time.Time `json:"since"`
	Rooms  []string  `json:"rooms"`
}

// RoomInfo is one room in the admin API.
type RoomInfo struct {
	Room   string    `json:"room"`
	Kind   string    `json:"kind"` // link, call or offer
	Locked bool      `json:"locked"`
	Peers  int       `json:"peers"`
	Since  time.Time `json:"since"`
}

// counters are the figures that only grow.
type counters struct {
	signals atomic.Uint64

	mu      sync.Mutex // the fields below; nothing else happens under it
	calls   map[string]uint64
	dropped map[string]uint64
	reports map[string]uint64
	steps   map[string]uint64
	setup   Histogram
}

func (c *counters) init() {
	c.calls, c.dropped = map[string]uint64{}, map[string]uint64{}
	c.reports, c.steps = map[string]uint64{}, map[string]uint64{}
	for _, path := range reportPaths() {
		c.reports[path] = 0
	}
	c.setup.Bounds = []float64{0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32}
	c.setup.Counts = make([]uint64, len(c.setup.Bounds))
}

// drop counts something that was refused or cut off.
func (h *Hub) drop(reason string) {
	h.stats.mu.Lock()
	defer h.stats.mu.Unlock()
	h.stats.dropped[reason]++
}

// called counts a call's result.
func (c *counters) called(result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[result]++
}

func (c *counters) reported(path, step string, setup time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reports[path]++
	if path == "failed" {
		if _, known := c.steps[step]; !known && len(c.steps) >= maxSteps {
			step = "other"
		}
		c.steps[step]++
		return
	}
	c.setup.observe(setup.Seconds())
}

func (h *Histogram) observe(v float64) {
	h.Count++
	h.Sum += v
	for i, bound := range h.Bounds {
		if v <= bound {
			h.Counts[i]++
		}
	}
}

// Snapshot returns the figures of this moment.
func (h *Hub) Snapshot() Stats {
	s := h.stats.snapshot()
	s.Signals = h.stats.signals.Load()
	s.Rooms = h.rooms.count()
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Connections, s.Sessions = len(h.sockets), len(h.peers)
	return s
}

func (c *counters) snapshot() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	setup := c.setup
	setup.Bounds, setup.Counts = slices.Clone(setup.Bounds), slices.Clone(setup.Counts)
	return Stats{
		Calls: maps.Clone(c.calls), Dropped: maps.Clone(c.dropped),
		Reports: maps.Clone(c.reports), Steps: maps.Clone(c.steps), Setup: setup,
	}
}

// Sessions lists the peers, the oldest first.
func (h *Hub) Sessions() []SessionInfo {
	all := h.allPeers()
	list := make([]SessionInfo, 0, len(all))
	for _, p := range all {
		list = append(list, p.info())
	}
	slices.SortFunc(list, func(a, b SessionInfo) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Peer, b.Peer))
	})
	return list
}

func (p *peer) info() SessionInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := SessionInfo{Login: p.who.Login, Peer: p.id, User: p.user, Name: p.who.Name, Since: p.since.UTC(), Rooms: []string{}}
	if p.latest != nil {
		i.Client = p.latest.from
	}
	for _, r := range p.rooms {
		i.Rooms = append(i.Rooms, r.name)
	}
	return i
}

// Rooms lists the rooms, the oldest first.
func (h *Hub) Rooms() []RoomInfo {
	all := h.rooms.all()
	list := make([]RoomInfo, 0, len(all))
	for _, r := range all {
		list = append(list, r.info())
	}
	slices.SortFunc(list, func(a, b RoomInfo) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Room, b.Room))
	})
	return list
}

func (r *room) info() RoomInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	return RoomInfo{Room: r.name, Kind: r.kind, Locked: r.locked, Peers: len(r.members), Since: r.since.UTC()}
}
