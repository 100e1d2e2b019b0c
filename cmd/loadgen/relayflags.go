//go:build linux

package main

import (
	"errors"
	"flag"
	"fmt"
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
	binary                                string
	only, measures                        []string
	shapes, directions, transports, modes []string
	sizes                                 []string // numbers
	rate, latencyRate, flows, burst       int
	rounds, allocations, sessions         int
	gso, gro, pin                         bool
	duration                              time.Duration
}

// words is a flag whose value is some of the choices, with commas.
type words struct {
	to      *[]string
	choices string
}

// String implements flag.Value.
func (w words) String() string {
	if w.to == nil {
		return ""
	}
	return strings.Join(*w.to, ",")
}

// Set implements flag.Value.
func (w words) Set(text string) error {
	*w.to = strings.Split(text, ",")
	for _, v := range *w.to {
		if !slices.Contains(strings.Split(w.choices, ","), v) {
			return fmt.Errorf("%q is not one of: %s", v, w.choices)
		}
	}
	return nil
}

func parseRelay(args []string) (o relayOptions, err error) {
	fs := flag.NewFlagSet("loadgen relay", flag.ContinueOnError)
	fs.Usage = func() {} // a wrong word must not drown in all of it
	o.defineTraffic(fs)
	o.defineRun(fs)
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			fmt.Fprint(fs.Output(), relayHelp)
			fs.PrintDefaults()
		}
		return o, err
	}
	return o, o.check()
}

func (o *relayOptions) defineRun(fs *flag.FlagSet) {
	const servers = "parley,parley-pion,coturn,pion,forward"
	o.only, o.measures = strings.Split(servers, ","), []string{"cpu"}
	fs.StringVar(&o.binary, "parley", "bin/parley", "the parley binary")
	fs.Var(words{&o.only, servers}, "only", "`servers`, with commas")
	fs.Var(words{&o.measures, "cpu,latency,max,memory,signaling"}, "measure", "`measures`, with commas")
	fs.IntVar(&o.rounds, "rounds", 6, "rounds; the servers alternate in each")
	fs.DurationVar(&o.duration, "duration", 2*time.Second, "how long packets flow in one round of one case")
	fs.BoolVar(&o.pin, "pin", true, "one processor for the server and another for the generator")
	fs.IntVar(&o.allocations, "allocations", 10000, "allocations of -measure memory; each takes a socket here and one or more in the server")
	fs.IntVar(&o.sessions, "sessions", 200, "WebSocket connections of -measure signaling")
}

func (o *relayOptions) defineTraffic(fs *flag.FlagSet) {
	o.shapes, o.directions, o.transports = []string{"F", "L"}, []string{"up", "down"}, []string{"udp"}
	o.sizes, o.modes = []string{"1200"}, []string{"channel"}
	fs.Var(words{&o.shapes, "F,R,L"}, "shapes", "`shapes` of the traffic, with commas")
	fs.Var(words{&o.directions, "up,down,both"}, "directions", "`directions` of F and R, with commas: up (client to peer), down, both (half the packets each way)")
	fs.Var(words{&o.transports, "udp,tcp,tls"}, "transports", "`transports` between client and server, with commas: udp, tcp, tls")
	fs.Var(words{&o.modes, "channel,indication"}, "modes", "how clients' packets are framed, with commas: `channel` (ChannelData), indication (Send and Data)")
	fs.Func("sizes", fmt.Sprintf("payload `bytes` of F and L, with commas, %d to %d each (default 1200)", minPayload, largestPayload), func(text string) error {
		o.sizes = strings.Split(text, ",")
		return nil
	})
	fs.IntVar(&o.rate, "rate", 50000, "packets/s of F and L, all flows together")
	fs.IntVar(&o.latencyRate, "latency-rate", 10000, "packets/s of -measure latency")
	fs.IntVar(&o.flows, "flows", 0, "flows; 0 means 20, or 200 in R")
	fs.IntVar(&o.burst, "burst", 32, "packets that a flow of F or L sends at once")
	fs.BoolVar(&o.gso, "gso", false, "the generator hands the kernel a burst in one piece (UDP_SEGMENT): on loopback the server's UDP_GRO then finds it made, which no network card does")
	fs.BoolVar(&o.gro, "gro", false, "the generator's sockets take equal neighbours in one piece (UDP_GRO): on loopback the server's UDP_SEGMENT then costs no cutting, as with a network card that cuts")
}

// check refuses what no run could do.
func (o relayOptions) check() error {
	for _, s := range o.sizes {
		if n, err := strconv.Atoi(s); err != nil || n < minPayload || n > largestPayload {
			return fmt.Errorf("-sizes: %q is not a number from %d to %d", s, minPayload, largestPayload)
		}
	}
	for name, n := range map[string]int{"rate": o.rate, "latency-rate": o.latencyRate, "burst": o.burst, "rounds": o.rounds,
		"allocations": o.allocations, "sessions": o.sessions, "duration": int(o.duration), "flows": o.flows + 1} {
		if n < 1 {
			return fmt.Errorf("-%s is too small", name)
		}
	}
	if o.sessions%2 != 0 {
		return errors.New("-sessions: they talk in pairs, so it takes an even number")
	}
	return nil
}
