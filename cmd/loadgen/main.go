// Command loadgen measures servers from outside, the way users meet them: it
// starts Parley and its peers as processes of their own, alternates them in
// one run and prints what each cost. It never judges; figures of one machine
// mean little, ratios of one run more. Only soak and churn judge: they use Parley for long.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("say what to do: signaling, relay, soak or churn (each explains itself with -h)")
	}
	switch args[0] {
	case "signaling":
		return signaling(ctx, args[1:])
	case "relay":
		return relay(ctx, os.Stdout, args[1:])
	case "soak":
		return soak(ctx, os.Stdout, args[1:])
	case "churn":
		return churn(ctx, os.Stdout, args[1:])
	case "forward": // the bare forwarder that signaling starts beside the others
		return forward(args[1:])
	case "relay-forward": // the same for relay
		return relayForward(args[1:])
	case "relay-pion": // pion's own server, which relay starts beside the others
		return relayPion(ctx, args[1:])
	case "relay-messages": // the WebSocket clients that relay has beside its packets
		return relayMessages(ctx, args[1:])
	}
	return fmt.Errorf("%q is not one of: signaling, relay, soak, churn", args[0])
}
