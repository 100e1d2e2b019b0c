package relay

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// counters are what Snapshot reports beside the data plane's.
type counters struct {
	stun, credentials atomic.Uint64
	denied            [ruleCount]atomic.Uint64
	authFailures      labels
	dropped           labels

	mu      sync.Mutex
	results map[string]map[string]uint64 // transport -> result
	lasted  Histogram
}

// durationBounds are the seconds of the histogram: a failed call, a short one,
// a meeting, a day.
func durationBounds() []float64 {
	return []float64{10, 60, 300, 900, 1800, 3600, 7200, 14400, 43200, 86400}
}

func newCounters() *counters {
	b := durationBounds()
	return &counters{results: make(map[string]map[string]uint64), lasted: Histogram{Bounds: b, Counts: make([]uint64, len(b))}}
}

func (c *counters) result(transport, result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.results[transport]
	if m == nil {
		m = make(map[string]uint64)
		c.results[transport] = m
	}
	m[result]++
}

func (c *counters) ended(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := d.Seconds()
	for i, b := range c.lasted.Bounds {
		if s <= b {
			c.lasted.Counts[i]++
		}
	}
	c.lasted.Count++
	c.lasted.Sum += s
}

// labels counts by a label out of a small fixed set that the code names.
type labels struct {
	mu sync.Mutex
	m  map[string]uint64
}

func (l *labels) add(label string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m == nil {
		l.m = make(map[string]uint64)
	}
	l.m[label]++
}

func (l *labels) snapshot() map[string]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := make(map[string]uint64, len(l.m))
	for k, v := range l.m {
		m[k] = v
	}
	return m
}

// copyTo fills what a Snapshot takes under the lock.
func (c *counters) copyTo(st *Stats) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for t, m := range c.results {
		st.AllocationResults[t] = maps.Clone(m)
	}
	st.Durations = c.lasted
	st.Durations.Counts = slices.Clone(c.lasted.Counts)
}
