package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"parley/cmd/internal/admin"
	"parley/cmd/internal/certs"
	"parley/cmd/internal/config"
	"parley/cmd/internal/listen"
	"parley/cmd/internal/systemd"
	"parley/relay"
	"parley/signaling"
	"parley/signaling/auth"
)

// Times of a stop. retryAfterRestart is what clients are told: a restart takes
// a second or two. stopStep bounds the steps that wait for nobody's call;
// lastVisitors is enough for a handshake from afar, and short for the connection
// that a browser opened ahead and says nothing on;
// lastResort ends the program when something hangs all the same.
const (
	retryAfterRestart = 2 * time.Second
	stopStep          = 5 * time.Second
	lastVisitors      = 2 * time.Second
	lastResort        = 10 * time.Second
)

// server holds every part, bound and checked, before anything is started.
type server struct {
	cfg     config.Config
	started time.Time
	level   *slog.LevelVar
	log     *slog.Logger
	socks   *listen.Sockets
	certs   *certs.Provider
	users   *auth.Service
	turn    *relay.Server
	hub     *signaling.Hub
	holders *holders
	ready   admin.Readiness
	left    admin.Reports
	mux     *listen.Mux
	http    *http.Server
	admin   *http.Server
	plain   *http.Server // ACME's HTTP-01 and the redirect, nil without acme_http_listen
	stops   atomic.Bool  // draining

	inherited systemd.Sockets  // what the service manager handed over
	held      bool             // the service manager holds the web port
	visitors  *listen.Visitors // of the web port and of plain
	notify    systemd.Notifier

	life context.Context // ends when the server is released
	end  context.CancelFunc
}

func serveCommand(ctx context.Context, t terminal, fs *flag.FlagSet, args []string) error {
	cfg, err := loadChecked(t, fs, args)
	if err != nil {
		return err
	}
	level := &slog.LevelVar{}
	inherited, err := systemd.Inherit(os.Getenv)
	if err != nil {
		return err
	}
	s, err := newServer(ctx, cfg, newLogger(t.err, cfg, level), level, inherited)
	if err != nil {
		inherited.Close() // what was not taken over
		return err
	}
	for _, w := range cfg.Warnings() {
		s.log.Warn(w.Sentence, "key", w.Key)
	}
	stop, now, done := s.watchSignals(ctx, t, fs, args)
	defer done()
	announce(t.out, s)
	return s.run(stop, now)
}

// watchSignals gives two contexts: the first ends with the first SIGTERM or
// Ctrl-C and drains, the second ends with the second and stops at once.
func (s *server) watchSignals(ctx context.Context, t terminal, fs *flag.FlagSet, args []string) (stop, now context.Context, done func()) {
	stop, drain := context.WithCancel(ctx)
	now, end := context.WithCancel(ctx)
	sigs := make(chan os.Signal, 4)
	signal.Notify(sigs, syscall.SIGTERM, os.Interrupt, syscall.SIGHUP)
	var wg sync.WaitGroup
	wg.Go(func() {
		for sig := range sigs {
			switch {
			case sig == syscall.SIGHUP:
				s.reload(func() (config.Config, error) {
					return config.Load(s.cfg.File, t.env)
				})
			case stop.Err() == nil:
				s.log.Info("A signal asks to stop; calls through the relay may go on until the grace is over.", "signal", sig.String(), "grace", s.cfg.Shutdown.Grace)
				drain()
			default:
				s.log.Info("A second signal asks to stop at once.", "signal", sig.String())
				end()
			}
		}
	})
	return stop, now, func() {
		signal.Stop(sigs)
		close(sigs)
		wg.Wait()
		drain()
		end()
	}
}

