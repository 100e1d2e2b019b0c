// Command loadgen measures servers from outside, the way users meet them: it
// starts Parley and its peers as processes of their own, alternates them in
// one run and prints what each cost. It never judges; figures of one machine
// mean little, ratios of one run more.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "loadgen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("say what to measure: signaling")
	}
	switch args[0] {
	case "signaling":
		return signaling(ctx, args[1:])
	case "forward": // the bare forwarder that signaling starts beside the others
		return forward(args[1:])
	}
	return fmt.Errorf("%q is not one of: signaling", args[0])
}
