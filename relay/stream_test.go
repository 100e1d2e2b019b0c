package relay

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestCloseDoesNotWait: a client over TLS that has stopped reading delays
// neither the server's Close nor, by a lock that Close holds, other clients.
func TestCloseDoesNotWait(t *testing.T) {
	certificate := selfSigned(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := New(testOptions())
		if err != nil {
			t.Fatal(err)
		}
		var serving sync.WaitGroup
		for range 3 {
			ours, theirs := net.Pipe() // nothing is buffered: a write waits for its reader
			defer func() { _ = theirs.Close() }()
			serving.Go(func() { s.ServeConn(tls.Server(ours, &tls.Config{Certificates: []tls.Certificate{certificate}})) })
			c := tls.Client(theirs, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12})
			if err := c.Handshake(); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		began := time.Now()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		serving.Wait()
		if d := time.Since(began); d > 0 {
			t.Errorf("Close took %v", d)
		}
	})
}

// deaf is a connection whose owner does not read until done is closed.
type deaf struct {
	net.Conn
	done chan struct{}
}

func (d deaf) Read([]byte) (int, error) { <-d.done; return 0, io.EOF }

// TestDeafHandshake: a client that says hello and reads no answer is not waited
// for longer than one that says nothing.
func TestDeafHandshake(t *testing.T) {
	certificate := selfSigned(t)
	synctest.Test(t, func(t *testing.T) {
		s, err := New(testOptions())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		ours, theirs := net.Pipe()
		client := deaf{theirs, make(chan struct{})}
		var wg sync.WaitGroup
		wg.Go(func() {
			if tls.Client(client, &tls.Config{InsecureSkipVerify: true}).Handshake() == nil {
				t.Error("a handshake of one side")
			}
		})
		began := time.Now()
		time.AfterFunc(time.Hour, func() { _ = theirs.Close() })
		s.ServeConn(tls.Server(ours, &tls.Config{Certificates: []tls.Certificate{certificate}}))
		if d := time.Since(began); d != firstFrame {
			t.Errorf("closed after %v", d)
		}
		close(client.done)
		wg.Wait()
	})
}

// TestMediaDoesNotWaitForControl: while a request holds the allocations, as when
// relay sockets are slow to open, frames of a call over TCP pass.
func TestMediaDoesNotWaitForControl(t *testing.T) {
	s := start(t, allowOwn)
	peer := echoPeer(t)
	p := s.probe("tcp", s.user("ann"))
	p.allocate()
	p.want(0, methodChannelBind, bindAttrs(0x4000, peer))
	s.ctl.Lock()
	defer s.ctl.Unlock()
	for range 3 {
		p.channelData(0x4000, []byte("now"))
		p.wantChannel(0x4000, "now")
	}
}

// TestStreamNoGarbage: frames for a stream leave nothing to collect.
func TestStreamNoGarbage(t *testing.T) {
	s := start(t, nil)
	theirs := s.dialTCP()
	eventually(t, "the connection is served", func() bool { return s.Snapshot().Streams == 1 })
	s.mu.Lock()
	var st *stream
	for st = range s.streams {
	}
	s.mu.Unlock()
	frame, buf := make([]byte, 1204), make([]byte, 1204)
	frame[0] = 0x40
	pass := func() {
		st.Send(frame, st.client)
		if _, err := io.ReadFull(theirs, buf); err != nil {
			t.Fatal(err)
		}
	}
	pass()
	if n := testing.AllocsPerRun(200, pass); n != 0 {
		t.Errorf("%v allocations for a frame", n)
	}
}

// TestStreamTimes lets the times of a connection pass on a false clock.
func TestStreamTimes(t *testing.T) {
	binding := newRequest(methodBinding).b
	for _, c := range []struct {
		name    string
		play    func(c net.Conn)
		closed  time.Duration // since accept
		answers int
	}{
		{"silent", func(net.Conn) {}, firstFrame, 0},
		{"half a frame", func(c net.Conn) { _, _ = c.Write(binding[:10]) }, firstFrame, 0},
		{"drop by drop", func(c net.Conn) {
			for _, b := range binding {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, firstFrame, 0},
		{"idle", func(c net.Conn) { _, _ = c.Write(binding) }, idleStream, 1},
		{"second frame unfinished", func(c net.Conn) {
			_, _ = c.Write(binding)
			time.Sleep(5 * time.Second)
			_, _ = c.Write(binding[:4])
		}, 5*time.Second + wholeFrame, 1},
		{"kept alive", func(c net.Conn) {
			for range 5 {
				_, _ = c.Write(binding)
				time.Sleep(20 * time.Second)
			}
		}, 80*time.Second + idleStream, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := New(testOptions())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = s.Close() }()
				ours, theirs := net.Pipe()
				began := time.Now()
				var wg sync.WaitGroup
				wg.Go(func() { s.ServeConn(ours) })
				wg.Go(func() { c.play(theirs) })
				answers := 0
				for buf := make([]byte, 4096); ; answers++ {
					if _, err := theirs.Read(buf); err != nil {
						break
					}
				}
				if got := time.Since(began); got != c.closed || answers != c.answers {
					t.Errorf("closed after %v with %d answers, want %v and %d", got, answers, c.closed, c.answers)
				}
				_ = theirs.Close()
				wg.Wait()
			})
		})
	}
}

// TestSlowReader: a client that does not read costs a bounded queue for a
// bounded time, and old media goes before answers.
func TestSlowReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := New(testOptions())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() { s.ServeConn(ours); close(done) }()
		synctest.Wait()
		var st *stream
		for st = range s.streams {
		}
		media := make([]byte, 1204)
		media[0] = 0x40
		for range 1000 {
			st.Send(media, st.client)
		}
		if n := st.out.size(); n > queueBytes {
			t.Errorf("%d bytes wait", n)
		}
		answer := newMessage(methodRefresh, classSuccess, transactionID()).b
		st.Send(answer, st.client)
		time.Sleep(time.Second) // all media is old now
		buf := make([]byte, writeSize)
		n := 0
		for range 20 {
			k, err := io.ReadAtLeast(theirs, buf, 1)
			n += k
			if err != nil || bytes.Contains(buf[:k], answer) {
				break
			}
		}
		if !bytes.Contains(buf, answer) || n > 3*writeSize {
			t.Errorf("%d bytes before the answer", n)
		}
		for range 1000 {
			st.Send(media, st.client)
		}
		began := time.Now()
		<-done
		if got := time.Since(began); got > writeStream {
			t.Errorf("closed after %v", got)
		}
	})
}

// TestTLS: what no TLS client would send ends the connection, not the listener.
func TestTLS(t *testing.T) {
	s := start(t, nil)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.ServeTCP(l) }()
	c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	p := &prober{t: t, conn: c, tcp: true, user: s.user("ann"), f: framer{conn: c}}
	p.allocate()
	if got := s.Allocations()[0].Transport; got != "tls" {
		t.Errorf("transport %q", got)
	}
	garbage, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = garbage.Write([]byte("this is no hello at all, it is nothing"))
	wantClosed(t, garbage)
	_ = garbage.Close()
	_ = l.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
