package relay

import (
	"crypto/rand"
	"errors"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"parley/relay/dataplane"
)

// allocation is the guard's side of one allocation. ctl guards it.
type allocation struct {
	// set at construction
	id       string
	number   uint64 // its virtual client address towards pion
	client   dataplane.Client
	login    string
	key      []byte // of the credential that opened it
	relay    *dataplane.Relay
	since    time.Time
	last     time.Time // never lives longer than this
	tid      [12]byte  // of the Allocate, whose retransmission gets the same answer
	answer   []byte    // unsigned
	loginRef *login

	expires time.Time
	conn    *relayConn // its relay as pion sees it; made by introduce unless pion moves the data
	known   bool       // to pion
	renewed time.Time  // when pion was told last, real time
}

// setExpiry is called with ctl held. The stream is told too, for it must not ask
// for the lock at every frame.
func (a *allocation) setExpiry(t time.Time) {
	a.expires = t
	if st, ok := a.client.Link.(*stream); ok {
		st.expires.Store(t.UnixNano())
	}
}

// login counts what one login holds.
type login struct {
	allocations, reservations int
	limits                    [2]*dataplane.Bucket
}

// reservation holds the port that EVEN-PORT asked to keep (RFC 8656 section
// 7.2); ctl guards it.
type reservation struct {
	port  uint16
	login string
	until time.Time // real time
}

// reservationLife is the 30 seconds of RFC 8656 section 7.2.
const reservationLife = 30 * time.Second

const (
	protoUDP   = 17
	familyIPv4 = 1
	familyIPv6 = 2
)

// wishes are the attributes of an Allocate that say what relay it wants.
type wishes struct {
	lifetime   time.Duration
	even, pair bool
	token      string
	additional bool // an IPv6 address besides, which there is none of
}

// allocate is RFC 8656 section 7.2.
func (r *request) allocate() *builder {
	if r.alloc != nil {
		switch {
		case r.alloc.tid != r.msg.id:
			return r.fail(437)
		case r.alloc.login != r.cred.login:
			return r.fail(441)
		}
		return &builder{b: slices.Clone(r.alloc.answer)}
	}
	want, code := r.wishes()
	if code != 0 {
		return r.fail(code)
	}
	if code := r.s.admitLocked(r, want); code != 0 {
		return r.fail(code)
	}
	a, token, code := r.s.openLocked(r, want)
	if code != 0 {
		return r.fail(code)
	}
	w := r.succeed().addAddress(attrXORRelayedAddress, a.relay.Address)
	w.addUint32(attrLifetime, uint32(want.lifetime/time.Second)).addAddress(attrXORMappedAddress, r.client.Addr)
	if token != "" {
		w.add(attrReservationToken, []byte(token))
	}
	if want.additional {
		w.add(attrAddressErrorCode, []byte{familyIPv6, 0, 4, 40})
	}
	a.answer = slices.Clone(w.b)
	return w
}

// wishes reads the attributes of an Allocate and returns 0 or the code of the
// first that is wrong.
func (r *request) wishes() (wishes, int) {
	var want wishes
	transport, ok := r.msg.get(attrRequestedTransport)
	if !ok || len(transport) != 4 {
		return want, 400
	}
	if transport[0] != protoUDP {
		return want, 442
	}
	_, want.lifetime, ok = r.lifetime()
	if !ok {
		return want, 400
	}
	if code := r.portWishes(&want); code != 0 {
		return want, code
	}
	return want, r.familyWishes(&want)
}

func (r *request) portWishes(want *wishes) int {
	even, hasEven := r.msg.get(attrEvenPort)
	token, hasToken := r.msg.get(attrReservationToken)
	if hasEven && len(even) != 1 || hasToken && len(token) != 8 || hasEven && hasToken {
		return 400
	}
	want.even = hasEven
	want.pair = hasEven && even[0]&0x80 != 0
	want.token = string(token)
	return 0
}

