//go:build linux

package main

import (
	"bufio"
	"crypto/tls"
	"net"
	"time"
)

// streamConn is a TURN client's connection over TCP or TLS. Read returns whole
// messages while the flow is set up; after that drain takes over.
type streamConn struct {
	net.Conn
	r    *bufio.Reader
	each bool // one write a packet: a TLS record each, as browsers do
}

// streamBuffer is what one read may take.
const streamBuffer = 64 << 10

func dialStream(transport, addr string) (*streamConn, error) {
	c, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return nil, err
	}
	s := &streamConn{Conn: c}
	if transport == "tls" {
		s.Conn, s.each = tls.Client(c, &tls.Config{InsecureSkipVerify: true}), true
	}
	s.r = bufio.NewReaderSize(s.Conn, streamBuffer)
	return s, nil
}

// Read implements io.Reader for the control messages.
func (s *streamConn) Read(b []byte) (int, error) {
	if err := s.SetReadDeadline(time.Now().Add(answerTime)); err != nil {
		return 0, err
	}
	frame, err := s.next()
	return copy(b, frame), err
}

// next returns the next frame; it is valid until the call after.
func (s *streamConn) next() ([]byte, error) {
	head, err := s.r.Peek(channelHeader)
	if err != nil {
		return nil, err
	}
	frame, err := s.r.Peek(frameLength(head))
	if err != nil {
		return nil, err
	}
	_, err = s.r.Discard(len(frame)) // the bytes stay where they are until the next Peek
	return frame, err
}

// drain counts what arrives until the connection is closed.
func (s *streamConn) drain(f framing, t *tally) {
	_ = s.SetReadDeadline(time.Time{})
	for {
		frame, err := s.next()
		if err != nil {
			return
		}
		if at, size, ok := sentAt(f, frame); ok {
			t.arrived(at, down, size)
		}
	}
}

// send writes a packet n times.
func (s *streamConn) send(p packet, n int, scratch []byte) (int, error) {
	if s.each {
		for i := range n {
			if _, err := s.Write(p.b); err != nil {
				return i, err
			}
		}
		return n, nil
	}
	scratch = scratch[:0]
	for range n {
		scratch = append(scratch, p.b...)
	}
	_, err := s.Write(scratch)
	return n, err
}
