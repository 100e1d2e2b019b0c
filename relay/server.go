package relay

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"parley/relay/dataplane"
)

const (
	// Binding answers a second: to one address, where ICE sends a handful, and
	// in all, so that a flood leaves room for calls.
	bindingRate  = 50
	bindingBurst = 100
	bindingTotal = 20000
)

// ErrClosed is returned by ServeUDP, ServeTCP and ServeTLS on a closed server.
var ErrClosed = errors.New("relay: server closed")

// Server is a STUN and TURN server. Make one with New.
type Server struct {
	// set at construction
	o           Options
	plane       *dataplane.Plane
	policy      *policy
	pion        *pionServer
	nonces      nonces
	strangers   *limiter // unauthenticated answers
	bindings    *limiter
	allBindings *dataplane.Bucket
	iceLimit    *limiter
	count       *counters
	budget      *budget
	slowLog     *slowLog
	firstIPv4   netip.Addr
	bindFor     map[netip.Addr]netip.Addr // announced address -> where its sockets are bound
	buffers     *buffers
	batches     *batches
	drained     chan struct{}
	drainOnce   sync.Once

	reload  sync.Mutex // held while a configuration is put into force
	secrets atomic.Pointer[[]string]
	limits  atomic.Pointer[Reloadable]

	// Locks are taken in this order: reload, ctl, pion's, a relay's. mu, and that
	// of a stream's queue before its wire's, come last: none of these is taken
	// under them.

	// ctl guards the allocations. It is held while pion handles a request, and
	// relay sockets are opened under it: allocations change one at a time.
	ctl          sync.Mutex
	allocs       map[dataplane.Client]*allocation
	byID         map[string]*allocation
	logins       map[string]*login
	perAddress   map[netip.Prefix]int
	ports        *portPool
	reservations map[string]reservation
	lastNumber   uint64
	draining     bool

	// mu guards the sockets.
	mu       sync.Mutex
	closed   bool
	sockets  map[interface{ Close() error }]struct{}
	streams  map[*stream]struct{}
	perPeer  map[netip.Prefix]int // streams of one address
	wg       sync.WaitGroup
	shutdown chan struct{}
}

// New checks the options and prepares a server. Nothing listens yet, but
// housekeeping runs: Close must be called in any case.
func New(o Options) (*Server, error) {
	if err := o.setDefaults(); err != nil {
		return nil, err
	}
	budget, err := openBudget(o)
	if err != nil {
		return nil, err
	}
	s := &Server{
		o: o, nonces: newNonces(), count: newCounters(), budget: budget, slowLog: newSlowLog(o.Log),
		strangers:   newLimiter(o.UnauthenticatedRate, 2*o.UnauthenticatedRate),
		bindings:    newLimiter(bindingRate, bindingBurst),
		allBindings: dataplane.NewBucket(bindingTotal),
		iceLimit:    newLimiter(iceRate, iceBurst),
		bindFor:     make(map[netip.Addr]netip.Addr),
		buffers:     newBuffers(), batches: newBatches(),
		drained: make(chan struct{}), shutdown: make(chan struct{}),
		allocs: make(map[dataplane.Client]*allocation), byID: make(map[string]*allocation),
		logins: make(map[string]*login), perAddress: make(map[netip.Prefix]int),
		ports: newPortPool(o.PortMin, o.PortMax), reservations: make(map[string]reservation),
		sockets: make(map[interface{ Close() error }]struct{}), streams: make(map[*stream]struct{}),
		perPeer: make(map[netip.Prefix]int),
	}
	s.chooseBinds()
	s.policy = &policy{announced: o.External, interfaces: interfaceAddresses,
		live: func(a netip.AddrPort) bool { return s.plane.Local(a) != nil }}
	s.plane = s.newPlane()
	s.apply(o.Secrets, o.Reloadable)
	s.lookAround()
	if s.pion, err = newPion(s.fromPion, o.channelLife); err != nil {
		return nil, err
	}
	s.wg.Go(s.housekeeping)
	return s, nil
}

