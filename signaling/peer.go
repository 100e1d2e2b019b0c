package signaling

import (
	"sync"
	"sync/atomic"
	"time"
)

// peer is one tab's session. It outlives its sockets by Options.ResumeWindow.
type peer struct {
	// Set at construction.
	hub     *Hub
	id      string
	key     tabKey
	user    string
	account *account
	since   time.Time

	// turn serializes the session: one frame at a time, and neither attach nor
	// end in the middle of one.
	turn sync.Mutex

	// Guarded by turn.
	reported time.Time // last report
	holding  bool      // counts among those for whom the name is reserved
	life     int       // counts attachments, so that a late timer knows it is late

	lastID atomic.Int64 // highest id processed; written with turn held

	// Guarded by mu, which is a leaf: nothing is called with it held.
	mu      sync.Mutex
	who     Identity
	latest  *socket // the last socket, attached or not
	sock    *socket // the attached one, nil while the peer is away
	out     queue
	rooms   []*room // changed only with the room's lock held too
	knocks  []*room // where an answer is awaited
	talking int     // rooms in which others are
	idle    bool    // the person is not at this tab
	ended   bool
	grace   *time.Timer
}

// identity is who the peer is now; the name may change.
func (p *peer) identity() Identity {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.who
}

// push queues an event. It never blocks: a peer that does not read loses its
// socket, and later its oldest frames.
func (p *peer) push(t string, body []byte) {
	if s := p.queue(newEvent(t, body)); s != nil {
		go s.write()
	}
}

// queue is push for who writes by itself when it holds no lock any more: it
// returns the socket whose writer the caller now is, nil when there is nothing
// to do. It takes e over.
func (p *peer) queue(e *event) *socket {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		e.free()
		return nil
	}
	lost := p.out.push(e)
	s := p.sock
	if s == nil {
		return nil
	}
	if lost {
		p.cutSlowLocked(s)
		return nil
	}
	if !s.claimLocked() {
		return nil
	}
	return s
}

// cutSlowLocked ends a socket that does not take what is queued.
func (p *peer) cutSlowLocked(s *socket) {
	if s.dead { // it was cut, or failed, and its reader has yet to find out
		return
	}
	p.hub.drop("slow")
	s.dead = true
	s.cutInLocked(0)
}

// nextJob fills out with what is due on s; false when nothing is, and then the
// writer has ended.
func (p *peer) nextJob(s *socket, out *outbox) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.dead {
		s.endWriterLocked()
		return false
	}
	out.writeJob = writeJob{welcome: s.welcome, pongs: s.pongs, ping: s.ping, ack: p.lastID.Load()}
	s.welcome, s.pongs, s.ping = nil, 0, false
	out.frames.reset()
	more := p.sock == s
	for more && !out.frames.full() {
		more = out.frames.add(&p.out)
	}
	if s.closing && !more {
		out.close, out.code, out.bye = true, s.code, s.bye
		s.dead = true
	}
	if out.welcome != nil || out.pongs > 0 || out.ping || out.close || len(out.frames.ends) > 0 {
		return true
	}
	s.endWriterLocked()
	return false
}

// stopWriting is the end of a writer whose socket failed.
func (p *peer) stopWriting(s *socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.dead = true
	s.endWriterLocked()
}

// claim makes the caller the writer of s unless there is one.
func (p *peer) claim(s *socket) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.claimLocked()
}

// holds reports whether frames of s are to be handled.
func (p *peer) holds(s *socket) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sock == s && !s.closing && !p.ended
}

// acked forgets what the client has processed.
func (p *peer) acked(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.ack(uint64(n))
}

// pong notes that a ping is to be answered.
func (p *peer) pong(s *socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s.pongs = min(s.pongs+1, maxPongs)
	s.wakeLocked()
}

// closeSocket has s closed after what is queued for it was written.
func (p *peer) closeSocket(s *socket, code int, bye []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeSocketLocked(s, code, bye)
}

func (p *peer) closeSocketLocked(s *socket, code int, bye []byte) {
	if s.closing {
		return
	}
	s.code, s.bye = code, bye
	s.cutInLocked(closeWait)
	s.wakeLocked()
}

