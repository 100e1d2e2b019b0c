package main

import (
	"encoding/binary"
	"errors"
	"net"
	"strconv"
	"sync"
)

// The bare forwarder is the floor: one read and one write a message, no
// protocol, nothing kept. What a hub costs beyond it is the hub's own.

const maxFrame = 4096

func forward(args []string) error {
	if len(args) != 1 {
		return errors.New("forward takes an address")
	}
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	pairs := &pairs{conns: make(map[int]net.Conn)}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go pairs.serve(c)
	}
}

type pairs struct {
	mu    sync.Mutex
	conns map[int]net.Conn
}

func (p *pairs) serve(c net.Conn) {
	defer c.Close()
	buf := make([]byte, maxFrame)
	n, err := c.Read(buf)
	if err != nil || n < 3 {
		return
	}
	id, err := strconv.Atoi(string(buf[2:n]))
	if err != nil {
		return
	}
	p.mu.Lock()
	p.conns[id] = c
	p.mu.Unlock()
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		p.mu.Lock()
		partner := p.conns[id^1]
		p.mu.Unlock()
		if partner != nil {
			partner.Write(buf[:n])
		}
	}
}

func writeFrame(c net.Conn, payload []byte) error {
	_, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(payload))), payload...))
	return err
}

func readFrame(c net.Conn, b []byte) (int, error) {
	if _, err := readFull(c, b[:2]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint16(b))
	if n > len(b) {
		return 0, errors.New("frame too long")
	}
	return readFull(c, b[:n])
}

func readFull(c net.Conn, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = c.Read(b[n:])
		n += m
	}
	return n, err
}