func (r *request) familyWishes(want *wishes) int {
	family, hasFamily := r.msg.get(attrRequestedAddressFamily)
	more, hasMore := r.msg.get(attrAdditionalAddressFamily)
	want.additional = hasMore
	switch {
	case hasFamily && (len(family) != 4 || want.token != "" || hasMore):
		return 400
	case hasMore && (len(more) != 4 || more[0] != familyIPv6 || want.token != "" || want.pair):
		return 400
	case hasFamily && family[0] != familyIPv4:
		return 440
	}
	return 0
}

// admitLocked judges the quotas and returns 0, 486 or 508.
func (s *Server) admitLocked(r *request, want wishes) int {
	limits := s.limits.Load()
	used := 0
	if l := s.logins[r.cred.login]; l != nil {
		used = l.allocations + l.reservations
	}
	if res, ok := s.reservations[want.token]; ok && res.login == r.cred.login {
		used-- // it has been counted
	}
	if want.pair {
		used++
	}
	switch {
	case s.draining, s.budget.exceeded(), len(s.allocs) >= limits.MaxAllocations:
		return 508
	case used >= limits.MaxPerLogin, s.perAddress[addressKey(r.client.Addr.Addr())] >= limits.MaxPerAddress:
		return 486
	}
	return 0
}

// openLocked makes an allocation: port, socket, tables. pion has no part in it
// before it has a permission. The code is 0 or an error code.
func (s *Server) openLocked(r *request, want wishes) (*allocation, string, int) {
	s.lastNumber++
	a := &allocation{id: rand.Text(), number: s.lastNumber, client: r.client, login: r.cred.login, key: r.key,
		since: r.now, last: r.now.Add(maxAge), tid: r.msg.id, loginRef: s.loginLocked(r.cred.login)}
	a.loginRef.allocations++
	token, err := s.openRelayLocked(a, r.cred.login, want)
	if err != nil {
		a.loginRef.allocations--
		s.forgetLoginLocked(r.cred.login)
		return nil, "", 508
	}
	s.perAddress[addressKey(a.client.Addr.Addr())]++
	s.allocs[a.client] = a
	a.setExpiry(r.now.Add(want.lifetime))
	s.byID[a.id] = a
	s.o.Log.Debug("A relay allocation began.", "id", a.id, "transport", a.client.Link.Transport(),
		"client", a.client.Addr, "relay", a.relay.Address)
	return a, token, 0
}

// openRelayLocked binds a relay socket at a free port and returns the token of
// the port that it reserves besides, if one is wanted.
func (s *Server) openRelayLocked(a *allocation, login string, want wishes) (string, error) {
	announced := s.announcedFor(a.client)
	var tap func(netip.AddrPort, []byte)
	if s.o.Engine == enginePion {
		a.conn = newRelayConn()
		a.conn.packets = make(chan peerPacket, peerQueue)
		tap = a.conn.tap
	}
	var busy []uint16 // taken by other programs: back into the pool afterwards
	defer func() {
		for _, p := range busy {
			s.ports.put(p)
		}
	}()
	for {
		port, err := s.takePortLocked(login, want)
		if err != nil {
			return "", err
		}
		relay, err := s.plane.Open(dataplane.RelayConfig{
			Client: a.client, Limits: a.loginRef.limits, Tap: tap,
			Bind: netip.AddrPortFrom(s.bindFor[announced], port), Address: netip.AddrPortFrom(announced, port),
		})
		if err == nil {
			a.relay = relay
			return s.reserveLocked(login, port, want), nil
		}
		busy = append(busy, port)
		if want.pair {
			busy = append(busy, port+1)
		}
		if !errors.Is(err, syscall.EADDRINUSE) || want.token != "" {
			s.slowLog.warn("A relay socket could not be opened.", "error", err)
			return "", err
		}
	}
}

