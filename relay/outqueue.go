package relay

import (
	"sync"
	"time"
)

const (
	// queueBytes is how much may wait for one client: half a second of a good
	// video call.
	queueBytes = 256 << 10
	// queueRoom is what is freed at least when that is full: moving what stays
	// up in the queue for each packet would cost more than relaying it.
	queueRoom = queueBytes / 4
	// queueAge is how old a media packet may get behind more than one write's
	// worth of others before it is worth nothing.
	queueAge = 150 * time.Millisecond
	// writeSize is the most that one TLS record holds.
	writeSize = 16 << 10
	// fewFrames is how much may wait for frames to get TLS records of their own:
	// coturn's test client, for one, takes a record for a frame and loses what
	// else is in it. With more than that waiting, full records matter.
	fewFrames = 4 << 10
	// turns is how often one flush may write: whoever calls it has other streams
	// to serve.
	turns = 4
)

// outQueue holds the frames for one stream until they are written. Whoever has
// pushed frames calls flush, which writes them at once; if the socket does not
// take them, they wait here until it does. When the client does not keep up, old
// media is dropped first; answers never are, but too many of them end the
// connection. In the steady state nothing is allocated.
type outQueue struct {
	st *stream

	mu       sync.Mutex
	waiting  *batch // nil = nothing
	promised bool   // somebody has yet to call flush
	busy     bool   // somebody is writing; frames leave in their order
	closed   bool
}

// batch is frames one behind another.
type batch struct {
	data   []byte // padded
	frames []outFrame
	timed  int // how many of the frames have their time
}

// outFrame is the next n bytes of the data.
type outFrame struct {
	n     int
	media bool
	at    time.Time // when it began to wait
}

// batches are borrowed while frames flow.
type batches struct{ pool sync.Pool }

func newBatches() *batches {
	return &batches{sync.Pool{New: func() any { return &batch{data: make([]byte, 0, bufferSize)} }}}
}

func (p *batches) get() *batch { return p.pool.Get().(*batch) }

func (p *batches) put(b *batch) {
	if cap(b.data) <= 2*bufferSize { // a bad moment must not cost memory for ever
		b.data, b.frames, b.timed = b.data[:0], b.frames[:0], 0
		p.pool.Put(b)
	}
}

func newOutQueue(st *stream) *outQueue { return &outQueue{st: st} }

// isMedia tells ChannelData and Data indications from answers.
func isMedia(frame []byte) bool {
	return frame[0]>>6 == 1 || frame[0] == 0x00 && frame[1] == 0x17
}

// push copies a frame, which is head and body, into the queue, padded as a stream
// wants it. True asks the caller to call flush; false means that somebody will.
func (q *outQueue) push(head, body []byte) bool {
	size := len(head) + len(body)
	f := outFrame{n: size + -size&3, media: isMedia(head)}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	if q.waiting == nil {
		q.waiting = q.st.s.batches.get()
	}
	w := q.waiting
	if len(w.data)+f.n > queueBytes {
		q.makeRoomLocked()
	}
	if len(w.data)+f.n > queueBytes {
		q.closeLocked()
		return false
	}
	w.data = append(append(w.data, head...), body...)
	w.data = append(w.data, "\x00\x00\x00"[:f.n-size]...)
	w.frames = append(w.frames, f)
	if len(w.data) >= bufferSize {
		q.flushLocked() // more in one go has no use
	}
	if q.promised || q.waiting == nil {
		return false
	}
	q.promised = true
	return true
}

// makeRoomLocked drops the oldest media until queueRoom bytes fit.
func (q *outQueue) makeRoomLocked() {
	w := q.waiting
	excess := len(w.data) + queueRoom - queueBytes
	data, frames := w.data[:0], w.frames[:0]
	at, timed := 0, 0
	for i, f := range w.frames {
		if f.media && excess > 0 {
			excess -= f.n
			q.st.s.count.dropped.add("slow_client")
		} else {
			data, frames = append(data, w.data[at:at+f.n]...), append(frames, f)
			if i < w.timed {
				timed++
			}
		}
		at += f.n
	}
	w.data, w.frames, w.timed = data, frames, timed
}

// closeLocked ends the connection, so that its reader ends too.
func (q *outQueue) closeLocked() {
	if !q.closed {
		q.closed, q.waiting = true, nil
		q.st.hangUp()
	}
}

func (q *outQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closeLocked()
}

// flush writes what is in the queue, or leaves it to whoever is writing.
func (q *outQueue) flush() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.promised = false
	q.flushLocked()
}

func (q *outQueue) flushLocked() {
	switch {
	case q.closed || q.waiting == nil:
	case q.busy:
		q.waiting.stamp(time.Now())
	case q.st.wire == nil: // a write may block
		q.busy = true
		q.st.writers.Go(func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			for q.writeLocked(writeSize) {
			}
			q.restLocked()
			// TLS writes by itself when the client asks for new keys; an old
			// deadline would make that fail, and the connection with it.
			_ = q.st.conn.SetWriteDeadline(time.Time{})
		})
	default:
		q.busy = true
		n := 0
		for n < turns && !q.st.wire.full() && q.writeLocked(bufferSize) {
			n++
		}
		q.restLocked()
		if n == turns && q.waiting != nil {
			q.st.writers.Go(q.flush)
		}
	}
}

// restLocked ends the writing. Frames that stay get old from now on; the wire
// calls flush when it has room for them.
func (q *outQueue) restLocked() {
	q.busy = false
	if q.waiting != nil {
		q.waiting.stamp(time.Now())
	}
}

// writeLocked writes up to most bytes, without the lock. False means that there
// is nothing to write.
func (q *outQueue) writeLocked(most int) bool {
	b := q.takeLocked(most)
	if b == nil {
		return false
	}
	q.mu.Unlock()
	err := q.st.write(b)
	q.st.s.batches.put(b)
	q.mu.Lock()
	if err != nil {
		q.closeLocked()
	}
	return err == nil
}

// takeLocked takes the next frames, at most that many bytes; nil if there are none.
func (q *outQueue) takeLocked(most int) *batch {
	w := q.waiting
	if w == nil || q.closed {
		return nil
	}
	if len(w.data) <= min(most, writeSize) {
		q.waiting = nil
		return w
	}
	now := time.Now()
	w.stamp(now)
	out, oldest := q.st.s.batches.get(), now.Add(-queueAge)
	at, i := 0, 0
	for ; i < len(w.frames); i++ {
		f := w.frames[i]
		stale := f.media && len(w.data)-at > writeSize && f.at.Before(oldest)
		if !stale && len(out.data) > 0 && len(out.data)+f.n > most {
			break
		}
		if stale {
			q.st.s.count.dropped.add("slow_client")
		} else {
			out.data, out.frames = append(out.data, w.data[at:at+f.n]...), append(out.frames, f)
		}
		at += f.n
	}
	w.data = append(w.data[:0], w.data[at:]...)
	w.frames = append(w.frames[:0], w.frames[i:]...)
	w.timed = len(w.frames)
	if len(w.data) == 0 {
		q.waiting = nil
		q.st.s.batches.put(w)
	}
	return out
}

// stamp tells the frames that have none their time.
func (b *batch) stamp(now time.Time) {
	for ; b.timed < len(b.frames); b.timed++ {
		b.frames[b.timed].at = now
	}
}
