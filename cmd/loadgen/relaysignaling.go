//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
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
			if err := t.process.goBeforeOthers(); err != nil {
				fmt.Fprintln(os.Stderr, "without the right to set priorities (CAP_SYS_NICE) the server shares its processor with the machine's daemons:", err)
			}
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
	k, err := b.connectTalkers(ctx, t)
	if err != nil {
		return nil, err
	}
	defer k.stop()
	alone, err := k.talk()
	if err != nil {
		return nil, err
	}
	var traffic trafficFigures
	var both figures
	for range tries {
		if traffic, both, err = b.meanwhile(ctx, c, t, k); err != nil || !traffic.bound {
			break
		}
		fmt.Fprint(os.Stderr, "(late) ")
	}
	return []float64{traffic.rate, millis(alone.p50), millis(both.p50), millis(alone.p99), millis(both.p99), float64(both.p99) / float64(alone.p99)}, err
}

// meanwhile has messages sent while packets flow.
func (b *relayBench) meanwhile(ctx context.Context, c relayCase, t *contestant, k *talkers) (traffic trafficFigures, both figures, err error) {
	var failed error
	begun, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		traffic, failed = b.traffic(ctx, c, t, b.duration+2*lead, begun)
	}()
	select {
	case <-begun:
		if err = sleep(ctx, lead); err == nil {
			both, err = k.talk()
		}
	case <-done:
	}
	<-done
	return traffic, both, errors.Join(err, failed)
}

// talkers are pairs of WebSocket clients in a process of their own. It shares
// the generator's processor and goes first there: clients elsewhere wait for the
// server and not for whoever sends the packets.
type talkers struct {
	ctx context.Context
	cmd *exec.Cmd
	in  io.WriteCloser
	out io.Reader
}

// connectTalkers returns when all of them have met.
func (b *relayBench) connectTalkers(ctx context.Context, t *contestant) (*talkers, error) {
	args := []string{"relay-messages", t.http, strconv.Itoa(b.sessions), b.duration.String()}
	if b.generatorCPU >= 0 { // else they would go before the server too
		args = append(args, first)
	}
	k := &talkers{ctx: ctx, cmd: exec.CommandContext(ctx, os.Args[0], args...)}
	k.cmd.SysProcAttr, k.cmd.Stderr = withUs(), os.Stderr
	in, err := k.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := k.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	k.in, k.out = in, out
	if err := k.cmd.Start(); err != nil {
		return nil, err
	}
	var ready string
	if _, err := fmt.Fscan(k.out, &ready); err != nil {
		return nil, k.failed(err)
	}
	return k, nil
}

// talk has messages sent for a while.
func (k *talkers) talk() (f figures, err error) {
	if _, err := fmt.Fprintln(k.in); err != nil {
		return f, k.failed(err)
	}
	if _, err := fmt.Fscan(k.out, &f.p50, &f.p99, &f.lost); err != nil {
		return f, k.failed(err)
	}
	if f.lost > 0 {
		return f, fmt.Errorf("%d messages did not arrive", f.lost)
	}
	return f, nil
}

func (k *talkers) failed(err error) error {
	k.stop()
	return errors.Join(k.ctx.Err(), fmt.Errorf("the messages' clients: %w", err))
}

func (k *talkers) stop() {
	_ = k.in.Close() // which ends them
	_ = k.cmd.Wait() // what went wrong, talk has told
}

// first is the word by which clients go before everything that is scheduled as
// usual.
const first = "first"

// relayMessages is what connectTalkers starts. It says when it is ready, and
// prints for each line that it is given the median and the 99th percentile in
// nanoseconds, and how many messages were lost.
func relayMessages(ctx context.Context, args []string) error {
	if len(args) < 3 {
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
	if slices.Contains(args, first) {
		goFirst()
	}
	clients, err := connectAll(target{ours, nil, connectParley}, args[0], conns)
	defer closeAll(clients)
	if err != nil {
		return err
	}
	s := receiveAll(clients)
	for _, c := range clients {
		if err := waitForPartner(ctx, c.(*parleyClient)); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var f figures
		s.clear()
		if err := exchange(ctx, load{conns: conns, rate: messageRate, size: messageSize, duration: duration}, clients, s, &f); err != nil {
			return err
		}
		fmt.Println(f.p50.Nanoseconds(), f.p99.Nanoseconds(), f.lost)
	}
	return ctx.Err()
}

// waitForPartner returns once there is somebody to send to.
func waitForPartner(ctx context.Context, c *parleyClient) error {
	for end := time.Now().Add(patience); c.partner.Load() == nil; {
		if time.Now().After(end) {
			return errors.New("a client's partner has not come")
		}
		if err := sleep(ctx, tick); err != nil {
			return err
		}
	}
	return nil
}

// goFirst lifts all threads of this process, and those to come. Without the
// right to do so they wait as any other.
func goFirst() {
	err := eachThread(os.Getpid(), func(id int) error {
		return unix.SchedSetAttr(id, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}, 0)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "without the right to go first (CAP_SYS_NICE) the messages' clients wait for the generator too:", err)
	}
}

// goBeforeOthers gives a process the highest of the usual priorities: what else
// the machine has to do would take its processor for milliseconds.
func (p *process) goBeforeOthers() error {
	return eachThread(p.cmd.Process.Pid, func(id int) error { return unix.Setpriority(unix.PRIO_PROCESS, id, -20) })
}

func millis(d time.Duration) float64 { return d.Seconds() * 1e3 }