// chooseBinds decides where relay sockets are bound: at the announced address
// when this machine has it, else (1:1 NAT) at every address.
func (s *Server) chooseBinds() {
	for _, a := range s.o.External {
		if !a.Is4() {
			continue
		}
		bind := netip.IPv4Unspecified()
		if c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: a.AsSlice()}); err == nil {
			_ = c.Close()
			bind = a
		}
		s.bindFor[a] = bind
		if !s.firstIPv4.IsValid() {
			s.firstIPv4 = a
		}
	}
}

// lookAround keeps the policy's idea of the machine's own addresses fresh.
func (s *Server) lookAround() {
	if err := s.policy.look(); err != nil {
		s.slowLog.warn("The addresses of this machine cannot be listed; relays are kept from those that are known.", "error", err)
	}
	s.plane.PolicyChanged()
}

// apply puts a reloadable configuration into force, one at a time.
func (s *Server) apply(secrets []string, r Reloadable) {
	s.reload.Lock()
	defer s.reload.Unlock()
	s.secrets.Store(&secrets)
	s.limits.Store(&r)
	s.policy.set(r)
	s.plane.PolicyChanged()
	s.plane.SetBandwidth(r.MaxBandwidth)
	s.strangers.setRate(r.UnauthenticatedRate, 2*r.UnauthenticatedRate)
	s.ctl.Lock()
	defer s.ctl.Unlock()
	for _, l := range s.logins {
		l.limits[dataplane.Up].SetRate(r.MaxBandwidthPerUser)
		l.limits[dataplane.Down].SetRate(r.MaxBandwidthPerUser)
	}
}

// Reload replaces policy and limits, and the secrets unless secrets is empty.
// Live allocations stay; their packets are judged by the new policy at once.
func (s *Server) Reload(secrets []string, r Reloadable) error {
	r.setDefaults()
	if len(secrets) == 0 {
		secrets = *s.secrets.Load()
	}
	if err := checkSecrets(secrets); err != nil {
		return err
	}
	s.apply(slices.Clone(secrets), r)
	return nil
}

// fromPion sends data that pion relayed itself.
func (s *Server) fromPion(number uint64, frame []byte) {
	if r, ok := s.pion.relays.Load(number); ok {
		r.(*dataplane.Relay).Client.Send(frame)
	}
}

// ServeUDP answers on conn until Close, which closes it, and returns nil then.
func (s *Server) ServeUDP(conn *net.UDPConn) error {
	u, err := s.plane.Listen(conn)
	if err != nil {
		_ = conn.Close()
		return err
	}
	if !s.adopt(u) {
		return ErrClosed
	}
	defer s.wg.Done()
	defer s.abandon(u)
	s.serveUDP(u)
	return nil
}

// adopt registers a socket that Close closes, and counts its goroutine. On a
// closed server it closes the socket and returns false.
func (s *Server) adopt(c interface{ Close() error }) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
		return false
	}
	s.sockets[c] = struct{}{}
	s.wg.Add(1)
	return true
}

func (s *Server) abandon(c interface{ Close() error }) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, c)
	_ = c.Close()
}

// EndLogin ends all allocations of a login before it returns. Its credentials
// are refused when Options.Ended says so.
func (s *Server) EndLogin(loginID string) {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	for _, a := range s.allocs {
		if a.login == loginID {
			s.endLocked(a, "login ended")
		}
	}
}

// End ends one allocation; false means that there is none of that id.
func (s *Server) End(id string) bool {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	a := s.byID[id]
	if a == nil {
		return false
	}
	s.endLocked(a, "ended by an administrator")
	return true
}

// Allocations lists the live allocations, oldest first.
func (s *Server) Allocations() []Allocation {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	list := make([]Allocation, 0, len(s.allocs))
	for _, a := range s.allocs {
		list = append(list, Allocation{
			ID: a.id, Login: a.login, Transport: a.client.Link.Transport(), Client: a.client.Addr,
			Relay: a.relay.Address, Since: a.since, Expires: a.expires,
			BytesUp: a.relay.Bytes(dataplane.Up), BytesDown: a.relay.Bytes(dataplane.Down),
		})
	}
	slices.SortFunc(list, func(a, b Allocation) int { return a.Since.Compare(b.Since) })
	return list
}

