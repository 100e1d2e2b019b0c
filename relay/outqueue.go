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
	// writeSize is how much goes out in one write: one TLS record.
	writeSize = 16 << 10
	// fewFrames is how much may wait for frames to get TLS records of their own:
	// coturn's test client, for one, takes a record for a frame and loses what
	// else is in it. With more than that waiting, full records matter.
	fewFrames = 4 << 10
)

// outQueue holds the frames for one stream, which its run goroutine writes. When
// the client does not keep up, old media is dropped first; answers never are, but
// too many of them end the connection. In the steady state nothing is allocated.
type outQueue struct {
	st   *stream
	wake chan struct{} // holds one; closed by stop

	mu     sync.Mutex
	data   []byte // of all frames, padded
	frames []outFrame
	closed bool
}

// outFrame is the next n bytes of the data.
type outFrame struct {
	n     int
	at    time.Time
	media bool
}

func newOutQueue(st *stream) *outQueue { return &outQueue{st: st, wake: make(chan struct{}, 1)} }

// isMedia tells ChannelData and Data indications from answers.
func isMedia(frame []byte) bool {
	return frame[0]>>6 == 1 || frame[0] == 0x00 && frame[1] == 0x17
}

// push copies a frame into the queue, padded as a stream wants it.
func (q *outQueue) push(frame []byte) {
	f := outFrame{n: len(frame) + -len(frame)&3, at: time.Now(), media: isMedia(frame)}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return
	}
	if len(q.data)+f.n > queueBytes {
		q.makeRoomLocked()
	}
	if len(q.data)+f.n > queueBytes {
		q.closeLocked()
		return
	}
	q.data = append(q.data, frame...)
	q.data = append(q.data, "\x00\x00\x00"[:f.n-len(frame)]...)
	q.frames = append(q.frames, f)
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// makeRoomLocked drops the oldest media until queueRoom bytes fit.
func (q *outQueue) makeRoomLocked() {
	excess := len(q.data) + queueRoom - queueBytes
	data, frames := q.data[:0], q.frames[:0]
	at := 0
	for _, f := range q.frames {
		if f.media && excess > 0 {
			excess -= f.n
			q.st.s.count.dropped.add("slow_client")
		} else {
			data, frames = append(data, q.data[at:at+f.n]...), append(frames, f)
		}
		at += f.n
	}
	q.data, q.frames = data, frames
}

// closeLocked ends the connection, so that its reader ends too.
func (q *outQueue) closeLocked() {
	if !q.closed {
		q.closed, q.data, q.frames = true, nil, nil
		close(q.wake)
		q.st.hangUp()
	}
}

func (q *outQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closeLocked()
}

// run writes what is pushed until the queue is closed.
func (q *outQueue) run() {
	var buf []byte
	for range q.wake {
		for buf = q.take(buf[:0]); len(buf) > 0; buf = q.take(buf[:0]) {
			_ = q.st.conn.SetWriteDeadline(time.Now().Add(writeStream))
			if _, err := q.st.conn.Write(buf); err != nil {
				q.close()
				return
			}
		}
		// TLS writes by itself when the client asks for new keys; an old
		// deadline would make that fail, and the connection with it.
		_ = q.st.conn.SetWriteDeadline(time.Time{})
	}
}

// take moves the next frames into buf, up to one write's worth.
func (q *outQueue) take(buf []byte) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	most := writeSize
	if q.st.secure && len(q.data) <= fewFrames {
		most = 0 // a single frame
	}
	oldest := time.Now().Add(-queueAge)
	at, i := 0, 0
	for ; i < len(q.frames); i++ {
		f := q.frames[i]
		stale := f.media && len(q.data)-at > writeSize && f.at.Before(oldest)
		if !stale && len(buf) > 0 && len(buf)+f.n > most {
			break
		}
		if stale {
			q.st.s.count.dropped.add("slow_client")
		} else {
			buf = append(buf, q.data[at:at+f.n]...)
		}
		at += f.n
	}
	q.data = append(q.data[:0], q.data[at:]...)
	q.frames = append(q.frames[:0], q.frames[i:]...)
	if len(q.data) == 0 && cap(q.data) > 2*writeSize {
		q.data, q.frames = nil, nil // a bad moment must not cost memory for the whole call
	}
	return buf
}
