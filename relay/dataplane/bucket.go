package dataplane

import (
	"sync"
	"sync/atomic"
	"time"
)

// Bucket is a token bucket in bytes. The zero rate lets everything pass. It may
// be used from any goroutine.
type Bucket struct {
	limited atomic.Bool // so that a packet without a limit takes no lock

	mu     sync.Mutex
	rate   float64 // bytes a second; 0 = no limit
	burst  float64
	tokens float64
	last   time.Time
}

// minBurst lets one batch of full packets pass whatever the rate, so that a low
// limit slows a flow instead of stopping it.
const minBurst = 16 * MaxPayload

// NewBucket makes a full bucket for rate bytes a second. It holds a tenth of a
// second's worth.
func NewBucket(rate int64) *Bucket {
	b := &Bucket{last: time.Now()}
	b.SetRate(rate)
	b.tokens = b.burst
	return b
}

// SetRate changes the rate from now on.
func (b *Bucket) SetRate(rate int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.limited.Store(rate > 0)
	b.rate = float64(max(rate, 0))
	b.burst = max(b.rate/10, minBurst)
	b.tokens = min(b.tokens, b.burst)
}

func (b *Bucket) isLimited() bool { return b != nil && b.limited.Load() }

// give returns bytes that were taken for packets that have not gone.
func (b *Bucket) give(bytes int) {
	if b.isLimited() && bytes != 0 {
		b.refill(bytes)
	}
}

func (b *Bucket) refill(bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.burst, b.tokens+float64(bytes))
}

// Take spends n bytes if the bucket has them. A nil bucket has no limit.
func (b *Bucket) Take(n int) bool { return b.takePackets(1, n) == 1 }

// takePackets spends the bytes of up to count packets of one size and returns
// for how many there were enough.
func (b *Bucket) takePackets(count, size int) int {
	if b.isLimited() && size != 0 {
		return b.spend(count, size)
	}
	return count
}

func (b *Bucket) spend(count, size int) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.tokens = min(b.burst, b.tokens+now.Sub(b.last).Seconds()*b.rate)
	b.last = now
	granted := min(count, int(b.tokens/float64(size)))
	b.tokens -= float64(granted * size)
	return granted
}
