package relay

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// tcpPair returns both ends of a connection whose socket buffers are small, so
// that writes are cut.
func tcpPair(t *testing.T) (server, client *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server, client = s.(*net.TCPConn), c.(*net.TCPConn)
	_, _ = server.SetWriteBuffer(32<<10), client.SetReadBuffer(32<<10)
	t.Cleanup(func() { _, _ = server.Close(), client.Close() })
	return server, client
}

// sealed is a connection whose socket cannot be had.
type sealed struct{ net.Conn }

// TestStreamOrder: whatever several goroutines push at once, while the client
// reads by fits and starts, every frame that arrives is whole, and those of each
// goroutine come in their order; answers come all.
func TestStreamOrder(t *testing.T) {
	config := &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"tcp":            func(c net.Conn) net.Conn { return c },
		"tls":            func(c net.Conn) net.Conn { return tls.Server(&under{c}, config) },
		"tcp by waiting": func(c net.Conn) net.Conn { return sealed{c} },
		"tls by waiting": func(c net.Conn) net.Conn { return tls.Server(sealed{c}, config) },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, nil)
			ours, theirs := tcpPair(t)
			var serving sync.WaitGroup
			serving.Go(func() { s.ServeConn(wrap(ours)) })
			client := net.Conn(theirs)
			if strings.HasPrefix(name, "tls") {
				client = tls.Client(theirs, &tls.Config{InsecureSkipVerify: true})
			}
			binding(t, client)
			st := s.onlyStream(t)
			const writers, each = 4, 3000
			var writing sync.WaitGroup
			for w := range writers {
				writing.Go(func() { pushNumbered(st, w, each) })
			}
			answers := readNumbered(t, client, writers, each)
			writing.Wait()
			if answers != writers*(each/answerEvery) {
				t.Errorf("%d answers of %d", answers, writers*(each/answerEvery))
			}
			_ = client.Close()
			serving.Wait()
		})
	}
}

