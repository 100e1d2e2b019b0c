package relay

import (
	"parley/relay/dataplane"
)

const (
	// maxFrame is the longest datagram or frame that a client may send: more
	// than any packet that the relay would pass on.
	maxFrame = 1600
	// controlQueue is how many requests of one UDP socket may wait. What comes
	// beyond is lost, and STUN sends it again.
	controlQueue = 512

	// Lengths of RFC 8489 section 14; longer ones are dropped before anything
	// is computed from them.
	maxUsername = 508
	maxRealm    = 128 // characters; 3 bytes each at most
	maxNonce    = 128
)

// reader is the guard's working memory for one goroutine that reads clients.
type reader struct {
	msg    message // the one in hand; its attribute list is used again
	answer builder // to Binding requests, in memory that is used again
	// control takes a request whose nonce is valid; the message is only valid
	// during the call.
	control func(c dataplane.Client, m *message)
}

// receive judges one datagram or frame of a client. It is the only way into the
// server, but for data of clients with an allocation, which the data plane
// judges itself.
func (s *Server) receive(rd *reader, c dataplane.Client, b []byte) {
	switch {
	case len(b) == 0:
	case len(b) > maxFrame:
		s.count.dropped.add("too_big")
	case c.Link.Transport() == "udp" && s.plane.IsSource(c.Addr):
		// An allocation that is used to reach this very server. A stream may
		// have the same port number by chance.
		s.count.dropped.add("own_relay")
	case b[0]>>6 == 1:
		s.channelData(c, b)
	case b[0]>>6 == 0:
		s.stun(rd, c, b)
	default:
		s.count.dropped.add("not_stun")
	}
}

func (s *Server) stun(rd *reader, c dataplane.Client, b []byte) {
	m := &rd.msg
	var err error
	*m, err = parse(b, m.attrs)
	switch {
	case err != nil:
		s.count.dropped.add("malformed")
	case m.class == classIndication && m.method == methodSend:
		s.send(c, m)
	case m.class != classRequest:
		// Responses and other indications are never answered: two servers must
		// not keep each other busy.
		s.count.dropped.add("not_request")
	case m.method == methodBinding:
		s.binding(rd, c)
	case handlerOf(m.method) == nil:
		s.count.dropped.add("unknown_method")
	case s.screen(c, m):
		rd.control(c, m)
	}
}

// binding answers the Binding request in hand (RFC 8489 section 12). It leaves
// nothing to collect: anyone may ask.
func (s *Server) binding(rd *reader, c dataplane.Client) {
	m := &rd.msg
	s.count.stun.Add(1)
	if c.Link.Transport() == "udp" && (!s.bindings.allow(c.Addr.Addr()) || !s.allBindings.Take(1)) {
		s.count.dropped.add("rate_limited")
		return
	}
	if list := m.unknown(); len(list) > 0 {
		s.toStranger(c, newMessage(m.method, classError, m.id).addError(420).addUnknown(list).finish(m.fingerprinted))
		return
	}
	rd.answer.begin(m.method, classSuccess, m.id)
	c.Send(rd.answer.addAddress(attrXORMappedAddress, c.Addr).finish(m.fingerprinted))
}

// screen tells whether a request carries a nonce that was given to its sender,
// and answers it if not. Nothing is kept about the sender.
func (s *Server) screen(c dataplane.Client, m *message) bool {
	if m.integrity == 0 {
		s.challenge(c, m, 401, "no_credentials")
		return false
	}
	name, hasName := m.get(attrUsername)
	realm, hasRealm := m.get(attrRealm)
	nonce, hasNonce := m.get(attrNonce)
	switch {
	case len(name) > maxUsername || len(realm) > 3*maxRealm || len(nonce) > maxNonce:
		s.count.dropped.add("malformed")
	case !hasName || !hasRealm || !hasNonce:
		s.unauthenticated(c, newMessage(m.method, classError, m.id).addError(400).finish(m.fingerprinted), "incomplete")
	case !s.nonces.valid(s.o.Now(), nonce, c.Addr):
		s.challenge(c, m, 438, "stale_nonce")
	default:
		return true
	}
	return false
}

// challenge answers 401 or 438 with REALM and NONCE.
func (s *Server) challenge(c dataplane.Client, m *message, code int, reason string) {
	w := newMessage(m.method, classError, m.id).addError(code)
	w.add(attrRealm, []byte(s.o.Realm)).add(attrNonce, s.nonces.issue(s.o.Now(), c.Addr))
	s.unauthenticated(c, w.finish(m.fingerprinted), reason)
}

// unauthenticated answers someone who should have proved who he is.
func (s *Server) unauthenticated(c dataplane.Client, answer []byte, reason string) {
	s.count.authFailures.add(reason)
	s.toStranger(c, answer)
}

// toStranger sends an error to someone who has not proved who he is. Over UDP the
// address may be a victim's, so errors to one address are limited; over a stream
// the connection proves it.
func (s *Server) toStranger(c dataplane.Client, answer []byte) {
	if c.Link.Transport() == "udp" && !s.strangers.allow(c.Addr.Addr()) {
		s.count.dropped.add("rate_limited")
		return
	}
	c.Send(answer)
}

// send relays a Send indication (RFC 8656 section 11.2). Whatever is wrong with
// it, nobody is told.
func (s *Server) send(c dataplane.Client, m *message) {
	addr, hasPeer := m.find(attrXORPeerAddress)
	data, hasData := m.find(attrData)
	peer, ok := m.decodeAddress(addr.value)
	if !hasPeer || !hasData || !ok || peer.Port() == 0 || !peer.Addr().Is4() || len(m.unknown()) > 0 {
		s.count.dropped.add("malformed")
		return
	}
	if s.o.Engine == enginePion {
		w := newMessage(methodSend, classIndication, m.id).addAddress(attrXORPeerAddress, peer).add(attrData, data.value)
		s.dataThroughPion(c, w.b)
		return
	}
	s.plane.FromSend(c, peer, data.value)
}

func (s *Server) channelData(c dataplane.Client, b []byte) {
	if s.o.Engine == enginePion {
		s.dataThroughPion(c, b)
		return
	}
	s.plane.FromChannel(c, b)
}

func (s *Server) dataThroughPion(c dataplane.Client, frame []byte) {
	s.ctl.Lock()
	a := s.allocs[c]
	s.ctl.Unlock()
	if a == nil {
		s.count.dropped.add("no_allocation")
		return
	}
	s.pion.data(a.number, frame)
}

// serveUDP reads a UDP listener. Requests wait for their turn in a bounded queue
// so that they never hold up the packets of a call.
func (s *Server) serveUDP(u *dataplane.UDP) {
	queue := make(chan job, controlQueue)
	s.wg.Go(func() {
		var m message // its attribute list is used again
		for j := range queue {
			var err error
			if m, err = parse(j.raw, m.attrs); err == nil {
				s.serveRequest(j.client, &m)
			}
		}
	})
	defer close(queue)
	control := func(c dataplane.Client, m *message) {
		select {
		case queue <- job{c, append([]byte(nil), m.raw...)}:
		default:
			s.count.dropped.add("control_queue")
		}
	}
	u.Serve(func() dataplane.Handler {
		rd := &reader{control: control}
		return func(c dataplane.Client, b []byte) { s.receive(rd, c, b) }
	}, func(err error) { s.slowLog.warn("A read on a TURN socket failed; it goes on.", "error", err) })
}

type job struct {
	client dataplane.Client
	raw    []byte
}
