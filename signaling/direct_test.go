package signaling

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"
)

const patience = 10 * time.Second

// narrow is a direct over a TCP connection whose buffers hold little, and the
// other end.
func narrow(t *testing.T) (*direct, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	here, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	here.(*net.TCPConn).SetWriteBuffer(4096)
	there.(*net.TCPConn).SetReadBuffer(4096)
	d := newDirect(here)
	if d == nil {
		t.Fatal("a TCP connection cannot be written to directly")
	}
	return d, there.(*net.TCPConn)
}

// fill writes frames until one is taken in part, and returns all of them.
func (d *direct) fill(t *testing.T) []byte {
	t.Helper()
	var all []byte
	for i := range 10000 {
		f := appendText(nil, bytes.Repeat([]byte{byte('a' + i%26)}, 3000))
		taken, whole := d.tryWrite(f)
		if !taken {
			continue // nothing fits; a part does as soon as a segment is acknowledged
		}
		if all = append(all, f...); !whole {
			return all
		}
	}
	t.Skip("the kernel takes whole frames only")
	return nil
}

// drain reads what is expected, and nothing else.
func drain(t *testing.T, c net.Conn, want []byte) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatal("other bytes came, or in another order")
	}
}

func TestTheRestOfAFrameGoesFirst(t *testing.T) {
	d, there := narrow(t)
	all := d.fill(t)
	if taken, _ := d.tryWrite([]byte("x")); taken {
		t.Fatal("written into the middle of a frame")
	}
	done := make(chan error, 1)
	go func() {
		_, err := d.Write([]byte("after"))
		done <- err
	}()
	drain(t, there, append(all, "after"...))
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if taken, whole := d.tryWrite([]byte("and on")); !taken || !whole {
		t.Fatal("no direct write after the rest was written")
	}
	drain(t, there, []byte("and on"))
}

// A pong of gorilla/websocket has a second, the rest of a frame has more.
func TestAnotherDeadlineDoesNotEndAFlush(t *testing.T) {
	d, there := narrow(t)
	all := d.fill(t)
	done := make(chan error, 1)
	go func() { done <- d.flush(time.Now().Add(patience)) }()
	for d.mu.TryLock() { // until flush is at it
		d.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	d.SetWriteDeadline(time.Now().Add(-time.Second))
	select {
	case err := <-done:
		t.Fatalf("flush ended before anything was read: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	drain(t, there, all)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestNothingFollowsATornFrame(t *testing.T) {
	d, there := narrow(t)
	d.fill(t)
	if err := d.flush(time.Now()); err == nil {
		t.Fatal("the rest was written although nobody reads")
	}
	go io.Copy(io.Discard, there)
	d.SetWriteDeadline(time.Now().Add(patience))
	if _, err := d.Write([]byte("pong")); err == nil {
		t.Fatal("written behind half a frame")
	}
	if taken, _ := d.tryWrite([]byte("x")); taken {
		t.Fatal("written behind half a frame")
	}
}

func TestADeadlineThatIsOverDoesNotEndDirectWrites(t *testing.T) {
	d, there := narrow(t)
	d.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
	if _, err := d.Write([]byte("slow")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(40 * time.Millisecond)
	if taken, whole := d.tryWrite([]byte("direct")); !taken || !whole {
		t.Fatal("not written")
	}
	drain(t, there, []byte("slowdirect"))
}

func TestAPayloadIsNoCloseFrame(t *testing.T) {
	d, there := narrow(t)
	// gorilla/websocket writes a long frame in two parts; the second one may
	// start in the middle of a character.
	part := append([]byte{closeFrame}, bytes.Repeat([]byte("x"), 1000)...)
	if _, err := d.Write(part); err != nil {
		t.Fatal(err)
	}
	if taken, _ := d.tryWrite([]byte("direct")); !taken {
		t.Fatal("the payload counts as a close frame")
	}
	bye := []byte{closeFrame, 2, 0x03, 0xe8}
	if _, err := d.Write(bye); err != nil {
		t.Fatal(err)
	}
	if taken, _ := d.tryWrite([]byte("data")); taken {
		t.Fatal("data was written after a close frame")
	}
	drain(t, there, append(append(part, "direct"...), bye...))
}

func TestNoDirectWritesWithoutADescriptor(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	if newDirect(here) != nil {
		t.Fatal("a pipe in memory has no descriptor")
	}
}
