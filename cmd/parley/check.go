package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"

	"parley/cmd/internal/config"
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

// loadChecked is loadConfig with what is wrong inside the files of [auth] among
// the problems.
func loadChecked(t terminal, fs *flag.FlagSet, args []string) (config.Config, error) {
	cfg, err := loadConfig(t, fs, args)
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		return cfg, err
	}
	if problems = checkContents(cfg, problems); len(problems) > 0 {
		return cfg, problems
	}
	return cfg, nil
}

func checkCommand(_ context.Context, t terminal, fs *flag.FlagSet, args []string) error {
	cfg, err := loadChecked(t, fs, args)
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings() {
		fmt.Fprintf(t.out, "warning: %s: %s\n", w.Key, w.Sentence)
	}
	fmt.Fprintf(t.out, "%s: no problem found.\n", orElse(cfg.File, "The embedded defaults"))
	return nil
}

// checkContents adds what is wrong inside the files of [auth] to the problems of
// the configuration itself, unless that could not be read.
func checkContents(cfg config.Config, known config.Problems) config.Problems {
	if slices.ContainsFunc(known, config.Problem.OfFile) {
		return known
	}
	_, found := credentials(cfg, known)
	return append(known, found...).Sorted()
}
