//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// grant is what a client asks of its relay once, with the time after which the
// server must have forgotten it (RFC 8656 sections 9 and 12).
type grant struct {
	name string
	life time.Duration
	mode framing
}

func grants() []grant {
	return []grant{{"permission", 5 * time.Minute, indication}, {"channel", 10 * time.Minute, channel}}
}

const (
	// expiryMargin is by how much an end may differ from its time.
	expiryMargin = 5 * time.Second
	expiryTail   = 3 * expiryMargin // how long packets are tried afterwards
	expiryPause  = time.Second      // between two packets of one direction
	expirySize   = 100
	// keepAlive is how often the allocations, which live ten minutes, are refreshed.
	keepAlive = 2 * time.Minute
)

// expiry watches what nobody refreshes end, and packets with it.
type expiry struct {
	w io.Writer

	mu          sync.Mutex
	sent, heard traffic // after all has been watched
}

// watch tries one packet each way a second until the grants have ended, those
// which end within d. The server's allocations are kept meanwhile.
func (x *expiry) watch(ctx context.Context, t *contestant, d time.Duration) error {
	var wg sync.WaitGroup
	errs := make([]error, len(grants()))
	for i, g := range grants() {
		if g.life+expiryTail > d {
			fmt.Fprintf(x.w, "that a %s ends after %v takes longer to see than there is\n", g.name, g.life)
			continue
		}
		wg.Go(func() { errs[i] = x.outlive(ctx, t, g, i) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// outlive is the watch of one grant.
func (x *expiry) outlive(ctx context.Context, t *contestant, g grant, i int) error {
	c := relayCase{shape: "F", direction: "both", transport: "udp", mode: g.mode, size: expirySize, rate: 1, burst: 1, flows: 1}
	f, err := openFlow(c, t, firstExpiry+i)
	if err != nil {
		return fmt.Errorf("%s: %w", g.name, err)
	}
	defer closeFlows([]*flow{f})
	peer, err := f.openPeer(false)
	if err == nil {
		err = f.join(peer, c.kinds())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", g.name, err)
	}
	last, err := x.probe(ctx, f, g)
	if err != nil {
		return fmt.Errorf("%s: %w", g.name, err)
	}
	fmt.Fprintf(x.w, "a %s that nobody refreshes let packets pass for %.1fs up and %.1fs down\n", g.name, last[up].Seconds(), last[down].Seconds())
	for d, at := range last {
		if at < g.life-expiryMargin || at > g.life+expiryMargin {
			err = errors.Join(err, fmt.Errorf("a %s that nobody refreshed let packets pass for %v in direction %d, not for %v", g.name, at, d, g.life))
		}
	}
	return err
}

// firstExpiry is the number of the first flow whose login no other flow uses.
const firstExpiry = 900

// probe returns when the last packet of each direction came through.
func (x *expiry) probe(ctx context.Context, f *flow, g grant) (last [2]time.Duration, err error) {
	keeper, ok := f.control.(interface{ refresh() error })
	if !ok {
		return last, errors.New("the server does not speak TURN")
	}
	start, kept := time.Now(), time.Duration(0)
	for time.Since(start) < g.life+expiryTail {
		if err := sleep(ctx, expiryPause); err != nil {
			return last, nil // asked to end
		}
		if now := time.Since(start); now-kept > keepAlive {
			if kept = now; keeper.refresh() != nil {
				return last, errors.New("the allocation ended before")
			}
		}
		for d := range last {
			if x.try(f, direction(d), time.Since(start)) {
				last[d] = time.Since(start)
			}
		}
	}
	return last, nil
}

// try sends one packet and tells whether it arrives. One of before that comes
// only now, since this machine stood still, was late and not lost.
func (x *expiry) try(f *flow, d direction, at time.Duration) bool {
	p := f.packets[burstKey{d == up, expirySize}]
	from, to, mode := f.udp, f.peer, bare
	if d == down {
		from, to, mode = f.peer, f.udp, f.framing
	}
	p.mark(at)
	if _, err := from.Write(p.b); err != nil {
		return false
	}
	x.count(&x.sent, d)
	b := make([]byte, sinkBuffer)
	for {
		n, err := to.Read(b) // ends after answerTime
		if err != nil {
			return false
		}
		stamp, _, ok := sentAt(mode, b[:n])
		if ok {
			x.count(&x.heard, d)
		}
		if ok && stamp == at {
			return true
		}
	}
}

func (x *expiry) count(t *traffic, d direction) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t[d].add(1, expirySize)
}

// silent is how many packets had to be dropped.
func (x *expiry) silent() (n int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for d := range x.sent {
		n += x.sent[d].packets - x.heard[d].packets
	}
	return n
}
