package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// target is one server under test.
type target struct {
	name    string
	start   func(ctx context.Context) (*process, error)
	connect func(addr string, i int) (client, error)
}

// load is what every target is given.
type load struct {
	conns, rate, size, rounds int
	duration, settle, warm    time.Duration
}

// figures are what one target cost in one round.
type figures struct {
	connectCPU time.Duration // a connection, until it is in its room
	idleBytes  float64       // resident memory a connection
	messageCPU time.Duration // a delivered message
	p50, p99   time.Duration
	delivered  int
	lost       int
}

func signaling(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("loadgen signaling", flag.ContinueOnError)
	var l load
	fs.IntVar(&l.conns, "conns", 3000, "connections, in pairs")
	fs.IntVar(&l.rate, "rate", 4000, "messages a second in all")
	fs.IntVar(&l.size, "size", 300, "bytes of one message's payload")
	fs.IntVar(&l.rounds, "rounds", 6, "rounds; the targets alternate in each")
	fs.DurationVar(&l.duration, "duration", 10*time.Second, "how long messages flow in a round")
	fs.DurationVar(&l.warm, "warm", 0, "how long messages flow before those that count: each connection's first one is dearer")
	fs.DurationVar(&l.settle, "settle", 2*time.Second, "rest before memory is read")
	binary := fs.String("parley", "bin/parley", "the parley binary")
	peers := fs.String("peers", "cmd/loadgen/peers", "folder of the Node peers, with `npm ci` done")
	only := fs.String("only", "parley,forward,peerjs,socketio", "targets, with commas")
	if err := fs.Parse(args); err != nil {
		return err
	}
	var targets []target
	for _, t := range allTargets(*binary, *peers) {
		if slices.Contains(strings.Split(*only, ","), t.name) {
			targets = append(targets, t)
		}
	}
	results := make(map[string][]figures)
	for round := range l.rounds {
		for i := range targets {
			t := targets[(i+round)%len(targets)] // another one first each time
			f, err := measure(ctx, t, l)
			if err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d %-9s connect %v, idle %.1f KB, message %v, p50 %v p99 %v, delivered %d, lost %d\n",
				round+1, t.name, f.connectCPU, f.idleBytes/1000, f.messageCPU, f.p50, f.p99, f.delivered, f.lost)
			results[t.name] = append(results[t.name], f)
		}
	}
	report(os.Stdout, l, targets, results)
	return nil
}

func allTargets(binary, peers string) []target {
	node := func(script string) func(context.Context) (*process, error) {
		return func(ctx context.Context) (*process, error) {
			return launch(ctx, nil, func(addr string) []string {
				_, port, _ := strings.Cut(addr, ":")
				return []string{"node", peers + "/" + script, port}
			})
		}
	}
	return []target{
		{"parley", func(ctx context.Context) (*process, error) { return startParley(ctx, binary) }, connectParley},
		{"forward", func(ctx context.Context) (*process, error) {
			return launch(ctx, nil, func(addr string) []string { return []string{os.Args[0], "forward", addr} })
		}, connectForward},
		{"peerjs", node("peerjs.js"), connectPeerJS},
		{"socketio", node("socketio.js"), connectSocketIO},
	}
}

func launch(ctx context.Context, env []string, command func(addr string) []string) (*process, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	c := command(addr)
	return startProcess(ctx, addr, env, c[0], c[1:]...)
}

// startParley lifts the limits that one address would meet; everything else is
// the default.
func startParley(ctx context.Context, binary string) (*process, error) {
	dir, err := scratch("bench")
	if err != nil {
		return nil, err
	}
	p, err := launchParley(ctx, dir, binary)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	p.dir = dir
	return p, nil
}

func launchParley(ctx context.Context, dir, binary string) (*process, error) {
	addr, err := freePort()
	if err != nil {
		return nil, err
	}
	env := []string{
		"PARLEY_DATA_DIR=" + dir, "PARLEY_HTTP_LISTEN=" + addr, "PARLEY_RELAY_LISTEN=127.0.0.1:0", "PARLEY_ADMIN_LISTEN=127.0.0.1:0",
		"PARLEY_SIGNALING_MAX_SESSIONS=100000", "PARLEY_SIGNALING_MAX_SESSIONS_PER_IP=100000", "PARLEY_LOG_LEVEL=warn",
	}
	return startProcess(ctx, addr, env, binary, "serve")
}