// newServer builds everything that can fail and starts nothing. Listeners that
// the service manager handed over serve instead of new ones.
func newServer(ctx context.Context, cfg config.Config, log *slog.Logger, level *slog.LevelVar, inherited systemd.Sockets) (_ *server, err error) {
	s := &server{cfg: cfg, started: time.Now(), inherited: inherited, notify: systemd.New(os.Getenv), log: log, level: level,
		holders: newHolders(cfg.Relay.CredentialTTL)}
	s.life, s.end = context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		if err != nil {
			s.release()
		}
	}()
	for _, build := range []func(context.Context) error{
		s.buildData, s.buildSockets, s.buildCerts, s.buildUsers, s.buildRelay, s.buildHub, s.buildSite, s.buildAdmin,
	} {
		if err := build(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *server) draining() bool { return s.stops.Load() }

// task is one long-running part: run returns when stop was called.
type task struct {
	name string
	run  func() error
}

func (s *server) tasks() []task {
	list := []task{
		{"admin", func() error { return s.admin.Serve(s.socks.Admin) }},
		{"relay over UDP", func() error { return s.turn.ServeUDP(s.socks.RelayUDP) }},
		{"relay over TCP", func() error { return s.turn.ServeTCP(s.socks.RelayTCP) }},
		{"web port", s.mux.Serve},
		{"web", func() error { return s.http.Serve(s.mux.HTTP()) }},
		{"watchdog", func() error { return s.notify.Watchdog(s.life, s.alive, s.unwell) }},
	}
	if s.socks.RelayTLS != nil {
		list = append(list, task{"relay over TLS", func() error { return s.turn.ServeTLS(s.socks.RelayTLS, s.certs.TURNConfig()) }})
	}
	if s.certs != nil {
		list = append(list, task{"certificate renewal", func() error { return s.certs.Run(s.life) }})
	}
	if s.plain != nil {
		list = append(list, task{"plain http", func() error { return s.plain.Serve(s.visitors.Bound(s.socks.Plain)) }})
	}
	return list
}

// run serves until stop is done, or a part fails, and then stops in order.
func (s *server) run(stop, now context.Context) error {
	list := s.tasks()
	failed := make(chan error, len(list))
	var wg sync.WaitGroup
	for _, t := range list {
		wg.Go(func() {
			if err := t.run(); !harmless(err) {
				failed <- fmt.Errorf("the %s stopped: %w", t.name, err)
			}
		})
	}
	err := s.alive()
	if err == nil {
		s.log.Info("Parley is ready.", "url", s.address(), "relay", s.socks.RelayUDP.LocalAddr().String(), "admin", "http://"+s.socks.Admin.Addr().String())
		s.tell(s.notify.Ready)
		select {
		case <-stop.Done():
		case err = <-failed:
		}
	}
	if err != nil {
		s.log.Error("A part of the server does not work; everything stops.", "error", err)
	}
	s.shutDown(now)
	return errors.Join(err, waitFor(&wg, lastResort))
}

// tell passes a state on to the service manager, which may be gone.
func (s *server) tell(state func() error) {
	if err := state(); err != nil {
		s.log.Warn("The service manager could not be told.", "error", err)
	}
}

func (s *server) unwell(err error) {
	s.log.Error("A part of the server hangs; without a sign of life the service manager restarts Parley.", "error", err)
}

func harmless(err error) bool {
	return err == nil || errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed)
}

func waitFor(wg *sync.WaitGroup, d time.Duration) error {
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-time.After(d):
		return errors.New("a part of the server did not stop in time; ending all the same")
	}
}

// shutDown is the stop order: nobody new, sockets told, relayed calls left to
// go on until the grace is over, then everything closed. Who comes meanwhile is
// told that the server restarts and when to try again: a refused connection
// would look like an outage. Only a port that the service manager holds is left
// at once, since visitors then wait for the next process.
func (s *server) shutDown(now context.Context) {
	deadline, cancel := context.WithTimeout(now, s.cfg.Shutdown.Grace)
	defer cancel()
	s.tell(s.notify.Stopping)
	s.stops.Store(true)
	s.ready.Set("draining", true)
	s.hub.Drain()
	if s.held {
		s.drainPort(now)
	}
	s.step(now, "The hub did not stop as it should.", s.hub.Shutdown)
	if err := s.turn.Drain(deadline); err != nil {
		if n := len(s.turn.Allocations()); n > 0 {
			s.log.Info("Relays were ended that were still in use.", "relays", n)
		}
	}
	s.mux.Close()
	s.step(now, "Some web requests did not end in time.", s.http.Shutdown)
	s.release()
	s.log.Info("Parley has stopped.")
}

// drainPort leaves a port that the service manager holds to the next process,
// and lets those in whom this one has accepted.
func (s *server) drainPort(now context.Context) {
	ctx, cancel := context.WithTimeout(now, lastVisitors)
	defer cancel()
	s.mux.Drain(ctx)
}

// step takes a while at most; after a second signal nobody wants to hear that it
// was not finished.
func (s *server) step(now context.Context, complaint string, f func(context.Context) error) {
	ctx, cancel := context.WithTimeout(now, stopStep)
	defer cancel()
	if err := f(ctx); err != nil && now.Err() == nil {
		s.log.Warn(complaint, "error", err)
	}
}

// release closes whatever was built, in reverse order.
func (s *server) release() {
	s.end()
	if s.plain != nil {
		s.plain.Close()
	}
	if s.http != nil {
		s.http.Close()
	}
	if s.mux != nil {
		s.mux.Close()
	}
	if s.turn != nil {
		s.turn.Close()
	}
	if s.mux != nil {
		s.mux.Wait()
	}
	if s.users != nil {
		s.users.Close()
	}
	if s.admin != nil {
		s.admin.Close()
	}
	if s.socks != nil {
		s.socks.Close()
	}
}
