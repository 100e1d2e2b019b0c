package relay

import (
	"log/slog"
	"net/netip"
	"sync"
	"time"
)

// slowLog writes lines that an attacker can cause, a few and no more.
type slowLog struct {
	log *slog.Logger

	mu   sync.Mutex
	last map[string]time.Time // by message or rule: both come from the code
}

// Pauses between two lines of one kind.
const (
	warnPause = time.Second
	rulePause = time.Minute
)

func newSlowLog(log *slog.Logger) *slowLog {
	return &slowLog{log: log, last: make(map[string]time.Time)}
}

func (l *slowLog) warn(message string, args ...any) {
	if l.due(message, warnPause) {
		l.log.Warn(message, args...)
	}
}

// rule says which rule refused a peer and how to allow it.
func (l *slowLog) rule(r rule, peer netip.AddrPort) {
	if l.due(r.String(), rulePause) {
		l.log.Info("A client asked for a peer that the relay does not reach.",
			"rule", r.String(), "peer", peer, "hint", r.hint())
	}
}

func (l *slowLog) due(kind string, pause time.Duration) bool {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if last, ok := l.last[kind]; ok && now.Sub(last) < pause {
		return false
	}
	l.last[kind] = now
	return true
}
