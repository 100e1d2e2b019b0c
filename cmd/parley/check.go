package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"

	"parley/cmd/internal/config"
	"parley/signaling/auth"
)

// loadConfig reads the -config flag of a command and the configuration.
func loadConfig(t terminal, fs *flag.FlagSet, args []string) (config.Config, error) {
	file := configFlag(fs)
	if _, err := parse(fs, args, 0); err != nil {
		return config.Config{}, err
	}
	return config.Load(*file, t.env)
}

func configFlag(fs *flag.FlagSet) *string {
	return fs.String("config", "", "the configuration `FILE`; without it ./config.toml, then /etc/parley/config.toml, then the defaults")
}

func checkCommand(_ context.Context, t terminal, fs *flag.FlagSet, args []string) error {
	cfg, err := loadConfig(t, fs, args)
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	if problems = checkContents(cfg, problems); len(problems) > 0 {
		return problems
	}
	for _, w := range cfg.Warnings() {
		fmt.Fprintf(t.out, "warning: %s: %s\n", w.Key, w.Sentence)
	}
	fmt.Fprintf(t.out, "%s: no problem found.\n", orElse(cfg.File, "The embedded defaults"))
	return nil
}

// checkContents adds what is wrong inside the files of [auth] to the problems of
// the configuration itself. A file that could not be read is left alone, and so
// is a key about which something was said already.
func checkContents(cfg config.Config, known config.Problems) config.Problems {
	if slices.ContainsFunc(known, config.Problem.OfFile) {
		return known
	}
	said := func(key string) bool {
		return slices.ContainsFunc(known, func(p config.Problem) bool { return p.Key == key })
	}
	creds, found := credentials(cfg)
	for _, p := range found {
		if !said(p.Key) {
			known = append(known, p)
		}
	}
	if len(known) == 0 {
		if err := auth.Check(cfg.Auth.Mode, creds); err != nil {
			known = append(known, cfg.Problem("", err.Error()))
		}
	}
	return known
}
