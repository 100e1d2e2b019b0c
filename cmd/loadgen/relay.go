//go:build linux

package main

import (
	"context"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
)

// relay runs the benchmark of the relay's data plane; relayHelp says what it does.
func relay(ctx context.Context, w io.Writer, args []string) error {
	o, err := parseRelay(args)
	if err != nil {
		return err
	}
	dir, err := scratch("relay")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := writeFiles(dir); err != nil {
		return err
	}
	b := &relayBench{relayOptions: o, dir: dir, serverCPU: -1, generatorCPU: -1, cores: runtime.NumCPU()}
	if o.pin && runtime.NumCPU() > 1 {
		b.generatorCPU, b.serverCPU, b.cores = 0, 1, 1
	}
	for _, t := range contestants(o.binary) {
		if slices.Contains(o.only, t.name) {
			b.contestants = append(b.contestants, t)
		}
	}
	defer b.stop()
	for _, name := range o.measures {
		if err := b.measureAside(ctx, w, name); err != nil {
			return err
		}
	}
	return nil
}

// measureAside keeps out of the server's way, but for memory: its clients are
// busy with signatures, and with the runtime's own work on the same processor so
// slow that the server would sleep and wake for each request.
func (b *relayBench) measureAside(ctx context.Context, w io.Writer, name string) error {
	if b.generatorCPU >= 0 && name != "memory" {
		leave, err := stayOn(b.generatorCPU)
		if err != nil {
			return err
		}
		defer leave()
	}
	return b.measure(ctx, w, b.measurement(name))
}

// cases is every combination that makes sense, once.
func (o relayOptions) cases() (out []relayCase) {
	for _, shape := range o.shapes {
		for _, transport := range o.transports {
			for _, mode := range o.modes {
				for _, direction := range o.directions {
					for _, size := range o.sizes {
						c := o.newCase(relayCase{shape: shape, direction: direction, transport: transport}, mode, size)
						if !slices.Contains(out, c) {
							out = append(out, c)
						}
					}
				}
			}
		}
	}
	return out
}

// newCase fills in what the shape decides.
func (o relayOptions) newCase(c relayCase, mode, size string) relayCase {
	if c.mode = channel; mode == "indication" {
		c.mode = indication
	}
	c.size, _ = strconv.Atoi(size) // check has seen that it is a number
	c.flows, c.rate, c.burst = 20, o.rate, o.burst
	switch c.shape {
	case "R":
		c.flows, c.size, c.rate, c.burst = 200, 0, 0, 0
	case "L":
		c.direction = ""
	}
	if o.flows > 0 {
		c.flows = o.flows
	}
	if c.shape == "L" {
		c.flows += c.flows % 2 // they are pairs
	}
	return c
}
