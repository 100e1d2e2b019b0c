package signaling

import (
	"net/netip"
	"sync"
	"time"
)

// Limits per socket (protocol.md section 10).
const (
	requestRate, requestBurst = 6, 60
	signalRate, signalBurst   = 24, 240
	faultLimit                = 20
	faultSpan                 = 10 * time.Second
	roomsPerPeer              = 8
)

// rate is what a token bucket gives: tokens a second, and at most burst at once.
type rate struct{ perSecond, burst float64 }

// bucket is a token bucket. The zero value is full.
type bucket struct {
	spent float64 // tokens that are missing
	at    int64   // when that was so, Unix nanoseconds
}

// take takes a token at now, or says how long to wait for one.
func (b *bucket) take(now time.Time, r rate) (wait time.Duration) {
	at := now.UnixNano()
	if gone := float64(at-b.at) / 1e9 * r.perSecond; gone > 0 {
		b.spent = max(0, b.spent-gone)
	}
	b.at = at
	if lack := b.spent + 1 - r.burst; lack > 0 {
		return time.Duration(lack / r.perSecond * 1e9)
	}
	b.spent++
	return 0
}

// faults are the times of the last wrong frames of a socket.
type faults struct{ times []time.Time }

// add notes a fault and reports whether there were too many of late.
func (f *faults) add(now time.Time) bool {
	kept := f.times[:0]
	for _, t := range f.times {
		if now.Sub(t) < faultSpan {
			kept = append(kept, t)
		}
	}
	f.times = append(kept, now)
	return len(f.times) >= faultLimit
}

// guesses counts failed room passwords per address: 10 at once, then one every
// six seconds, so a password cannot be guessed from one place.
type guesses struct {
	mu   sync.Mutex
	from map[netip.Addr]*bucket
}

const (
	guessSlots = 4096             // addresses remembered at once
	guessFade  = 70 * time.Second // after which a bucket is full again
)

// blocked says how long an address has to wait before it may try a password.
func (g *guesses) blocked(addr netip.Addr, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.from[addr]
	if b == nil {
		return 0
	}
	trial := *b
	return trial.take(now, guessRate())
}

// failed notes a wrong password.
func (g *guesses) failed(addr netip.Addr, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.from[addr]
	if b == nil {
		if len(g.from) >= guessSlots {
			g.forgetLocked(now)
		}
		b = new(bucket)
		g.from[addr] = b
	}
	b.take(now, guessRate())
}

// forgetLocked drops the buckets that are full again; when none is, all of
// them: the table must not grow with the number of attackers.
func (g *guesses) forgetLocked(now time.Time) {
	for addr, b := range g.from {
		if now.Sub(time.Unix(0, b.at)) > guessFade {
			delete(g.from, addr)
		}
	}
	if len(g.from) >= guessSlots {
		clear(g.from)
	}
}

func guessRate() rate { return rate{perSecond: 1.0 / 6, burst: 10} }

// network is what limits count an address as: itself, or its /64 in IPv6,
// which one customer has whole.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}
