package signaling

import (
	"strconv"
	"sync"
)

// What a peer may have waiting, sent or not (protocol.md section 1).
const (
	queueFrames = 512
	queueBytes  = 1 << 20
)

// event is a server frame less its counter: {"t":t,"n":…body. The body starts
// with a comma or the closing brace. An event is in one queue at most.
type event struct {
	t    string
	body []byte     // shared by all who are sent it, unless it has a pool
	next *event     // in the queue
	pool *sync.Pool // where it goes when it is forgotten; nil: nowhere
}

// signalKept is the most memory of a body that is used again. Most signals are
// candidates, of some hundred bytes.
const signalKept = 1 << 10

func newEvent(t string, body []byte) *event { return &event{t: t, body: body} }

// newSignal makes an event for a body of that size, which is still empty. Its
// memory is used again: signals are most of what a hub passes on, and each waits
// for seconds until it is acknowledged.
func newSignal(pool *sync.Pool, size int) *event {
	e, _ := pool.Get().(*event)
	if e == nil {
		e = &event{t: "signal", pool: pool}
	}
	if cap(e.body) < size {
		e.body = make([]byte, 0, size)
	}
	e.body = e.body[:0]
	return e
}

// free gives the event up.
func (e *event) free() {
	if e.next = nil; e.pool != nil && cap(e.body) <= signalKept {
		e.pool.Put(e)
	}
}

// appendTo appends the frame with the counter n, as it goes over the wire.
func (e *event) appendTo(b []byte, n uint64) []byte {
	b = append(b, `{"t":"`...)
	b = append(b, e.t...)
	b = append(b, `","n":`...)
	b = strconv.AppendUint(b, n, 10)
	return append(b, e.body...)
}

// queue holds the frames of a peer that it has not acknowledged. The zero value
// is that of a new session.
type queue struct {
	done   uint64 // frames up to here are forgotten
	sent   uint64 // frames up to here were given to the socket
	first  *event // the frame after done
	unsent *event // the frame after sent
	newest *event
	count  int
	bytes  int
}

// last is the counter of the newest frame.
func (q *queue) last() uint64 { return q.done + uint64(q.count) }

// push appends a frame and forgets the oldest ones beyond the bounds. It reports
// whether one of those had never been given to a socket.
func (q *queue) push(e *event) (lost bool) {
	if q.count == 0 {
		q.first = e
	} else {
		q.newest.next = e
	}
	if q.newest = e; q.unsent == nil {
		q.unsent = e
	}
	q.count++
	q.bytes += len(e.body)
	for q.count > 1 && (q.count > queueFrames || q.bytes > queueBytes) {
		lost = lost || q.sent <= q.done
		q.forget(1)
	}
	return lost
}

// ack forgets the frames up to n, which the client has processed.
func (q *queue) ack(n uint64) {
	if n > q.done && n <= q.sent {
		q.forget(int(n - q.done))
	}
}

func (q *queue) forget(count int) {
	for range count {
		e := q.first
		if q.unsent == e {
			q.unsent = e.next
		}
		q.first = e.next
		q.bytes -= len(e.body)
		e.free()
	}
	q.count -= count
	if q.done += uint64(count); q.count == 0 {
		q.newest = nil
	}
	q.sent = max(q.sent, q.done)
}

// holds reports whether the frames after last are all here.
func (q *queue) holds(last uint64) bool { return last >= q.done && last <= q.last() }

// rewind makes the frames after last the next to be sent, if it holds them.
func (q *queue) rewind(last uint64) {
	if !q.holds(last) {
		return
	}
	q.sent = max(q.sent, last)
	q.ack(last)
	q.sent, q.unsent = last, q.first
}

// next appends the next frame that was not sent, as it goes over the wire.
// False: there is none.
func (q *queue) next(b []byte) ([]byte, bool) {
	e := q.unsent
	if e == nil {
		return b, false
	}
	q.sent++
	q.unsent = e.next
	return e.appendTo(b, q.sent), true
}
