package relay

import (
	"net"
	"testing"
)

// TestFullQueue: a client that does not read costs no more than one that does.
// Room is made for many packets at once, out of media alone.
func TestFullQueue(t *testing.T) {
	conn, other := net.Pipe()
	defer func() { _, _ = conn.Close(), other.Close() }()
	q := newOutQueue(&stream{s: &Server{count: newCounters(), batches: newBatches()}, conn: conn})
	q.busy = true // with a client that does not read
	const size = 1000
	media, answer := make([]byte, size), make([]byte, size)
	media[0], answer[0] = 0x40, 0x01
	q.push(answer, nil)
	made, before := 0, 0
	for range 10 * queueBytes / size {
		q.push(media, nil)
		if len(q.waiting.data) <= before {
			made++
		}
		before = len(q.waiting.data)
	}
	if made > 10*queueBytes/queueRoom {
		t.Errorf("room was made %d times", made)
	}
	if q.closed || q.waiting.frames[0].media || q.waiting.data[0] != 0x01 {
		t.Error("the answer is lost")
	}
}

// size is how many bytes wait.
func (q *outQueue) size() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.waiting == nil {
		return 0
	}
	return len(q.waiting.data)
}