func measure(ctx context.Context, t target, l load) (f figures, err error) {
	p, err := t.start(ctx)
	if err != nil {
		return f, err
	}
	defer p.stop()
	time.Sleep(l.settle)
	empty, err := p.rss()
	if err != nil {
		return f, err
	}
	before, err := p.cpu()
	if err != nil {
		return f, err
	}
	clients, err := connectAll(t, p.addr, l.conns)
	defer closeAll(clients)
	if err != nil {
		return f, err
	}
	s := receiveAll(clients)
	time.Sleep(l.settle)
	connected, err := p.cpu()
	if err != nil {
		return f, err
	}
	full, err := p.rss()
	if err != nil {
		return f, err
	}
	f.connectCPU = (connected - before) / time.Duration(l.conns)
	f.idleBytes = float64(full-empty) / float64(l.conns)
	if err := warmUp(ctx, p, l, clients, s); err != nil {
		return f, err
	}
	return f, messages(ctx, p, l, clients, s, &f)
}

// warmUp sends messages that do not count.
func warmUp(ctx context.Context, p *process, l load, clients []client, s *sink) error {
	if l.warm == 0 {
		return nil
	}
	l.duration = l.warm
	if err := messages(ctx, p, l, clients, s, &figures{}); err != nil {
		return err
	}
	s.clear()
	return nil
}

// connecting is how many clients connect at once.
const connecting = 16

func connectAll(t target, addr string, n int) ([]client, error) {
	clients := make([]client, n)
	errs := make([]error, connecting)
	var wg sync.WaitGroup
	for w := range connecting {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += connecting {
				clients[i], errs[w] = t.connect(addr, i)
			}
		})
	}
	wg.Wait()
	return clients, errors.Join(errs...)
}

func closeAll(clients []client) {
	for _, c := range clients {
		if c != nil {
			c.close()
		}
	}
}

// sink gathers what arrived.
type sink struct {
	received atomic.Int64
	mu       sync.Mutex
	latency  []time.Duration
}

type payload struct {
	TS  int64  `json:"ts"`
	Pad string `json:"pad"`
}

func receiveAll(clients []client) *sink {
	s := &sink{}
	for _, c := range clients {
		go func() {
			for {
				b, err := c.receive()
				if err != nil {
					return
				}
				if b != nil {
					s.arrived(b)
				}
			}
		}()
	}
	return s
}

func (s *sink) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = nil
	s.received.Store(0)
}

func (s *sink) arrived(b []byte) {
	now := time.Now().UnixNano()
	var p payload
	if json.Unmarshal(b, &p) != nil || p.TS == 0 {
		return
	}
	s.received.Add(1)
	s.mu.Lock()
	s.latency = append(s.latency, time.Duration(now-p.TS))
	s.mu.Unlock()
}

// tick is the pace of the senders: small against the latencies that matter.
const tick = 2 * time.Millisecond

// messages tells also what each message cost the server.
func messages(ctx context.Context, p *process, l load, clients []client, s *sink, f *figures) error {
	before, err := p.cpu()
	if err != nil {
		return err
	}
	if err := exchange(ctx, l, clients, s, f); err != nil {
		return err
	}
	after, err := p.cpu()
	f.messageCPU = (after - before) / time.Duration(f.delivered)
	return err
}

// exchange sends at a fixed rate whatever the server does, so that a slow one
// shows in the latency and not in fewer messages.
func exchange(ctx context.Context, l load, clients []client, s *sink, f *figures) error {
	pad := strings.Repeat("x", max(0, l.size-len(`{"ts":1700000000000000000,"pad":""}`)))
	sent, next := 0, 0
	start := time.Now()
	for time.Since(start) < l.duration && ctx.Err() == nil {
		due := int(time.Since(start).Seconds() * float64(l.rate))
		for ; sent < due; sent++ {
			body := fmt.Appendf(nil, `{"ts":%d,"pad":"%s"}`, time.Now().UnixNano(), pad)
			if err := clients[next].send(body); err != nil {
				return err
			}
			next = (next + 1) % len(clients)
		}
		time.Sleep(tick)
	}
	waitForLast(s, sent)
	s.mu.Lock()
	defer s.mu.Unlock()
	f.delivered, f.lost = len(s.latency), sent-len(s.latency)
	if f.delivered == 0 {
		return errors.New("nothing was delivered")
	}
	slices.Sort(s.latency)
	f.p50, f.p99 = s.latency[f.delivered/2], s.latency[f.delivered*99/100]
	return nil
}

// waitForLast gives what is under way two seconds to arrive.
func waitForLast(s *sink, sent int) {
	for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline) && s.received.Load() < int64(sent); {
		time.Sleep(tick)
	}
}
