package relay

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"parley/relay/dataplane"
)

// request is an authenticated request while it is handled, with ctl held.
type request struct {
	s      *Server
	client dataplane.Client
	msg    *message
	cred   credential
	key    []byte // that signed it
	now    time.Time
	alloc  *allocation // of this five-tuple; nil = none
}

// handlerOf returns what handles an authenticated request of a method; nil for
// methods that the server does not know.
func handlerOf(m method) func(*request) *builder {
	switch m {
	case methodAllocate:
		return (*request).allocate
	case methodRefresh:
		return (*request).refresh
	case methodCreatePermission:
		return (*request).createPermission
	case methodChannelBind:
		return (*request).channelBind
	}
	return nil
}

// serveRequest authenticates a request that passed the screen and answers it,
// in the order of RFC 8656 section 5: who, what, whose allocation, then the
// method's own rules.
func (s *Server) serveRequest(c dataplane.Client, m *message) {
	nameBytes, _ := m.get(attrUsername)
	realm, _ := m.get(attrRealm)
	name := string(nameBytes)
	cred, ok := parseCredential(name)
	now := s.o.Now()
	switch {
	case !ok:
		s.challenge(c, m, 401, "bad_name")
		return
	case m.method == methodAllocate && !now.Before(cred.expires):
		s.challenge(c, m, 401, "expired")
		return
	case string(realm) != s.o.Realm:
		s.challenge(c, m, 401, "wrong_realm")
		return
	}
	key, ok := s.verify(c, m, name)
	if !ok {
		s.challenge(c, m, 401, "wrong_credentials")
		return
	}
	w := s.handle(&request{s: s, client: c, msg: m, cred: cred, key: key, now: now})
	if w == nil { // the login has ended
		s.challenge(c, m, 401, "ended")
		return
	}
	c.Send(w.sign(key).finish(m.fingerprinted))
}

// handle runs a method with the allocations locked. nil means that the login has
// ended; asking under the lock leaves no gap for an allocation that EndLogin
// would miss.
func (s *Server) handle(r *request) *builder {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	if s.o.Ended(r.cred.login) {
		return nil
	}
	r.alloc = s.allocs[r.client]
	w := r.answer()
	if r.msg.method == methodAllocate {
		s.count.result(r.client.Link.Transport(), resultOf(w))
	}
	return w
}

func (r *request) answer() *builder {
	if list := r.msg.unknown(); len(list) > 0 {
		return r.fail(420).addUnknown(list)
	}
	if r.msg.method != methodAllocate {
		if r.alloc == nil {
			return r.fail(437)
		}
		if r.alloc.login != r.cred.login {
			return r.fail(441)
		}
	}
	return handlerOf(r.msg.method)(r)
}

// resultOf is the label for an answer: "ok" or the error code.
func resultOf(w *builder) string {
	code, err := answerCode(w.b)
	if err != nil || code != 0 {
		return strconv.Itoa(code)
	}
	return "ok"
}

func (r *request) fail(code int) *builder {
	return newMessage(r.msg.method, classError, r.msg.id).addError(code)
}

func (r *request) succeed() *builder { return newMessage(r.msg.method, classSuccess, r.msg.id) }

// lifetime reads LIFETIME in seconds, clamped to what the server grants; an
// absent one is the default. ok is false if it is malformed.
func (r *request) lifetime() (asked uint32, granted time.Duration, ok bool) {
	granted = defaultLifetime
	v, has := r.msg.get(attrLifetime)
	if !has {
		return uint32(defaultLifetime / time.Second), granted, true
	}
	if len(v) != 4 {
		return 0, 0, false
	}
	asked = binary.BigEndian.Uint32(v)
	return asked, min(max(time.Duration(asked)*time.Second, defaultLifetime), maxLifetime), true
}

// Lifetimes of RFC 8656 section 7.2: never shorter than the default, so that
// nobody keeps the server busy with allocations of a second.
const (
	defaultLifetime = 600 * time.Second
	maxLifetime     = 3600 * time.Second
)