// introduceLocked tells pion of an allocation that gets its first permission or
// channel: most of what an allocation costs in time and memory is pion's part.
// The code is that of the answer, 0 for success.
func (s *Server) introduceLocked(a *allocation) (int, error) {
	if a.known {
		return 0, nil
	}
	if a.conn == nil {
		a.conn = newRelayConn()
	}
	a.conn.relay = a.relay
	s.pion.relays.Store(a.number, a.relay)
	code, err := s.pion.request(a.number, methodAllocate, a.conn, func(w *builder) {
		w.add(attrRequestedTransport, []byte{protoUDP, 0, 0, 0}).addUint32(attrLifetime, pionLifetime)
	})
	a.known, a.renewed = err == nil && code == 0, time.Now()
	if !a.known {
		s.pion.relays.Delete(a.number)
	}
	return code, err
}

var errNoPort = errors.New("no relay port is free")

func (s *Server) takePortLocked(login string, want wishes) (uint16, error) {
	if want.token != "" {
		res, ok := s.reservations[want.token]
		if !ok || res.login != login {
			return 0, errNoPort
		}
		s.dropReservationLocked(want.token)
		s.ports.take(res.port)
		return res.port, nil
	}
	port, ok := s.ports.any(want.even, want.pair)
	if !ok {
		return 0, errNoPort
	}
	return port, nil
}

// reserveLocked keeps the port after an even one for whoever brings the token.
func (s *Server) reserveLocked(login string, port uint16, want wishes) string {
	if !want.pair {
		return ""
	}
	token := rand.Text()[:8]
	s.reservations[token] = reservation{port: port + 1, login: login, until: time.Now().Add(reservationLife)}
	s.logins[login].reservations++
	return token
}

// dropReservationLocked gives a reserved port back to the pool.
func (s *Server) dropReservationLocked(token string) {
	res := s.reservations[token]
	delete(s.reservations, token)
	s.ports.put(res.port)
	if l := s.logins[res.login]; l != nil {
		l.reservations--
		s.forgetLoginLocked(res.login)
	}
}

func (s *Server) loginLocked(id string) *login {
	l := s.logins[id]
	if l == nil {
		rate := s.limits.Load().MaxBandwidthPerUser
		l = &login{limits: [2]*dataplane.Bucket{dataplane.NewBucket(rate), dataplane.NewBucket(rate)}}
		s.logins[id] = l
	}
	return l
}

func (s *Server) forgetLoginLocked(id string) {
	if l := s.logins[id]; l != nil && l.allocations == 0 && l.reservations == 0 {
		delete(s.logins, id)
	}
}

// announcedFor picks the relay address that the client asked, if it is one, for
// that is surely reachable for it; else the first.
func (s *Server) announcedFor(c dataplane.Client) netip.Addr {
	local := c.Local
	if u, ok := c.Link.(*dataplane.UDP); ok && !local.IsValid() {
		local = addrPortOf(u.LocalAddr()).Addr()
	}
	if _, ok := s.bindFor[local]; ok {
		return local
	}
	return s.firstIPv4
}

// endLocked ends an allocation by a Refresh with lifetime 0 on the control
// goroutine: closing its socket under pion's feet could meet a permission that
// is just being made.
func (s *Server) endLocked(a *allocation, why string) {
	if s.allocs[a.client] != a {
		return
	}
	if a.known {
		// An error means that pion is closing, which closes the relay as well.
		_, _ = s.pion.request(a.number, methodRefresh, nil, func(w *builder) { w.addUint32(attrLifetime, 0) })
		s.pion.relays.Delete(a.number)
	}
	a.relay.Close()
	s.ports.put(a.relay.Address.Port())
	delete(s.allocs, a.client)
	delete(s.byID, a.id)
	key := addressKey(a.client.Addr.Addr())
	if s.perAddress[key]--; s.perAddress[key] <= 0 {
		delete(s.perAddress, key)
	}
	a.loginRef.allocations--
	s.forgetLoginLocked(a.login)
	s.count.ended(s.o.Now().Sub(a.since))
	if st, ok := a.client.Link.(*stream); ok {
		st.released()
	}
	if s.draining && len(s.allocs) == 0 {
		s.drainOnce.Do(func() { close(s.drained) })
	}
	s.o.Log.Debug("A relay allocation ended.", "id", a.id, "reason", why)
}
