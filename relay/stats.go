package relay

import (
	"net/netip"
	"time"
)

// Allocation describes one live relay allocation.
type Allocation struct {
	ID        string         // random; what End takes
	Login     string         // the login id inside the credential, or the whole name when it has none
	Transport string         // "udp", "tcp" or "tls"
	Client    netip.AddrPort // where the client sends from
	Relay     netip.AddrPort // the relayed transport address
	Since     time.Time
	Expires   time.Time // unless it is refreshed
	BytesUp   uint64    // payload from the client to its peers
	BytesDown uint64    // payload from peers to the client
}

// Stats is a snapshot of a Server's counters. Counters only grow.
type Stats struct {
	Allocations       map[string]int               // live, by transport
	AllocationResults map[string]map[string]uint64 // transport, then "ok" or the error code
	BytesUp           uint64
	BytesDown         uint64
	PacketsUp         uint64
	PacketsDown       uint64
	Dropped           map[string]uint64 // by reason
	AuthFailures      map[string]uint64 // by reason
	PermissionDenied  map[string]uint64 // by the rule that refused
	StunRequests      uint64            // Binding requests
	CredentialsIssued uint64
	Durations         Histogram // of ended allocations, in seconds
	Streams           int       // open TCP and TLS connections
	BudgetUsed        int64     // bytes relayed this month
	BudgetLimit       int64     // 0 = none
	Draining          bool
}

// Histogram counts observations. Counts[i] is the number of observations not
// above Bounds[i] (cumulative); Count includes those above all bounds.
type Histogram struct {
	Bounds []float64
	Counts []uint64
	Count  uint64
	Sum    float64
}
