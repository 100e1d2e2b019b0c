//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
)

// relayBench is one run of the command.
type relayBench struct {
	relayOptions
	contestants             []*contestant
	dir                     string
	serverCPU, generatorCPU int // -1: any
	cores                   int // that a server has
}

// measurement is one table of the report.
type measurement struct {
	title   string
	columns []relayColumn
	cases   []relayCase
	fresh   bool // starts its servers itself
	run     func(ctx context.Context, c relayCase, t *contestant) ([]float64, error)
}

type relayColumn struct {
	name  string
	ratio bool // parley's is compared with the others'
}

// relayResults has a row of figures for each case, contestant and round.
type relayResults map[string]map[string][][]float64

func (b *relayBench) measurement(name string) measurement {
	switch name {
	case "latency":
		return b.latency()
	case "max":
		return b.max()
	case "memory":
		return b.memory()
	case "signaling":
		return b.signaling()
	}
	return b.cpu()
}

// measure alternates the contestants round by round; the first round warms up.
func (b *relayBench) measure(ctx context.Context, w io.Writer, m measurement) error {
	if !m.fresh {
		if err := b.start(ctx); err != nil {
			return err
		}
	} else {
		b.stop()
	}
	results := make(relayResults)
	for round := range b.rounds + 1 {
		for _, c := range m.cases {
			if err := b.round(ctx, m, c, round, results); err != nil {
				return err
			}
		}
	}
	reportRelay(w, b.relayOptions, m, b.contestants, results)
	return nil
}

func (b *relayBench) round(ctx context.Context, m measurement, c relayCase, round int, results relayResults) error {
	name := c.String()
	if results[name] == nil {
		results[name] = make(map[string][][]float64)
	}
	for i := range b.contestants {
		t := b.contestants[(i+round)%len(b.contestants)] // another one first each time
		if !t.carries(c) {
			continue
		}
		row, err := m.run(ctx, c, t)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", t.name, name, err)
		}
		if row == nil {
			continue
		}
		progress(m, name, t.name, round, row)
		if round > 0 {
			results[name][t.name] = append(results[name][t.name], row)
		}
	}
	return nil
}

// progress shows each figure as it comes; round 0 does not count.
func progress(m measurement, name, server string, round int, row []float64) {
	fmt.Fprintf(os.Stderr, "round %d, %s, %s:", round, name, server)
	for k, v := range row {
		fmt.Fprintf(os.Stderr, " %s %s,", number(v), m.columns[k].name)
	}
	fmt.Fprintln(os.Stderr)
}

// start starts what does not run yet.
func (b *relayBench) start(ctx context.Context) error {
	for _, t := range b.contestants {
		if t.process != nil {
			continue
		}
		if err := t.start(ctx, b.dir, b.serverCPU, b.cores); err != nil {
			return err
		}
	}
	return nil
}

func (b *relayBench) stop() {
	for _, t := range b.contestants {
		t.stop()
	}
}

// lateness is the part of a run by which a burst may be late.
const lateness = 20

// trafficFigures are what one load through one server gave.
type trafficFigures struct {
	cpu                   time.Duration // a delivered packet
	rate                  float64       // delivered packets a second
	before, inside, after float64       // lost, in percent of what was sent
	p50, p99              time.Duration
	bound                 bool // the generator could not offer the rate
}

func (f trafficFigures) lost() float64 { return f.before + f.inside }

// traffic sends a case through a server; begun, if not nil, is closed when the
// first packet is about to go.
func (b *relayBench) traffic(ctx context.Context, c relayCase, t *contestant, duration time.Duration, begun chan<- struct{}) (f trafficFigures, err error) {
	flows, err := openFlows(c, t, b.gro)
	if err != nil {
		return f, err
	}
	defer closeFlows(flows)
	g, err := newGenerator(c, flows, b.gso && c.shape != "R", b.gro)
	if err != nil {
		return f, err
	}
	defer g.close()
	overflows, busy := udpOverflows(), time.Duration(0)
	if busy, err = t.process.cpu(); err != nil {
		return f, err
	}
	var s sent
	if begun != nil {
		close(begun)
	}
	if err = onCPU(b.generatorCPU, func() (err error) { s, err = g.run(ctx, duration); return err }); err != nil {
		return f, err
	}
	after, err := t.process.cpu()
	if err != nil {
		return f, err
	}
	n := g.tally.count()
	if n == 0 || s.packets == 0 {
		return f, fmt.Errorf("of %d packets none was delivered", s.packets)
	}
	percent := func(n int64) float64 { return 100 * float64(n) / float64(s.packets) }
	drops, missing := g.drops(), int64(s.packets-n)
	f.cpu = (after - busy) / time.Duration(n)
	f.rate = float64(n) / s.took.Seconds()
	f.after = percent(drops)
	f.before = percent(max(0, min(udpOverflows()-overflows, missing)-drops)) // others on the machine overflow too
	f.inside = max(0, percent(missing)-f.before-f.after)
	f.p50, f.p99 = g.tally.percentiles()
	f.bound = s.late > duration/lateness
	return f, nil
}

