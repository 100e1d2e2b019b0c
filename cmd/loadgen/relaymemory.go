//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// allocators is how many allocations are under way at once.
	allocators = 16
	// rest is what a server gets before its memory is read.
	rest = time.Second
)

func (b *relayBench) memory() measurement {
	return measurement{
		title: fmt.Sprintf("%d idle allocations", b.allocations), fresh: true,
		cases: []relayCase{{shape: "idle", transport: "udp", mode: channel}},
		columns: []relayColumn{{"MB in all", true}, {"KB an allocation", true}, {"µs CPU an allocation", true},
			{"allocations a CPU second", true}, {"made/s", false}},
		run: func(ctx context.Context, c relayCase, t *contestant) ([]float64, error) {
			if t.bare {
				return nil, nil
			}
			return b.allocateMany(ctx, c, t)
		},
	}
}

// allocateMany starts a server, for memory that was once in use stays, and
// fills it.
func (b *relayBench) allocateMany(ctx context.Context, c relayCase, t *contestant) ([]float64, error) {
	if err := t.start(ctx, b.dir, b.serverCPU, b.cores); err != nil {
		return nil, err
	}
	defer t.stop()
	if err := sleep(ctx, rest); err != nil {
		return nil, err
	}
	empty, err1 := t.process.rss()
	before, err2 := t.process.cpu()
	start := time.Now()
	flows, err3 := b.allocateAll(ctx, c, t)
	took := time.Since(start)
	defer func() {
		for _, f := range flows {
			f.close() // the server is thrown away
		}
	}()
	after, err4 := t.process.cpu()
	if err := errors.Join(err1, err2, err3, err4, sleep(ctx, rest)); err != nil {
		return nil, err
	}
	full, err := t.process.rss()
	n, busy := float64(b.allocations), after-before
	return []float64{float64(full) / 1e6, float64(full-empty) / n / 1e3, micros(busy) / n, n / busy.Seconds(), n / took.Seconds()}, err
}

func (b *relayBench) allocateAll(ctx context.Context, c relayCase, t *contestant) ([]*flow, error) {
	parts := make([][]*flow, allocators)
	errs := make([]error, allocators)
	var wg sync.WaitGroup
	for w := range allocators {
		wg.Go(func() {
			errs[w] = onCPU(b.generatorCPU, func() error {
				for i := w; i < b.allocations && ctx.Err() == nil; i += allocators {
					f, err := openFlow(c, t, i)
					if err != nil {
						return err
					}
					parts[w] = append(parts[w], f)
				}
				return nil
			})
		})
	}
	wg.Wait()
	var all []*flow
	for _, p := range parts {
		all = append(all, p...)
	}
	return all, errors.Join(append(errs, ctx.Err())...)
}

// sleep waits unless the run is ended.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