// binding sends a request and reads the answer.
func binding(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := c.Write(newRequest(methodBinding).b); err != nil {
		t.Fatal(err)
	}
	f := framer{conn: c}
	if _, err := f.next(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
}

// onlyStream returns the one connection.
func (s *testServer) onlyStream(t *testing.T) (st *stream) {
	t.Helper()
	eventually(t, "the connection is served", func() bool { return s.Snapshot().Streams == 1 })
	s.mu.Lock()
	defer s.mu.Unlock()
	for st = range s.streams {
	}
	return st
}

// answerEvery is how many frames have one answer among them.
const answerEvery = 50

// pushNumbered sends frames of all lengths: a header, the writer, a number, and
// bytes that follow from both. Every answerEvery-th is no media.
func pushNumbered(st *stream, writer, n int) {
	for i := range n {
		b := make([]byte, 12+rand.IntN(1400))
		binary.BigEndian.PutUint16(b, 0x4000)
		if (i+1)%answerEvery == 0 {
			b = b[:min(len(b), 300)&^3]
			b = append(b, make([]byte, 20)...)
			binary.BigEndian.PutUint16(b, uint16(methodRefresh)|uint16(classSuccess))
			binary.BigEndian.PutUint16(b[2:], uint16(len(b)-stunHeaderLen))
		} else {
			binary.BigEndian.PutUint16(b[2:], uint16(len(b)-4))
		}
		binary.BigEndian.PutUint32(b[4:], uint32(writer))
		binary.BigEndian.PutUint32(b[8:], uint32(i))
		fill(b[12:], writer, i)
		if rand.IntN(2) == 0 {
			st.Send(b, st.client)
		} else if st.Queue(b[:4], b[4:]) {
			st.Flush()
		}
		if i%100 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

func fill(b []byte, writer, number int) {
	for i := range b {
		b[i] = byte(writer*31 + number*7 + i)
	}
}

// readNumbered reads until the last answer of each writer has come and returns
// how many answers came.
func readNumbered(t *testing.T, c net.Conn, writers, each int) (answers int) {
	t.Helper()
	slow := &hesitant{Conn: c}
	f := framer{conn: slow}
	last := make([]int, writers)
	for i := range last {
		last[i] = -1
	}
	for ended := 0; ended < writers; {
		b, err := f.next(time.Now().Add(20 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		n := int(binary.BigEndian.Uint16(b[2:])) + 4
		if b[0]>>6 == 0 {
			n += stunHeaderLen - 4
			answers++
		}
		w, i := int(binary.BigEndian.Uint32(b[4:])), int(binary.BigEndian.Uint32(b[8:]))
		want := make([]byte, n-12)
		fill(want, w, i)
		if w >= writers || i <= last[w] || !bytes.Equal(b[12:n], want) {
			t.Fatalf("frame %d of writer %d after %d, or its bytes are others", i, w, last)
		}
		if last[w] = i; i == each-1 {
			ended++
		}
	}
	return answers
}

// hesitant reads a little at a time and rests now and then.
type hesitant struct {
	net.Conn
	n int
}

func (h *hesitant) Read(b []byte) (int, error) {
	if h.n++; h.n%64 == 0 {
		time.Sleep(2 * time.Millisecond)
	}
	return h.Conn.Read(b[:min(len(b), 1+rand.IntN(3000))])
}

// TestWireBytes: what is written comes out byte for byte, held or not, by several
// writers, towards a reader that is much slower; and a reader that takes nothing
// ends the connection with bounded memory.
func TestWireBytes(t *testing.T) {
	ours, theirs := tcpPair(t)
	var writers sync.WaitGroup
	w := newWire(ours, newBuffers(), &writers)
	if w == nil {
		t.Skip("no direct calls here")
	}
	const total = 2 << 20
	go func() {
		for at := 0; at < total; {
			w.hold()
			for range 1 + rand.IntN(24) {
				n := min(1+rand.IntN(4<<10), total-at)
				b := make([]byte, n)
				for i := range b {
					b[i] = pattern(at + i)
				}
				if _, err := w.Write(b); err != nil {
					t.Errorf("at %d: %v", at, err)
					return
				}
				at += n
			}
			w.letGo()
			for w.waits() > bufferSize { // below that it goes on, though the socket is full
				time.Sleep(100 * time.Microsecond)
			}
		}
	}()
	slow, buf := &hesitant{Conn: theirs}, make([]byte, 4096)
	for at := 0; at < total; {
		n, err := slow.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range buf[:n] {
			if b != pattern(at+i) {
				t.Fatalf("byte %d is another", at+i)
			}
		}
		at += n
	}
	flood := make([]byte, 16<<10)
	var err error
	for i := 0; err == nil && i < 2000; i++ {
		_, err = w.Write(flood)
	}
	if err == nil {
		t.Error("a wire takes what nobody reads")
	}
	writers.Wait()
}

// waits is how many bytes wait for the goroutine.
func (w *wire) waits() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pending == nil {
		return 0
	}
	return len(w.pending.b)
}

func pattern(at int) byte { return byte(at ^ at>>8 ^ at>>16) }

// TestWireReads: a wire gives what has come in order, and waits for as long as it
// was told last.
func TestWireReads(t *testing.T) {
	ours, theirs := tcpPair(t)
	w := newWire(ours, newBuffers(), new(sync.WaitGroup))
	if w == nil {
		t.Skip("no direct calls here")
	}
	want := make([]byte, 1<<20)
	for i := range want {
		want[i] = pattern(i)
	}
	go func() {
		for rest := want; len(rest) > 0; {
			n := min(1+rand.IntN(40<<10), len(rest))
			_, _ = theirs.Write(rest[:n])
			rest = rest[n:]
		}
	}()
	got := make([]byte, 0, len(want))
	for len(got) < len(want) {
		_ = w.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := w.Read(got[len(got):min(len(got)+1+rand.IntN(30<<10), len(want))])
		if err != nil {
			t.Fatal(err)
		}
		got = got[:len(got)+n]
	}
	if !bytes.Equal(got, want) {
		t.Error("bytes are others")
	}
	began := time.Now()
	_ = w.SetReadDeadline(began.Add(50 * time.Millisecond))
	_ = w.SetReadDeadline(began.Add(300 * time.Millisecond))
	if _, err := w.Read(got[:1]); err == nil || time.Since(began) < 300*time.Millisecond {
		t.Errorf("waited %v: %v", time.Since(began), err)
	}
	_ = theirs.Close()
	_ = w.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := w.Read(got[:1]); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}
