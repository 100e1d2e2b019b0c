package relay

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// limiterSlots is the size of the table: a flood from a million spoofed
// addresses shares slots instead of growing memory. 16 bytes each.
const limiterSlots = 16384

// limiter is a token bucket per source address in a table of fixed size. An
// IPv6 /64 counts as one address, since one host has all of it.
type limiter struct {
	seed maphash.Seed

	mu          sync.Mutex
	rate, burst float32 // answers a second; answers at once
	slots       []limiterSlot
	start       time.Time
}

type limiterSlot struct {
	tokens float32
	used   bool
	at     uint32 // milliseconds since start
}

func newLimiter(rate, burst int) *limiter {
	return &limiter{seed: maphash.MakeSeed(), rate: float32(rate), burst: float32(burst),
		slots: make([]limiterSlot, limiterSlots), start: time.Now()}
}

func (l *limiter) setRate(rate, burst int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate, l.burst = float32(rate), float32(burst)
}

func (l *limiter) allow(from netip.Addr) bool {
	return l.allowKey(maphash.Comparable(l.seed, addressKey(from)))
}

// allowString is allow for a name.
func (l *limiter) allowString(name string) bool { return l.allowKey(maphash.String(l.seed, name)) }

func (l *limiter) allowKey(key uint64) bool {
	i := key % limiterSlots
	l.mu.Lock()
	defer l.mu.Unlock()
	now := uint32(time.Since(l.start).Milliseconds())
	s := &l.slots[i]
	if !s.used {
		*s = limiterSlot{tokens: l.burst, used: true, at: now}
	}
	s.tokens = min(l.burst, s.tokens+float32(now-s.at)*l.rate/1000)
	s.at = now
	if s.tokens < 1 {
		return false
	}
	s.tokens--
	return true
}

// addressKey is what quotas and limits count as one address.
func addressKey(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits)
	return p
}
