//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"
)

// churner uses a relay as calls do: realistic traffic on allocations that come
// and go, and every byte is followed.
type churner struct {
	binary   string
	duration time.Duration
	flows    int
	w        io.Writer

	server  *soakServer
	expiry  expiry
	mu      sync.Mutex
	stints  int
	sent    traffic
	heard   traffic
	late    time.Duration
	failed  []error
	current [2]int // allocations that were made over UDP and TCP
}

const (
	// together is how many flows come and go at once.
	together      = 4
	shortestChurn = 20 * time.Second
	// A stint is how long a group of flows lives.
	shortestStint, longestStint = 5 * time.Second, 25 * time.Second
)

// churn sends realistic calls through a relay for long and fails unless the
// clients, their peers and the server have counted the same bytes.
func churn(ctx context.Context, w io.Writer, args []string) error {
	c := &churner{w: w, expiry: expiry{w: w}}
	fs := flag.NewFlagSet("loadgen churn", flag.ContinueOnError)
	fs.StringVar(&c.binary, "parley", "bin/parley", "the server's `FILE`")
	fs.DurationVar(&c.duration, "d", 11*time.Minute, "how long, 20s at least; what nobody refreshes is seen to end after 5 and 10 minutes")
	fs.IntVar(&c.flows, "flows", 40, "how many calls at any time, each 150 packets/s")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if c.duration < shortestChurn || c.flows < 1 || fs.NArg() > 0 {
		return errors.New("churn takes -d of 20s or more, -flows of 1 or more, and no further words")
	}
	// The generators wait in calls that Go's scheduler does not hear of.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(runtime.NumCPU() + c.groups()))
	var err error
	if c.server, err = newSoakServer(); err == nil {
		err = c.server.start(ctx, c.binary)
	}
	if err == nil {
		if err = c.run(ctx); err != nil {
			fmt.Fprintf(w, "the end of the server's log:\n%s", c.server.logTail())
		}
	}
	return errors.Join(err, c.server.remove())
}

func (c *churner) groups() int { return (c.flows + together - 1) / together }

// run is warm-up, first figures, traffic, last figures.
func (c *churner) run(ctx context.Context) error {
	warm := min(30*time.Second, c.duration/4)
	if err := c.load(ctx, warm); err != nil {
		return err
	}
	before, err := c.server.rest(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.w, "after %v: %v\n", warm, before)
	c.stints, c.sent, c.heard, c.late, c.current = 0, traffic{}, traffic{}, 0, [2]int{}
	overflows := udpOverflows()

	expired := make(chan error, 1)
	rest := c.duration - warm
	go func() { expired <- c.expiry.watch(ctx, c.server.contestant(), rest) }()
	err = c.load(ctx, rest)
	if err = errors.Join(err, <-expired); err != nil {
		return err
	}
	after, err := c.server.rest(ctx)
	if err != nil {
		return err
	}
	return c.judge(before, after, udpOverflows()-overflows)
}

// load keeps groups of flows coming and going for that long.
func (c *churner) load(ctx context.Context, d time.Duration) error {
	end := time.Now().Add(d)
	var wg sync.WaitGroup
	for g := range c.groups() {
		wg.Go(func() {
			for left := time.Until(end); left > time.Second && ctx.Err() == nil; left = time.Until(end) {
				if err := c.stint(ctx, g, min(left, shortestStint+rand.N(longestStint-shortestStint))); err != nil && ctx.Err() == nil {
					c.fail(err)
					_ = sleep(ctx, time.Second)
				}
			}
		})
	}
	wg.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(append(c.failed, ctx.Err())...)
}

func (c *churner) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.failed) < mostFailures {
		c.failed = append(c.failed, err)
	}
}

// stint is the life of a group: most over UDP with channels, as browsers have them.
func (c *churner) stint(ctx context.Context, group int, d time.Duration) error {
	k := relayCase{shape: "R", direction: "both", transport: "udp", mode: channel, flows: min(together, c.flows-group*together)}
	if rand.N(4) == 0 {
		k.transport = "tcp"
	}
	if rand.N(4) == 0 {
		k.mode = indication
	}
	flows, err := openFlows(k, c.server.contestant(), false)
	if err != nil {
		return fmt.Errorf("%v: %w", k, err)
	}
	defer closeFlows(flows)
	g, err := newGenerator(k, flows, false, false)
	if err != nil {
		return err
	}
	defer g.close()
	g.quiet = longQuiet
	s, err := g.run(ctx, d)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stints++
	c.late = max(c.late, s.late)
	c.sent.add(s.traffic)
	c.heard.add(g.tally.total())
	if k.transport == "udp" {
		c.current[0] += k.flows
	} else {
		c.current[1] += k.flows
	}
	return err
}

// judge compares what clients and peers sent and heard with what the server
// counted. Only what the kernel has counted as lost may be missing.
func (c *churner) judge(before, after figuresAtRest, overflows int64) error {
	c.sent.add(c.expiry.heard) // what expired was to be lost
	c.heard.add(c.expiry.heard)
	fmt.Fprintf(c.w, "after %v: %v\n%d allocations over UDP and %d over TCP in %d groups; at most %v late; %d overflows of UDP sockets on this machine\n",
		c.duration, after, c.current[0], c.current[1], c.stints, c.late.Round(time.Millisecond), overflows)
	errs := []error{c.dropped(before, after), after.grownFrom(before, 1<<20), c.server.stopWell()}
	lost := int64(0)
	for d, name := range [...]string{up: "up", down: "down"} {
		sent, relayed, heard := c.sent[d], after.relayed[d].less(before.relayed[d]), c.heard[d]
		fmt.Fprintf(c.w, "%s: %d packets, %d bytes sent; %d, %d relayed; %d, %d heard\n",
			name, sent.packets, sent.bytes, relayed.packets, relayed.bytes, heard.packets, heard.bytes)
		lost += sent.packets - heard.packets
		if relayed.packets > sent.packets || heard.packets > relayed.packets || relayed.packets == sent.packets && relayed.bytes != sent.bytes ||
			heard.packets == relayed.packets && heard.bytes != relayed.bytes {
			errs = append(errs, fmt.Errorf("the server's counts of what went %s are not those of clients and peers", name))
		}
	}
	if lost > overflows {
		errs = append(errs, fmt.Errorf("%d packets were lost, and %d in sockets that overflowed", lost, overflows))
	}
	return errors.Join(errs...)
}

// lateReader is when clients over TCP have not kept up because this program has
// not: the server then drops what has become too old for a call.
const lateReader = 100 * time.Millisecond

// dropped judges what the server has dropped itself.
func (c *churner) dropped(before, after figuresAtRest) error {
	slow := int64(after.slow - before.slow)
	n := int64(after.dropped-before.dropped) - c.expiry.silent() - slow
	fmt.Fprintf(c.w, "the server dropped %d packets that came after their permission or channel had ended, %d for slow clients and %d others\n", c.expiry.silent(), slow, n)
	if n != 0 || slow != 0 && c.late < lateReader {
		return fmt.Errorf("the server dropped %d packets", n+slow)
	}
	return nil
}

func (v volume) less(o volume) volume { return volume{v.packets - o.packets, v.bytes - o.bytes} }
