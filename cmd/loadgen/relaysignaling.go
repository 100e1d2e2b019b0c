//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
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

// talk has a process of its own send messages between pairs of clients for a
// while. It shares the generator's processor and goes first there: clients
// elsewhere wait for the server and not for whoever sends the packets.
func (b *relayBench) talk(ctx context.Context, t *contestant) (f figures, err error) {
	cmd := exec.CommandContext(ctx, os.Args[0], "relay-messages", t.http, strconv.Itoa(b.sessions), b.duration.String())
	cmd.SysProcAttr, cmd.Stderr = withUs(), os.Stderr
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := onCPU(b.generatorCPU, func() error { return urgently(cmd.Start) }); err != nil {
		return f, err
	}
	if err := cmd.Wait(); err != nil {
		return f, err
	}
	_, err = fmt.Sscan(out.String(), &f.p50, &f.p99)
	return f, err
}

// relayMessages is what talk starts: it prints the median and the 99th
// percentile in nanoseconds.
func relayMessages(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("relay-messages takes an address, a number of clients and a duration")
	}
	conns, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	duration, err := time.ParseDuration(args[2])
	if err != nil {
		return err
	}
	clients, err := connectAll(target{ours, nil, connectParley}, args[0], conns)
	defer closeAll(clients)
	if err != nil {
		return err
	}
	var f figures
	l := load{conns: conns, rate: messageRate, size: messageSize, duration: duration}
	if err := exchange(ctx, l, clients, receiveAll(clients), &f); err != nil {
		return err
	}
	_, err = fmt.Println(f.p50.Nanoseconds(), f.p99.Nanoseconds())
	return errors.Join(err, ctx.Err())
}

// urgently has what start starts go before everything that is scheduled as
// usual. Without the right to do so it is started all the same.
func urgently(start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	first := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
	if err := unix.SchedSetAttr(0, first, 0); err != nil {
		fmt.Fprintln(os.Stderr, "without the right to go first (CAP_SYS_NICE) the messages' clients wait for the generator too:", err)
		return start()
	}
	defer func() { _ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr}, 0) }() // as any other: always allowed
	return start()
}

func millis(d time.Duration) float64 { return d.Seconds() * 1e3 }
