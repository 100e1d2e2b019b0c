package relay

import (
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// slowLog writes lines that an attacker can cause, a few and no more.
type slowLog struct {
	log  *slog.Logger
	away [ruleCount]atomic.Pointer[netip.AddrPort] // by the data plane, since the last tick

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

// rule says which rule refused a peer that a client asked for, and how to allow it.
func (l *slowLog) rule(r rule, peer netip.AddrPort) {
	l.refused("A client asked for a peer that the relay does not reach.", r, peer)
}

func (l *slowLog) refused(message string, r rule, peer netip.AddrPort) {
	if l.due(r.String(), rulePause) {
		l.log.Info(message, "rule", r.String(), "peer", peer, "hint", r.hint())
	}
}

// turnedAway is rule for the data plane: it may be called under its lock, so the
// line is left to tick.
func (l *slowLog) turnedAway(r rule, peer netip.AddrPort) {
	if l.away[r].Load() == nil {
		first := peer // nothing to collect for the others
		l.away[r].Store(&first)
	}
}

// tick writes the lines that turnedAway has left.
func (l *slowLog) tick() {
	for r := range ruleCount {
		if peer := l.away[r].Swap(nil); peer != nil {
			l.refused("Packets of a peer that the relay does not reach are dropped.", r, *peer)
		}
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
