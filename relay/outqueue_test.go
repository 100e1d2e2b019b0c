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
	q := newOutQueue(&stream{s: &Server{count: newCounters()}, conn: conn})
	const size = 1000
	media, answer := make([]byte, size), make([]byte, size)
	media[0], answer[0] = 0x40, 0x01
	q.push(answer)
	made, before := 0, 0
	for range 10 * queueBytes / size {
		q.push(media)
		if len(q.data) <= before {
			made++
		}
		before = len(q.data)
	}
	if made > 10*queueBytes/queueRoom {
		t.Errorf("room was made %d times", made)
	}
	if q.closed || q.frames[0].media || q.data[0] != 0x01 {
		t.Error("the answer is lost")
	}
}
