//go:build linux

package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// tally counts what arrived and how long it took. Any goroutine may add.
type tally struct {
	base time.Time // times in packets count from here

	mu       sync.Mutex
	received int
	heard    traffic
	latency  []time.Duration // of the first maxSamples
}

// direction is up, from clients to their peers, or down.
type direction int

const (
	up direction = iota
	down
)

// traffic is payload without TURN headers, by direction.
type traffic [2]volume

type volume struct{ packets, bytes int64 }

func (v *volume) add(packets, bytes int) {
	v.packets += int64(packets)
	v.bytes += int64(bytes)
}

func (t *traffic) add(o traffic) {
	for d := range t {
		t[d].packets += o[d].packets
		t[d].bytes += o[d].bytes
	}
}

// maxSamples bounds the memory; percentiles need no more.
const maxSamples = 1 << 20

func newTally() *tally {
	return &tally{base: time.Now(), latency: make([]time.Duration, 0, maxSamples)}
}

func (t *tally) now() time.Duration { return time.Since(t.base) }

// arrived counts a packet of size payload bytes, up at a peer or down at a client.
func (t *tally) arrived(at time.Duration, d direction, size int) {
	took := t.now() - at
	t.mu.Lock()
	defer t.mu.Unlock()
	t.received++
	t.heard[d].add(1, size)
	if len(t.latency) < maxSamples {
		t.latency = append(t.latency, took)
	}
}

func (t *tally) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.received
}

// total is what was heard until now.
func (t *tally) total() traffic {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.heard
}

// percentiles returns the median and the 99th.
func (t *tally) percentiles() (p50, p99 time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.latency)
	if n == 0 {
		return 0, 0
	}
	slices.Sort(t.latency)
	return t.latency[n/2], t.latency[n*99/100]
}

// udpOverflows is how many datagrams all sockets of this network namespace have
// lost for want of room.
func udpOverflows() int64 {
	b, err := os.ReadFile("/proc/net/snmp")
	if err != nil {
		return 0
	}
	var names []string
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "Udp:" {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		if i := slices.Index(names, "RcvbufErrors"); i >= 0 && i < len(f) {
			n, _ := strconv.ParseInt(f[i], 10, 64)
			return n
		}
	}
	return 0
}
