package main

import (
	"io"
	"log/slog"

	"parley/cmd/internal/config"
)

// newLogger writes text or JSON; level may change while the server runs.
func newLogger(w io.Writer, cfg config.Config, level *slog.LevelVar) *slog.Logger {
	level.Set(cfg.Log.Level)
	o := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