// refresh is RFC 8656 section 8.
func (r *request) refresh() *builder {
	asked, granted, ok := r.lifetime()
	if !ok {
		return r.fail(400)
	}
	if v, has := r.msg.get(attrRequestedAddressFamily); has {
		if len(v) != 4 {
			return r.fail(400)
		}
		if v[0] != familyIPv4 {
			return r.fail(443)
		}
	}
	if asked == 0 {
		r.s.endLocked(r.alloc, "closed")
		return r.succeed().addUint32(attrLifetime, 0)
	}
	granted = min(granted, r.alloc.last.Sub(r.now)).Truncate(time.Second)
	if granted <= 0 {
		r.s.endLocked(r.alloc, "too old")
		return r.fail(437)
	}
	r.alloc.setExpiry(r.now.Add(granted))
	return r.succeed().addUint32(attrLifetime, uint32(granted/time.Second))
}

// createPermission is RFC 8656 section 10. All peers are granted or none.
func (r *request) createPermission() *builder {
	peers, ok := r.peers()
	if !ok || len(peers) == 0 {
		return r.fail(400)
	}
	var addrs []netip.Addr
	added := 0
	for _, peer := range peers {
		if code := r.judge(peer, false); code != 0 {
			return r.fail(code)
		}
		if slices.Contains(addrs, peer.Addr()) {
			continue
		}
		addrs = append(addrs, peer.Addr())
		if !r.alloc.relay.Permitted(peer.Addr()) {
			added++
		}
	}
	if n, _ := r.alloc.relay.Len(); n+added > r.s.limits.Load().MaxPermissions {
		return r.fail(508)
	}
	return r.pass(func(w *builder) {
		for _, a := range addrs {
			w.addAddress(attrXORPeerAddress, netip.AddrPortFrom(a, 0))
		}
	})
}

// peers returns all XOR-PEER-ADDRESS attributes; ok is false if one is malformed.
func (r *request) peers() (list []netip.AddrPort, ok bool) {
	for _, a := range r.msg.attrs {
		if a.typ != attrXORPeerAddress {
			continue
		}
		peer, ok := r.msg.decodeAddress(a.value)
		if !ok {
			return nil, false
		}
		list = append(list, peer)
	}
	return list, true
}

// channelBind is RFC 8656 section 12.1. Numbers up to 0x7FFF are taken, as
// older clients draw from the range of RFC 5766.
func (r *request) channelBind() *builder {
	num, ok := r.msg.get(attrChannelNumber)
	addr, hasPeer := r.msg.get(attrXORPeerAddress)
	if !ok || !hasPeer || len(num) != 4 {
		return r.fail(400)
	}
	number := binary.BigEndian.Uint16(num)
	peer, ok := r.msg.decodeAddress(addr)
	if !ok || peer.Port() == 0 || number < 0x4000 || number > 0x7FFF {
		return r.fail(400)
	}
	if code := r.judge(peer, true); code != 0 {
		return r.fail(code)
	}
	if code := r.judgeChannel(number, peer); code != 0 {
		return r.fail(code)
	}
	return r.pass(func(w *builder) {
		w.addUint32(attrChannelNumber, uint32(number)<<16).addAddress(attrXORPeerAddress, peer)
	})
}

// judgeChannel refuses a number that is bound to another peer and a peer that
// is bound to another number, and more channels than allowed.
func (r *request) judgeChannel(number uint16, peer netip.AddrPort) int {
	relay, most := r.alloc.relay, r.s.limits.Load().MaxPermissions
	bound, ok := relay.Channel(number)
	if ok && bound != peer {
		return 400
	}
	if other, has := relay.Number(peer); has && other != number {
		return 400
	}
	permissions, channels := relay.Len()
	if !ok && channels >= most || !relay.Permitted(peer.Addr()) && permissions >= most {
		return 508
	}
	return 0
}

// pass hands a judged request to pion.
func (r *request) pass(attrs func(*builder)) *builder {
	code, err := r.s.introduceLocked(r.alloc)
	if err == nil && code == 0 {
		code, err = r.s.pion.request(r.alloc.number, r.msg.method, nil, attrs)
	}
	switch {
	case err != nil:
		return r.fail(500)
	case code != 0:
		return r.fail(code)
	}
	return r.succeed()
}

// judge asks the policy and returns 0 or the error code: 403, or 443 for a peer
// that an IPv4 relay cannot reach.
func (r *request) judge(peer netip.AddrPort, withPort bool) int {
	why := r.s.policy.judge(peer, withPort)
	if why == pass && !peer.Addr().Is4() {
		why = ruleFamily
	}
	if why == pass {
		return 0
	}
	r.s.count.denied[why].Add(1)
	r.s.slowLog.rule(why, peer)
	if why == ruleFamily {
		return 443
	}
	return 403
}
