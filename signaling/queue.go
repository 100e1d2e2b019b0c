package signaling

import "strconv"

// What a peer may have waiting, sent or not (protocol.md section 1).
const (
	queueFrames = 512
	queueBytes  = 1 << 20
)

// event is a server frame less its counter: {"t":t,"n":…body. The body starts
// with a comma or the closing brace, and is shared by all who are sent it.
type event struct {
	t    string
	body []byte
}

// queue holds the frames of a peer that it has not acknowledged. The zero value
// is that of a new session.
type queue struct {
	done   uint64  // frames up to here are forgotten
	sent   uint64  // frames up to here were given to the socket
	frames []event // the frame after done, and so on
	bytes  int
}

// last is the counter of the newest frame.
func (q *queue) last() uint64 { return q.done + uint64(len(q.frames)) }

// push appends a frame and forgets the oldest ones beyond the bounds. It reports
// whether one of those had never been given to a socket.
func (q *queue) push(e event) (lost bool) {
	q.frames = append(q.frames, e)
	q.bytes += len(e.body)
	for len(q.frames) > 1 && (len(q.frames) > queueFrames || q.bytes > queueBytes) {
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
	for i := range count {
		q.bytes -= len(q.frames[i].body)
		q.frames[i] = event{}
	}
	q.done += uint64(count)
	q.sent = max(q.sent, q.done)
	if q.frames = q.frames[count:]; len(q.frames) == 0 {
		q.frames = nil
	}
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
	q.sent = last
}

// numbered is an event with its counter, on its way to a socket.
type numbered struct {
	n uint64
	event
}

// take appends the next unsent frames to batch, as far as its capacity goes.
func (q *queue) take(batch []numbered) []numbered {
	for len(batch) < cap(batch) && q.sent < q.last() {
		batch = append(batch, numbered{q.sent + 1, q.frames[q.sent-q.done]})
		q.sent++
	}
	return batch
}

// appendTo appends the frame as it goes over the wire.
func (e *numbered) appendTo(b []byte) []byte {
	b = append(b, `{"t":"`...)
	b = append(b, e.t...)
	b = append(b, `","n":`...)
	b = strconv.AppendUint(b, e.n, 10)
	return append(b, e.body...)
}
