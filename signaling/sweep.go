package signaling

import (
	"sync"
	"time"
)

// sweepMost is how late a socket may be looked at: close enough for a ping, and a
// server with 10,000 sockets wakes up four times a second for all of them.
const sweepMost = 250 * time.Millisecond

// sweeper looks at sockets when they are due: pings, silence, fresh ICE. Those
// that are due within one tick are looked at together, late by up to a tick and
// never early. It has one timer, which is armed while there are sockets.
//
// A timer for each socket was a goroutine for each, and on a server that is idle
// between two messages the wake-up of a thread or two.
type sweeper struct {
	// Set at construction.
	hub   *Hub
	tick  time.Duration
	since time.Time // ticks count from here

	mu    sync.Mutex // the fields below; nothing else happens under it
	due   map[int64]map[*socket]struct{}
	timer *time.Timer
	at    int64 // the tick for which the timer is armed
	armed bool
}

func (w *sweeper) init(h *Hub) {
	w.hub = h
	w.tick = max(min(sweepMost, h.opt.PingEvery/16), time.Millisecond)
	w.since = time.Now()
	w.due = map[int64]map[*socket]struct{}{}
}

// put has s looked at when wait is over.
func (w *sweeper) put(s *socket, wait time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.removeLocked(s)
	s.due = int64((time.Since(w.since)+wait)/w.tick) + 1
	at := w.due[s.due]
	if at == nil {
		at = map[*socket]struct{}{}
		w.due[s.due] = at
	}
	at[s] = struct{}{}
	if !w.armed || s.due < w.at {
		w.armLocked(s.due)
	}
}

// remove forgets a socket that has ended.
func (w *sweeper) remove(s *socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.removeLocked(s)
}

func (w *sweeper) removeLocked(s *socket) {
	at := w.due[s.due]
	if delete(at, s); len(at) == 0 {
		delete(w.due, s.due)
	}
}

func (w *sweeper) armLocked(tick int64) {
	w.at, w.armed = tick, true
	wait := time.Duration(tick)*w.tick - time.Since(w.since)
	if w.timer == nil {
		w.timer = time.AfterFunc(wait, w.sweep)
		return
	}
	w.timer.Reset(wait)
}

// sweep is the timer.
func (w *sweeper) sweep() {
	if !w.hub.enter() {
		return
	}
	defer w.hub.wg.Done()
	for s := range w.take() {
		s.check()
	}
}

// take returns the sockets that are due and arms the timer for the next ones.
func (w *sweeper) take() map[*socket]struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.due[w.at]
	delete(w.due, w.at)
	w.armed = false
	for tick := range w.due {
		if !w.armed || tick < w.at {
			w.at, w.armed = tick, true
		}
	}
	if w.armed {
		w.armLocked(w.at)
	}
	return taken
}

// stop stops the timer, at shutdown.
func (w *sweeper) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}
