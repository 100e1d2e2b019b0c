//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// share of the relay's maximum that runs beside the messages, in percent.
	share = 80
	// messageRate and messageSize are a busy hub's: joins, offers, candidates.
	messageRate = 1000
	messageSize = 300
	// lead is how long the relay works before the messages start.
	lead = 300 * time.Millisecond
)

// signaling measures what relayed calls do to everyone else on the server.
func (b *relayBench) signaling() measurement {
	most := 0.0
	return measurement{
		title: fmt.Sprintf("WebSocket messages at %d/s, while the relay rests and at %d %% of its maximum", messageRate, share), fresh: true,
		cases: []relayCase{{shape: "R", direction: "both", transport: "udp", mode: channel}},
		columns: []relayColumn{{"relayed/s", false}, {"ms p50 at rest", false}, {"ms p50 beside", false},
			{"ms p99 at rest", false}, {"ms p99 beside", false}, {"p99 beside / at rest", false}},
		run: func(ctx context.Context, c relayCase, t *contestant) ([]float64, error) {
			if t.name != ours {
				return nil, nil
			}
			if err := t.start(ctx, b.dir, b.serverCPU, b.cores, "PARLEY_TLS_MODE=off", "PARLEY_RELAY_TLS_LISTEN="); err != nil {
				return nil, err
			}
			defer t.stop()
			var err error
			if most == 0 { // once: the search takes longer than the rest
				if most, err = b.highest(ctx, c, t); err != nil {
					return nil, err
				}
			}
			c.flows = int(most) * share / 100 / flowRate
			return b.beside(ctx, c, t)
		},
	}
}

func (b *relayBench) beside(ctx context.Context, c relayCase, t *contestant) ([]float64, error) {
	alone, err := b.talk(ctx, t)
	if err != nil {
		return nil, err
	}
	var traffic trafficFigures
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		traffic, failed = b.traffic(ctx, c, t, b.duration+2*lead)
	}()
	err = sleep(ctx, lead)
	both := figures{}
	if err == nil {
		both, err = b.talk(ctx, t)
	}
	<-done
	return []float64{traffic.rate, millis(alone.p50), millis(both.p50), millis(alone.p99), millis(both.p99), float64(both.p99) / float64(alone.p99)},
		errors.Join(err, failed)
}

// talk sends messages between pairs of clients for a while.
func (b *relayBench) talk(ctx context.Context, t *contestant) (f figures, err error) {
	l := load{conns: b.sessions, rate: messageRate, size: messageSize, duration: b.duration}
	clients, err := connectAll(target{t.name, nil, connectParley}, t.http, l.conns)
	defer closeAll(clients)
	if err != nil {
		return f, err
	}
	err = messages(ctx, t.process, l, clients, receiveAll(clients), &f)
	return f, errors.Join(err, ctx.Err())
}

func millis(d time.Duration) float64 { return d.Seconds() * 1e3 }
