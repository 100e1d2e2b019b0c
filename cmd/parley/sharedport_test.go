package main

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"parley/cmd/internal/listen"
	"parley/relay"
)

// pipes is a listener in memory, for times to pass on a false clock.
type pipes struct {
	come   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.come:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestFirstFrameOnTheSharedPort: who speaks late has no more time for the first
// whole frame than who speaks at once.
func TestFirstFrameOnTheSharedPort(t *testing.T) {
	for _, silence := range []time.Duration{0, 8500 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			s, err := relay.New(relay.Options{Secrets: []string{"north"}, External: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
			if err != nil {
				t.Fatal(err)
			}
			l := &pipes{come: make(chan net.Conn), closed: make(chan struct{})}
			m := listen.NewMux(l, listen.MuxOptions{Turn: s.ServeConn})
			go m.Serve()
			ours, theirs := net.Pipe()
			accepted := time.Now()
			l.come <- ours
			time.Sleep(silence)
			theirs.Write([]byte{0, 1}) // of a Binding
			if _, err := theirs.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("read: %v", err)
			}
			if open := time.Since(accepted); open != 10*time.Second {
				t.Errorf("first byte after %v: closed after %v", silence, open)
			}
			theirs.Close()
			s.Close()
			m.Close()
			m.Wait()
		})
	}
}
