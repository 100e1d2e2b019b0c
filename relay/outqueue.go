package relay

import (
	"sync"
	"time"
)

const (
	// queueBytes is how much may wait for one client: half a second of a good
	// video call.
	queueBytes = 256 << 10
	// queueAge is how old a media packet may get behind more than one write's
	// worth of others before it is worth nothing.
	queueAge = 150 * time.Millisecond
	// writeSize is how much goes out in one write: one TLS record.
	writeSize = 16 << 10
)

// outQueue holds the frames for one stream. Its writer goroutine exists only
// while there are frames. When the client does not keep up, old media is
// dropped first; answers never are, but too many of them end the connection.
type outQueue struct {
	st *stream

	mu      sync.Mutex
	frames  []outFrame
	bytes   int
	writing bool
	failed  bool
}

type outFrame struct {
	data  []byte
	at    time.Time
	media bool
}

// isMedia tells ChannelData and Data indications from answers.
func isMedia(frame []byte) bool {
	return frame[0]>>6 == 1 || frame[0] == 0x00 && frame[1] == 0x17
}

// push copies a frame into the queue, padded as a stream wants it.
func (q *outQueue) push(frame []byte) {
	f := outFrame{data: make([]byte, len(frame)+(-len(frame)&3)), at: time.Now(), media: isMedia(frame)}
	copy(f.data, frame)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failed {
		return
	}
	if q.bytes+len(f.data) > queueBytes {
		q.dropLocked(len(f.data))
	}
	if q.bytes+len(f.data) > queueBytes {
		q.failLocked()
		return
	}
	q.frames = append(q.frames, f)
	q.bytes += len(f.data)
	if !q.writing && q.startLocked() {
		q.writing = true
	}
}

// startLocked starts the writer, unless the server is closing.
func (q *outQueue) startLocked() bool {
	s := q.st.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.wg.Go(q.write)
	return true
}

// dropLocked makes room for n bytes by dropping the oldest media.
func (q *outQueue) dropLocked(n int) {
	kept := q.frames[:0]
	for _, f := range q.frames {
		if f.media && q.bytes+n > queueBytes {
			q.bytes -= len(f.data)
			q.st.s.count.dropped.add("slow_client")
			continue
		}
		kept = append(kept, f)
	}
	q.frames = kept
}

func (q *outQueue) failLocked() {
	q.failed, q.frames, q.bytes = true, nil, 0
	_ = q.st.conn.Close()
}

// write sends until the queue is empty.
func (q *outQueue) write() {
	buf := make([]byte, 0, writeSize)
	for {
		buf = q.take(buf[:0])
		if len(buf) == 0 {
			return
		}
		_ = q.st.conn.SetWriteDeadline(time.Now().Add(writeStream))
		if _, err := q.st.conn.Write(buf); err != nil {
			q.mu.Lock()
			q.failLocked()
			q.mu.Unlock()
		}
	}
}

// take moves the next frames into buf; with none left the writer has ended.
func (q *outQueue) take(buf []byte) []byte {
	q.mu.Lock()
	defer q.mu.Unlock()
	oldest := time.Now().Add(-queueAge)
	i := 0
	for ; i < len(q.frames); i++ {
		f := q.frames[i]
		if f.media && q.bytes > writeSize && f.at.Before(oldest) {
			q.bytes -= len(f.data)
			q.st.s.count.dropped.add("slow_client")
			continue
		}
		if len(buf) > 0 && len(buf)+len(f.data) > writeSize {
			break
		}
		buf = append(buf, f.data...)
		q.bytes -= len(f.data)
	}
	q.frames = append(q.frames[:0], q.frames[i:]...)
	q.writing = len(buf) > 0
	return buf
}
