//go:build unix

package auth

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// keepOwner gives f, when root makes it, the owner of the file that it replaces,
// else that of the directory.
func keepOwner(f *os.File, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		info, err = os.Stat(filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	if st, ok := fs.FileInfo(info).Sys().(*syscall.Stat_t); ok {
		return f.Chown(int(st.Uid), int(st.Gid))
	}
	return nil
}