// tries is how often a measurement is repeated in which the generator was late:
// something else had the machine, and the server got bursts that no one meant.
// The last one counts; delivered/s then shows it.
const tries = 4

func (b *relayBench) steady(ctx context.Context, c relayCase, t *contestant) (f trafficFigures, err error) {
	for range tries {
		if f, err = b.traffic(ctx, c, t, b.duration, nil); err != nil || !f.bound {
			break
		}
		fmt.Fprint(os.Stderr, "(late) ")
	}
	return f, err
}

func (b *relayBench) cpu() measurement {
	return measurement{
		title: "CPU of the server for a delivered packet", cases: b.cases(),
		columns: []relayColumn{{"µs CPU a packet", true}, {"delivered/s", false}, {"µs p50", false}, {"µs p99", false},
			{"% lost before", false}, {"% lost inside", false}, {"% lost after", false}},
		run: func(ctx context.Context, c relayCase, t *contestant) ([]float64, error) {
			f, err := b.steady(ctx, c, t)
			return []float64{micros(f.cpu), f.rate, micros(f.p50), micros(f.p99), f.before, f.inside, f.after}, err
		},
	}
}

func (b *relayBench) latency() measurement {
	cases := b.cases()
	for i := range cases {
		cases[i].rate, cases[i].burst = b.latencyRate, 1
	}
	return measurement{
		title: fmt.Sprintf("Latency at %d packets/s", b.latencyRate), cases: cases,
		columns: []relayColumn{{"µs p50", true}, {"µs p99", true}, {"% lost before", false}, {"% lost inside", false}, {"% lost after", false}},
		run: func(ctx context.Context, c relayCase, t *contestant) ([]float64, error) {
			f, err := b.steady(ctx, c, t)
			return []float64{micros(f.p50), micros(f.p99), f.before, f.inside, f.after}, err
		},
	}
}

const (
	// lossLimit is what a maximum may lose, in percent.
	lossLimit = 0.1
	lowest    = 10000 // packets a second, where the search starts
	halvings  = 5
)

func (b *relayBench) max() measurement {
	return measurement{
		title: "Most packets a second with less than 0.1 % lost", cases: b.cases(),
		columns: []relayColumn{{"delivered/s", true}},
		run: func(ctx context.Context, c relayCase, t *contestant) ([]float64, error) {
			rate, err := b.highest(ctx, c, t)
			return []float64{rate}, err
		},
	}
}

// highest doubles the rate until packets are lost, then halves the interval.
func (b *relayBench) highest(ctx context.Context, c relayCase, t *contestant) (best float64, err error) {
	low, high := 0, lowest
	for step := 0; step <= halvings; {
		rate := high
		if step > 0 {
			rate = (low + high) / 2
		}
		got, ok, err := b.carriesRate(ctx, c, t, rate)
		switch {
		case err != nil:
			return best, err
		case ok:
			best, low = max(best, got), rate
		default:
			high = rate
		}
		if step > 0 || !ok {
			step++
		} else {
			high *= 2
		}
	}
	return best, nil
}

// carriesRate tries a rate twice before it says no: something else may have
// had the machine. R grows by its flows.
func (b *relayBench) carriesRate(ctx context.Context, c relayCase, t *contestant, rate int) (delivered float64, ok bool, err error) {
	c.rate = rate
	if c.shape == "R" {
		c.flows = rate / flowRate
	}
	for range 2 {
		f, err := b.traffic(ctx, c, t, b.duration/2, nil)
		if err != nil {
			return 0, false, err
		}
		if f.bound {
			fmt.Fprintf(os.Stderr, "~%d ", rate)
		} else if f.lost() < lossLimit && f.after < lossLimit {
			return f.rate, true, nil
		}
	}
	return 0, false, nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }
