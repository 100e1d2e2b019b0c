package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// secretMode is the mode of every file this package makes.
const secretMode fs.FileMode = 0o600

// replaceFile writes data beside path and renames it into place, so that a
// reader sees the old content or the new, also after a crash. Somebody who runs
// it as root does not take the file from the account the server runs as.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	temp, err := writeTemp(path, data, mode)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return fmt.Errorf("failed to replace %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

// createFile makes path with data unless it exists: whoever comes first wins,
// and nobody ever sees half of it.
func createFile(path string, data []byte) error {
	temp, err := writeTemp(path, data, secretMode)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := os.Link(temp, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("failed to make %s: %w", path, err)
	}
	return syncDir(filepath.Dir(path))
}

func writeTemp(path string, data []byte, mode fs.FileMode) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return "", fmt.Errorf("failed to write beside %s: %w", path, err)
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			os.Remove(f.Name())
			err = fmt.Errorf("failed to write %s: %w", path, err)
		}
	}()
	if err := keepOwner(f, path); err != nil {
		return "", err
	}
	if err := f.Chmod(mode); err != nil {
		return "", err
	}
	if _, err := f.Write(data); err != nil {
		return "", err
	}
	return f.Name(), f.Sync()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	// Not every file system can sync a directory; the rename has happened.
	_ = d.Sync()
	return nil
}
