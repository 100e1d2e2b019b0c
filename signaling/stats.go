package signaling

import (
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
