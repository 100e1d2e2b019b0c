package signaling

import (
	"context"
	"net/http"
)

// Hub carries the signaling of one server. Its methods may be called from any
// goroutine.
type Hub struct {
	opt Options
}

// New makes a hub and reads back the rooms that a former run left behind.
func New(opt Options) (*Hub, error) { return &Hub{opt: opt}, nil }

// ServeHTTP is GET /ws: it judges the request, upgrades it and returns.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.Error(w, "not yet", http.StatusServiceUnavailable)
}

// Drain refuses new sockets from now on with 503 draining; those that are open go on.
func (h *Hub) Drain() {}

// Shutdown says bye to every socket, closes it with 4010 and waits for all
// goroutines of the hub. When ctx ends first the sockets are cut.
func (h *Hub) Shutdown(ctx context.Context) error { return nil }

// EndLogin closes the sockets of a login with 4003 and ends its sessions. It
// does not block and returns how many there were.
func (h *Hub) EndLogin(login string) int { return 0 }

// EndUser is EndLogin for all sessions of a user.
func (h *Hub) EndUser(user string) int { return 0 }

// Snapshot returns the figures of this moment.
func (h *Hub) Snapshot() Stats { return Stats{} }

// Sessions lists the peers.
func (h *Hub) Sessions() []SessionInfo { return nil }

// Rooms lists the rooms.
func (h *Hub) Rooms() []RoomInfo { return nil }
