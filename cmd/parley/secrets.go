package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// makeDataDir creates data_dir for this user alone.
func makeDataDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data_dir: cannot make %s: %w. Choose a folder that this user may write to", dir, err)
	}
	return nil
}

// makeSecret writes a fresh secret to path (0600) unless the file is there, and
// says whether it did. The file appears whole or not at all, so a crash leaves
// no half secret.
func makeSecret(path string) (made bool, err error) {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-")
	if err != nil {
		return false, fmt.Errorf("cannot write %s: %w", path, err)
	}
	defer os.Remove(f.Name())
	if _, err = f.WriteString(rand.Text() + rand.Text() + "\n"); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return false, fmt.Errorf("cannot write %s: %w", path, err)
	}
	// A link fails where another process was faster: its secret then counts.
	switch err := os.Link(f.Name(), path); {
	case err == nil:
		return true, nil
	case !errors.Is(err, fs.ErrExist):
		return false, fmt.Errorf("cannot write %s: %w", path, err)
	}
	return false, nil
}

// secretLines splits the content of relay.secrets_file: one secret a line,
// used as written.
func secretLines(content string) []string {
	var out []string
	for line := range strings.Lines(content) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			out = append(out, line)
		}
	}
	return out
}
