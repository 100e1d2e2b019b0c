package main

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Set by the linker: -X main.version=... -X main.commit=...
var version, commit string

// versionOf prefers what the linker stamped over what the Go tool recorded.
func versionOf() (v, c string) {
	v, c = version, commit
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return orElse(v, "unknown"), orElse(c, "unknown")
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			c = orElse(c, s.Value)
		}
	}
	return orElse(v, info.Main.Version), orElse(c, "unknown")
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func versionCommand(_ context.Context, t terminal, fs *flag.FlagSet, args []string) error {
	if _, err := parse(fs, args, 0); err != nil {
		return err
	}
	v, c := versionOf()
	fmt.Fprintf(t.out, "parley %s (commit %s, %s)\n", v, c, runtime.Version())
	return nil
}
