package main

import (
	"context"
	"flag"
	"fmt"

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

func checkCommand(_ context.Context, t terminal, fs *flag.FlagSet, args []string) error {
	cfg, err := loadConfig(t, fs, args)
	if err != nil {
		return err
	}
	for _, w := range cfg.Warnings() {
		fmt.Fprintf(t.out, "warning: %s: %s\n", w.Key, w.Sentence)
	}
	fmt.Fprintf(t.out, "%s: no problem found.\n", orElse(cfg.File, "The embedded defaults"))
	return nil
}
