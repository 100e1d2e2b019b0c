//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const relayHelp = `loadgen relay starts TURN servers and the bare forwarder as processes of their own, sends the same packets through each in turn, round by round,
and prints what each cost, as Markdown: median (smallest–largest), and ratios taken round by round. It is for Linux.

Servers (-only): parley is our binary with engine "user", parley-pion the same with engine "pion"; coturn is Debian's turnserver, or the binary that
the environment names as COTURN; pion is a server as the examples of pion/turn v4 write it; forward is the bare forwarder, which knows no protocol and
moves datagrams with recvmmsg, sendmmsg, UDP_GRO and UDP_SEGMENT: the floor. It has no TCP, TLS or indications and is left out there.

Shapes (-shapes):
  F  flood: 20 flows of equal packets, each sent in bursts (-burst), evenly spaced (-rate for all flows together)
  R  realistic: 200 calls, each 50 packets/s of 100 bytes and 30 frames/s of 3 or 4 packets of 1100 bytes; 30,000 packets/s in all, never with -gso
  L  relay to relay: flows in pairs whose peers are each other's relayed addresses on the same server

Measures (-measure):
  cpu        CPU time of the server for each delivered packet at the fixed rate, all its threads, as the kernel accounts it; loss and latency beside it
  latency    time from the send to the arrival at -latency-rate packets/s, without bursts
  max        most packets/s delivered with less than 0.1 % lost, by search; a tilde in the log marks a rate that the generator could not offer
  memory     a new server each round: memory with -allocations allocations, and CPU time for making them; how many were made a second is bound by
             the generator, so those that a second of the server's CPU makes are compared
  signaling  parley alone: latency of WebSocket messages while the relay rests, and while it runs at 80 % of its maximum

Loss is told by place: "before" in the socket buffers that the server did not read in time, "inside" what it dropped, "after" in the generator's own
sockets. With -pin the server has one processor and the generator another. The first round after the start is thrown away.
LOADGEN_VERBOSE=1 shows what the servers write.

`

// largestPayload fits an Ethernet frame with all headers.
const largestPayload = 1400

// relayOptions are what the command line says.
type relayOptions struct {
	binary                                            string
	only, measures, shapes, directions, transports    []string
	sizes                                             []int
	modes                                             []framing
	rate, latencyRate, flows, burst, rounds, sessions int
	allocations                                       int
	gso, gro, pin                                     bool
	duration                                          time.Duration
}

func relay(ctx context.Context, w io.Writer, args []string) error {
	o, err := parseRelay(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "loadgen-relay-")
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
		if err := b.measure(ctx, w, b.measurement(name)); err != nil {
			return err
		}
	}
	return nil
}

func parseRelay(args []string) (o relayOptions, err error) {
	fs := flag.NewFlagSet("loadgen relay", flag.ContinueOnError)
	fs.Usage = func() {} // a wrong word must not drown in all of it
	list := func(to *[]string, name, value, choices, usage string) {
		*to = strings.Split(value, ",")
		fs.Func(name, usage+", with commas (default "+value+")", func(s string) error {
			*to = strings.Split(s, ",")
			for _, v := range *to {
				if !slices.Contains(strings.Split(choices, ","), v) {
					return fmt.Errorf("%q is not one of: %s", v, choices)
				}
			}
			return nil
		})
	}
	fs.StringVar(&o.binary, "parley", "bin/parley", "the parley binary")
	list(&o.only, "only", "parley,parley-pion,coturn,pion,forward", "parley,parley-pion,coturn,pion,forward", "servers")
	list(&o.measures, "measure", "cpu", "cpu,latency,max,memory,signaling", "what to measure: cpu, latency, max, memory, signaling")
	list(&o.shapes, "shapes", "F,L", "F,R,L", "shapes of the traffic: F, R, L")
	list(&o.directions, "directions", "up,down", "up,down,both", "of F and R: up (client to peer), down, both (half the packets each way)")
	list(&o.transports, "transports", "udp", "udp,tcp,tls", "between client and server: udp, tcp, tls")
	var modes []string
	sizes := fs.String("sizes", "1200", "payload bytes of F and L, with commas")
	list(&modes, "modes", "channel", "channel,indication", "how clients' packets are framed: channel, indication")
	fs.IntVar(&o.rate, "rate", 50000, "packets/s of F and L, all flows together")
	fs.IntVar(&o.latencyRate, "latency-rate", 10000, "packets/s of -measure latency")
	fs.IntVar(&o.flows, "flows", 0, "flows; 0 means 20, or 200 in R")
	fs.IntVar(&o.burst, "burst", 32, "packets that a flow of F or L sends at once")
	fs.BoolVar(&o.gso, "gso", false, "the generator hands the kernel a burst in one piece (UDP_SEGMENT): on loopback the server's UDP_GRO then finds it made, which no network card does")
	fs.BoolVar(&o.gro, "gro", false, "the generator's sockets take equal neighbours in one piece (UDP_GRO): on loopback the server's UDP_SEGMENT then costs no cutting, as with a network card that cuts")
	fs.IntVar(&o.rounds, "rounds", 6, "rounds; the servers alternate in each")
	fs.DurationVar(&o.duration, "duration", 2*time.Second, "how long packets flow in one round of one case")
	fs.BoolVar(&o.pin, "pin", true, "one processor for the server and another for the generator")
	fs.IntVar(&o.allocations, "allocations", 10000, "allocations of -measure memory; each takes a socket here and one or more in the server")
	fs.IntVar(&o.sessions, "sessions", 200, "WebSocket connections of -measure signaling")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(fs.Output(), relayHelp)
			fs.PrintDefaults()
		}
		return o, err
	}
	for _, s := range strings.Split(*sizes, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < minPayload || n > largestPayload {
			return o, fmt.Errorf("-sizes: %q is not a number from %d to %d", s, minPayload, largestPayload)
		}
		o.sizes = append(o.sizes, n)
	}
	for _, m := range modes {
		o.modes = append(o.modes, map[string]framing{"channel": channel, "indication": indication}[m])
	}
	return o, nil
}

// cases is every combination that makes sense.
func (o relayOptions) cases() (out []relayCase) {
	for _, shape := range o.shapes {
		for _, transport := range o.transports {
			for _, mode := range o.modes {
				for _, direction := range o.directions {
					for _, size := range o.sizes {
						c := relayCase{shape: shape, direction: direction, size: size, transport: transport, mode: mode,
							rate: o.rate, burst: o.burst, flows: o.flows}
						if shape == "L" {
							c.direction = ""
						}
						if shape == "R" {
							c.size, c.rate, c.burst = 0, 0, 0
						}
						if c.flows == 0 {
							c.flows = map[string]int{"F": 20, "L": 20, "R": 200}[shape]
						}
						if c.shape == "L" {
							c.flows += c.flows % 2
						}
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