// cutInLocked gives a socket that is to be closed no more than that long.
func (s *socket) cutInLocked(wait time.Duration) {
	s.closing = true
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, func() { s.conn.Close() })
	} else {
		s.timer.Reset(wait)
	}
}

// What checkSocket asks for.
type action int

const (
	actNone  action = iota
	actEnd          // nothing more: it is being closed
	actCut          // close the connection without ceremony
	actICE          // push fresh ICE servers
	actWrite        // write what is due: the caller is the writer
)

// checkSocket judges s at now, and says when to look again. iceEvery is when
// fresh ICE servers are due after the last.
func (p *peer) checkSocket(s *socket, now time.Time, iceEvery time.Duration) (time.Duration, action) {
	p.mu.Lock()
	defer p.mu.Unlock()
	every := p.hub.opt.PingEvery
	silent := now.Sub(time.Unix(0, s.seen.Load()))
	if s.closing || s.dead {
		return 0, actEnd
	}
	if silent >= 2*every {
		p.hub.drop("silent")
		return 0, actCut
	}
	act := actNone
	switch {
	case s.nextPing.After(now):
	case silent < every: // it has just shown that it lives
		s.nextPing = now.Add(every - silent)
	default:
		s.nextPing = now.Add(every)
		s.ping = true
		if s.claimLocked() {
			act = actWrite
		}
	}
	wait := min(s.nextPing.Sub(now), 2*every-silent)
	switch {
	case s.iceDue.IsZero():
	case s.iceDue.After(now) || act == actWrite: // the writer first
		wait = min(wait, max(s.iceDue.Sub(now), 0))
	default:
		s.iceDue = now.Add(iceEvery)
		wait, act = min(wait, iceEvery), actICE
	}
	return wait, act
}

// attach makes s the peer's socket and goes on after the frame last; false when
// frames after it were forgotten while the welcome was made. The caller holds
// turn.
func (p *peer) attach(s *socket, last uint64, welcome []byte) bool {
	now, iceEvery := p.hub.now(), p.hub.halfLife()
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.out.holds(last) {
		return false
	}
	if old := p.sock; old != nil {
		p.closeSocketLocked(old, closeReplaced, byeFrame("replaced", 0))
	}
	p.life++
	if p.grace != nil {
		p.grace.Stop()
		p.grace = nil
	}
	p.out.rewind(last)
	s.welcome = welcome
	s.nextPing = now.Add(p.hub.opt.PingEvery)
	if iceEvery > 0 {
		s.iceDue = now.Add(iceEvery)
	}
	s.peer.Store(p)
	p.sock, p.latest = s, s
	return true
}

// detach is the end of a socket: a peer that has no other is away and waited
// for. The caller is the socket's reader.
func (p *peer) detach(s *socket) {
	p.turn.Lock()
	defer p.turn.Unlock()
	if !p.leftBehind(s) {
		return
	}
	p.holding = false
	p.hub.releaseName(p.account, p.identity())
	p.setAway(true)
	p.hub.touch(p)
}

// leftBehind takes s from the peer and starts the grace; false when the peer
// has moved on to another socket or its session has ended.
func (p *peer) leftBehind(s *socket) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sock != s {
		return false
	}
	p.sock = nil
	if p.ended || p.hub.closing.Load() {
		return false
	}
	life := p.life
	p.grace = time.AfterFunc(p.hub.opt.ResumeWindow, func() { p.graceOver(life) })
	return true
}

// graceOver ends a peer that did not come back.
func (p *peer) graceOver(life int) {
	if !p.hub.enter() {
		return
	}
	defer p.hub.wg.Done()
	defer p.hub.recovered("timer")
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.life == life {
		p.hub.endPeer(p, "timeout", 0, nil)
	}
}

// inRooms returns the rooms that the peer is in.
func (p *peer) inRooms() []*room {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*room(nil), p.rooms...)
}

// setAway tells the peer's rooms that its socket dropped or is back.
func (p *peer) setAway(away bool) {
	for _, r := range p.inRooms() {
		r.setAway(p, away)
	}
}
