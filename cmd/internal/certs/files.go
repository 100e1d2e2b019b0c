package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// lookEvery bounds how often handshakes look at the files.
const lookEvery = time.Second

// files serves a pair from disk and follows its changes.
type files struct {
	certPath, keyPath string
	log               *slog.Logger
	now               func() time.Time

	current atomic.Pointer[tls.Certificate]

	mu     sync.Mutex
	looked time.Time // guarded by mu
	tried  stamp     // guarded by mu; the files as they were at the last attempt to load them
}

// stamp tells one state of both files from the next.
type stamp struct{ cert, key os.FileInfo }

func newFiles(opts Options) (*files, error) {
	f := &files{certPath: opts.Cert, keyPath: opts.Key, log: opts.Log, now: opts.Now}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.loadLocked(true); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *files) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	// Only one handshake looks; the others go on with what there is.
	if f.mu.TryLock() {
		if now := f.now(); now.Sub(f.looked) >= lookEvery {
			f.looked = now
			if err := f.loadLocked(false); err != nil {
				f.log.Error("The new certificate files cannot be used; the old certificate stays", "error", err)
			}
		}
		f.mu.Unlock()
	}
	return f.current.Load(), nil
}

func (f *files) refresh(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.loadLocked(true)
}

// loadLocked reads the pair when it has changed, or always. A state that failed
// is tried once, so a broken file is logged once.
func (f *files) loadLocked(always bool) error {
	seen, err := f.stat()
	if !always && seen.same(f.tried) {
		return nil
	}
	f.tried = seen // before reading: what changes meanwhile is seen next time
	if err != nil {
		return err
	}
	cert, err := tls.LoadX509KeyPair(f.certPath, f.keyPath)
	if err != nil {
		return fmt.Errorf("failed to load certificate %s with key %s: %w", f.certPath, f.keyPath, err)
	}
	if old := f.current.Swap(&cert); old != nil && !old.Leaf.Equal(cert.Leaf) {
		f.log.Info("A new certificate is in use.", "expires", cert.Leaf.NotAfter)
	}
	if f.now().After(cert.Leaf.NotAfter) {
		f.log.Warn("The certificate has expired; browsers will refuse it", "file", f.certPath, "expired", cert.Leaf.NotAfter)
	}
	return nil
}

// stat gives nil for a file that is not there.
func (f *files) stat() (stamp, error) {
	cert, err := os.Stat(f.certPath)
	if err != nil {
		return stamp{}, fmt.Errorf("failed to read the certificate: %w", err)
	}
	key, err := os.Stat(f.keyPath)
	if err != nil {
		return stamp{cert: cert}, fmt.Errorf("failed to read the key: %w", err)
	}
	return stamp{cert, key}, nil
}

func (s stamp) same(t stamp) bool { return sameFile(s.cert, t.cert) && sameFile(s.key, t.key) }

func sameFile(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}
