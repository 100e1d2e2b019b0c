package signaling

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// shutdownRetry is what bye says at shutdown: a restart takes about that long.
const shutdownRetry = 2 * time.Second

// Hub carries the signaling of one server. Its methods may be called from any
// goroutine.
type Hub struct {
	// Set at construction.
	opt      Options
	log      *slog.Logger
	epoch    string // of this run, so that a client sees a restart
	table    map[string]kind
	upgrader websocket.Upgrader
	inboxes  sync.Pool // of *inbox
	outboxes sync.Pool // of *outbox
	signals  sync.Pool // of *event

	// Parts with locks of their own.
	rooms   roomTable
	sweeper sweeper
	calls   *callBook
	board   *board
	missed  missedBook
	guesses guesses
	stats   counters

	draining atomic.Bool    // no new sockets
	closing  atomic.Bool    // Shutdown has begun
	wg       sync.WaitGroup // readers and running timers; see enter

	mu       sync.Mutex // the fields below
	closed   bool
	sockets  map[*socket]struct{}
	counted  int                // sockets, those being upgraded included
	perAddr  map[netip.Addr]int // the same by network
	keys     map[tabKey]*peer
	peers    map[string]*peer
	accounts map[string]*account
	people   people
}

// New makes a hub and reads back the rooms that a former run left behind.
func New(opt Options) (*Hub, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	h := &Hub{
		opt: opt, log: opt.Log, epoch: newID("")[:8], table: messages(),
		sockets: map[*socket]struct{}{}, perAddr: map[netip.Addr]int{}, keys: map[tabKey]*peer{},
		peers: map[string]*peer{}, accounts: map[string]*account{},
	}
	h.inboxes.New = func() any { return &inbox{buf: make([]byte, 0, 1024)} }
	h.outboxes.New = func() any { return new(outbox) }
	h.upgrader = newUpgrader(h)
	h.rooms.init(h)
	h.sweeper.init(h)
	h.calls, h.board = newCallBook(h), newBoard(h)
	h.people = people{watchers: map[*peer]struct{}{}, dirty: map[string]person{}}
	h.missed.byUser = map[string][]missedCall{}
	h.guesses.from = map[netip.Addr]*bucket{}
	h.stats.init()
	if err := h.restoreRooms(); err != nil {
		return nil, fmt.Errorf("failed to read the rooms of the last run: %w", err)
	}
	return h, nil
}

// complete fills in the defaults.
func (o *Options) complete() error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Key == nil {
		o.Key = make([]byte, 32)
		rand.Read(o.Key) // never fails
	}
	if o.Identify == nil {
		return fmt.Errorf("signaling: Options.Identify is missing")
	}
	defaultTo(&o.RoomMax, 6)
	defaultTo(&o.ResumeWindow, time.Minute)
	defaultTo(&o.RingTimeout, 45*time.Second)
	defaultTo(&o.OfferTTL, 10*time.Minute)
	defaultTo(&o.PingEvery, 15*time.Second)
	defaultTo(&o.HelloTimeout, 5*time.Second)
	defaultTo(&o.MaxMessage, 65536)
	defaultTo(&o.MaxSessions, 10000)
	defaultTo(&o.MaxPerUser, 16)
	defaultTo(&o.MaxPerIP, 64)
	defaultTo(&o.Directory, "all")
	o.completeFuncs()
	return nil
}

func defaultTo[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// completeFuncs puts something to call behind every function that may be nil.
func (o *Options) completeFuncs() {
	if o.ClientAddr == nil {
		o.ClientAddr = remoteAddr
	}
	if o.Ended == nil {
		o.Ended = func(string) bool { return false }
	}
	if o.HoldName == nil {
		o.HoldName = func(Identity) error { return nil }
	}
	if o.ReleaseName == nil {
		o.ReleaseName = func(Identity) {}
	}
	if o.Rename == nil {
		o.Rename = func(Identity, string) (Identity, error) {
			return Identity{}, refuse("forbidden", "Names cannot be changed here.")
		}
	}
	if o.Lookup == nil {
		o.Lookup = func(string) (string, bool) { return "", false }
	}
	if o.NameKey == nil {
		o.NameKey = foldName
	}
	if o.Text == nil {
		o.Text = plainText
	}
	if o.Refuse == nil {
		o.Refuse = writeRefusal
	}
}

func (h *Hub) now() time.Time { return h.opt.Now() }

// enter counts a goroutine that Shutdown has to wait for; false when the hub
// has shut down. Who gets true calls wg.Done.
func (h *Hub) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.wg.Add(1)
	return true
}

// Drain refuses new sockets from now on with 503 draining; those that are open go on.
func (h *Hub) Drain() { h.draining.Store(true) }

// Shutdown says bye to every socket, closes it with 4010, waits for all
// goroutines of the hub and writes the rooms. When ctx ends first the sockets
// are cut, and its error is returned. Sessions are not ended: their tabs come
// back to the next run.
func (h *Hub) Shutdown(ctx context.Context) error {
	sockets := h.close()
	for _, s := range sockets {
		s.sayGoodbye()
	}
	done := make(chan struct{})
	go func() {
		h.wg.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
		for _, s := range sockets {
			s.conn.Close()
		}
		<-done
	}
	h.stopTimers()
	if saveErr := h.rooms.save(); saveErr != nil {
		return fmt.Errorf("failed to write the rooms: %w", saveErr)
	}
	return err
}

// close lets nothing new begin and returns the sockets that are open.
func (h *Hub) close() []*socket {
	h.Drain()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.closing.Store(true)
	sockets := make([]*socket, 0, len(h.sockets))
	for s := range h.sockets {
		sockets = append(sockets, s)
	}
	return sockets
}

// sayGoodbye closes a socket at shutdown.
func (s *socket) sayGoodbye() {
	if p := s.peer.Load(); p != nil {
		p.closeSocket(s, closeShutdown, byeFrame("shutdown", shutdownRetry))
		return
	}
	s.writeClose(closeShutdown, "shutdown")
	s.conn.Close()
}

// stopTimers stops what would only wake up to find the hub shut down.
func (h *Hub) stopTimers() {
	h.mu.Lock()
	if h.people.timer != nil {
		h.people.timer.Stop()
	}
	peers := make([]*peer, 0, len(h.peers))
	for _, p := range h.peers {
		peers = append(peers, p)
	}
	h.mu.Unlock()
	for _, p := range peers {
		p.stopGrace()
	}
	h.sweeper.stop()
	h.calls.stop()
	h.board.stop()
	h.rooms.stop()
}

// EndLogin closes the sockets of a login with 4003 and ends its sessions. It
// returns how many there were.
func (h *Hub) EndLogin(login string) int {
	return h.endAll("logged_out", func(id Identity) bool { return id.Login == login })
}

// EndUser is EndLogin for all sessions of a user, whom an admin sends away.
func (h *Hub) EndUser(user string) int {
	return h.endAll("kicked", func(id Identity) bool { return id.User == user })
}

func (h *Hub) endAll(bye string, match func(Identity) bool) int {
	count := 0
	for _, p := range h.allPeers() {
		if match(p.identity()) {
			h.end(p, "left", closeLogin, byeFrame(bye, 0))
			count++
		}
	}
	return count
}

func (h *Hub) allPeers() []*peer {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*peer, 0, len(h.peers))
	for _, p := range h.peers {
		all = append(all, p)
	}
	return all
}
