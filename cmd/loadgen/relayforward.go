//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// The bare forwarder is the floor of the relays: it moves datagrams between a
// client and a peer that were told to it, and knows no protocol. It reads
// through Go's poller with recvmmsg and UDP_GRO, and writes with sendmmsg and
// UDP_SEGMENT where neighbours are equal.
//
// A client sends "!open", is answered "!" and its relay address, then sends
// "!peer" and an address, and is answered "!", as is "!close" at the end.
// Everything else is data.

const (
	bareOpen  = "!open"
	barePeer  = "!peer "
	bareClose = "!close"
	bareYes   = "!"

	forwardBatch  = 32
	forwardBuffer = 64 << 10
)

type relayForwarder struct {
	clients *net.UDPConn
	fd      int       // of clients
	pool    sync.Pool // of *forwardRound: warm buffers for whoever reads next

	mu    sync.RWMutex
	flows map[unix.RawSockaddrInet4]*forwardFlow
}

type forwardFlow struct {
	client unix.RawSockaddrInet4
	peer   unix.RawSockaddrInet4
	conn   *net.UDPConn
	fd     int
}

type forwardRound struct {
	in  *receiver
	out *sender
}

func relayForward(args []string) error {
	if len(args) != 1 {
		return errors.New("relay-forward takes an address")
	}
	ready, err := net.Listen("tcp", args[0]) // tells the harness that we are up
	if err != nil {
		return err
	}
	defer ready.Close()
	f := &relayForwarder{flows: make(map[unix.RawSockaddrInet4]*forwardFlow)}
	f.pool.New = func() any {
		return &forwardRound{newReceiver(forwardBatch, forwardBuffer), newSender(forwardBatch)}
	}
	if f.clients, f.fd, err = listenGRO(args[0]); err != nil {
		return err
	}
	return f.serve(f.clients, f.fromClients)
}

// listenGRO opens a UDP socket whose equal neighbours arrive in one piece.
func listenGRO(addr string) (*net.UDPConn, int, error) {
	a, err := net.ResolveUDPAddr("udp4", addr)
	if err != nil {
		return nil, 0, err
	}
	conn, err := net.ListenUDP("udp4", a)
	if err != nil {
		return nil, 0, err
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, 0, err
	}
	var fd int
	err = raw.Control(func(s uintptr) {
		fd = int(s)
		growBuffers(fd)
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1)
	})
	return conn, fd, err
}

// serve hands each batch of a socket to handle until the socket is closed.
func (f *relayForwarder) serve(conn syscall.Conn, handle func(*forwardRound, int)) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool {
		r := f.pool.Get().(*forwardRound)
		defer f.pool.Put(r)
		for {
			n, errno := r.in.receive(int(fd))
			if errno != 0 {
				return false // EAGAIN, or what one peer caused
			}
			handle(r, n)
			if n < forwardBatch {
				return false
			}
		}
	})
}

// fromClients sends each client's datagrams to its peer.
func (f *relayForwarder) fromClients(r *forwardRound, n int) {
	var flow *forwardFlow
	for i := range n {
		b, segment := r.in.message(i)
		if len(b) > 0 && b[0] == bareYes[0] {
			f.control(r.in.names[i], b)
			continue
		}
		if flow == nil || flow.client != r.in.names[i] {
			if flow != nil {
				r.out.flush(flow.fd)
			}
			f.mu.RLock()
			flow = f.flows[r.in.names[i]]
			f.mu.RUnlock()
		}
		if flow != nil {
			r.out.join(b, segment, &flow.peer)
		}
	}
	if flow != nil {
		r.out.flush(flow.fd)
	}
}

// fromPeer sends what came to a relay socket to its client.
func (f *relayForwarder) fromPeer(flow *forwardFlow) func(*forwardRound, int) {
	return func(r *forwardRound, n int) {
		for i := range n {
			b, segment := r.in.message(i)
			r.out.join(b, segment, &flow.client)
		}
		r.out.flush(f.fd)
	}
}

// join adds a message, in one piece with the one before if segments allow that.
func (s *sender) join(b []byte, segment int, to *unix.RawSockaddrInet4) {
	if len(b) == 0 {
		return
	}
	if s.used > 0 && s.open && segment == s.size && s.total+len(b) <= maxGSO && s.total/s.size+(len(b)+segment-1)/segment <= maxSegments {
		s.extend(b, segment)
	} else {
		s.add(b, segment, to)
		s.size, s.total = segment, 0
	}
	s.total += len(b)
	s.open = len(b)%segment == 0 // a short segment ends a message
}

// open makes a flow's relay socket; nil when the system has none left.
func (f *relayForwarder) open(client unix.RawSockaddrInet4) *forwardFlow {
	conn, fd, err := listenGRO("127.0.0.1:0")
	if err != nil {
		return nil
	}
	flow := &forwardFlow{client: client, conn: conn, fd: fd}
	f.flows[client] = flow
	go f.serve(conn, f.fromPeer(flow))
	return flow
}

// control answers a client that sets up its flow.
func (f *relayForwarder) control(from unix.RawSockaddrInet4, b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	flow := f.flows[from]
	switch {
	case string(b) == bareOpen:
		if flow == nil {
			if flow = f.open(from); flow == nil {
				return
			}
		}
		f.answer(from, fmt.Sprint(bareYes, flow.conn.LocalAddr()))
	case string(b) == bareClose:
		if flow != nil {
			flow.conn.Close()
			delete(f.flows, from)
		}
		f.answer(from, bareYes)
	case flow != nil && bytes.HasPrefix(b, []byte(barePeer)):
		peer, err := netip.ParseAddrPort(string(b[len(barePeer):]))
		if err != nil {
			return
		}
		flow.peer = sockaddr(peer)
		f.answer(from, bareYes)
	}
}

func (f *relayForwarder) answer(client unix.RawSockaddrInet4, text string) {
	_, _ = f.clients.WriteToUDPAddrPort([]byte(text), addrPort(&client))
}