// Drain refuses new allocations (508) from now on and waits until the last one
// has ended, or until ctx is done, whose error it returns.
func (s *Server) Drain(ctx context.Context) error {
	s.ctl.Lock()
	s.draining = true
	if len(s.allocs) == 0 {
		s.drainOnce.Do(func() { close(s.drained) })
	}
	s.ctl.Unlock()
	select {
	case <-s.drained:
		return nil
	case <-s.shutdown:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends all allocations, closes all sockets that were passed to the
// server and waits for its goroutines. A second call does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	for c := range s.sockets {
		_ = c.Close()
	}
	for st := range s.streams {
		st.hangUp()
	}
	close(s.shutdown)
	s.mu.Unlock()
	s.wg.Wait()

	s.ctl.Lock()
	for _, a := range s.allocs {
		s.endLocked(a, "server closed")
	}
	s.ctl.Unlock()
	err := s.pion.close()
	s.plane.Close()
	return errors.Join(err, s.budget.save(s.relayed(), s.o.Now()))
}

// relayed is what the budget counts: payload of all relays in both directions.
func (s *Server) relayed() int64 {
	return int64(s.plane.Bytes(dataplane.Up) + s.plane.Bytes(dataplane.Down))
}

// Snapshot returns the counters.
func (s *Server) Snapshot() Stats {
	st := Stats{
		Allocations: make(map[string]int), AllocationResults: make(map[string]map[string]uint64),
		BytesUp: s.plane.Bytes(dataplane.Up), BytesDown: s.plane.Bytes(dataplane.Down),
		PacketsUp: s.plane.Packets(dataplane.Up), PacketsDown: s.plane.Packets(dataplane.Down),
		Dropped: s.plane.Drops(), AuthFailures: s.count.authFailures.snapshot(),
		PermissionDenied: make(map[string]uint64),
		StunRequests:     s.count.stun.Load(), CredentialsIssued: s.count.credentials.Load(),
		BudgetUsed: s.budget.used(s.relayed()), BudgetLimit: s.o.MonthlyBudget,
	}
	for k, v := range s.count.dropped.snapshot() {
		st.Dropped[k] += v
	}
	for r := pass + 1; r < ruleCount; r++ {
		st.PermissionDenied[r.String()] = s.count.denied[r].Load()
	}
	s.count.copyTo(&st)
	s.ctl.Lock()
	for _, a := range s.allocs {
		st.Allocations[a.client.Link.Transport()]++
	}
	st.Draining = s.draining
	s.ctl.Unlock()
	s.mu.Lock()
	st.Streams = len(s.streams)
	s.mu.Unlock()
	return st
}

// housekeepingPause bounds how late an allocation ends after its lifetime, and
// how late a changed interface address is noticed.
const (
	housekeepingPause = time.Second
	interfacePause    = 10 * time.Second
)

// housekeeping ends what has expired, renews what pion would forget and keeps
// the budget.
func (s *Server) housekeeping() {
	tick := time.NewTicker(housekeepingPause)
	defer tick.Stop()
	looked := time.Now()
	for {
		select {
		case <-s.shutdown:
			return
		case <-tick.C:
		}
		s.sweep(time.Now())
		s.budget.tick(s.relayed(), s.o.Now(), s.o.Log)
		s.slowLog.tick()
		if time.Since(looked) >= interfacePause {
			looked = time.Now()
			s.lookAround()
		}
	}
}

func (s *Server) sweep(realNow time.Time) {
	s.ctl.Lock()
	defer s.ctl.Unlock()
	now := s.o.Now()
	for _, a := range s.allocs {
		switch {
		case !now.Before(a.expires), !now.Before(a.last):
			s.endLocked(a, "expired")
		case a.relay.Closed():
			s.endLocked(a, "relay socket closed")
		case a.known && realNow.Sub(a.renewed) > pionRenew:
			a.renewed = realNow
			_, _ = s.pion.request(a.number, methodRefresh, nil, func(w *builder) { w.addUint32(attrLifetime, pionLifetime) })
		}
	}
	for token, res := range s.reservations {
		if realNow.After(res.until) {
			s.dropReservationLocked(token)
		}
	}
}
