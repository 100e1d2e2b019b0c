//go:build linux

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// soakOptions say how long and with how many people a server is used.
type soakOptions struct {
	binary   string
	duration time.Duration
	pairs    int
}

// soaker runs one soak: a server, pairs of people who call each other through
// its relay again and again, and what befalls a server in the meantime.
type soaker struct {
	soakOptions
	w      io.Writer
	server *soakServer
	count  soakCounts
	expiry expiry

	mu      sync.Mutex
	trouble bool      // something befalls the server now for which people may be refused
	over    time.Time // when such a thing was over
	failed  []error   // what nothing explains
}

// soak uses a server as a busy evening does and judges it: at the end it must
// have what it had near the start, and every loss must have its reason. Unlike
// the other commands it fails when the server does.
func soak(ctx context.Context, w io.Writer, args []string) error {
	var o soakOptions
	fs := flag.NewFlagSet("loadgen soak", flag.ContinueOnError)
	fs.StringVar(&o.binary, "parley", "bin/parley", "the server's `FILE`")
	fs.DurationVar(&o.duration, "d", 30*time.Minute, "how long, 40s at least")
	fs.IntVar(&o.pairs, "pairs", 20, "how many pairs of people")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if o.duration < shortestSoak || o.pairs < 1 || fs.NArg() > 0 {
		return errors.New("soak takes -d of 40s or more, -pairs of 1 or more, and no further words")
	}
	s := &soaker{soakOptions: o, w: w, expiry: expiry{w: w}}
	var err error
	if s.server, err = newSoakServer(); err == nil {
		err = s.server.start(ctx, o.binary)
	}
	if err != nil {
		return errors.Join(err, s.server.remove())
	}
	err = s.run(ctx)
	if err != nil {
		fmt.Fprintf(w, "the end of the server's log:\n%s", s.server.logTail())
	}
	return errors.Join(err, s.server.remove())
}

const (
	shortestSoak = 40 * time.Second
	longSoak     = 5 * time.Minute
	// settleTime is how long after the last call everything that belonged to it
	// may stay: the server's resume window, and then some.
	settleTime = 8 * time.Second
)

// run is warm-up, first figures, load with troubles, last figures.
func (s *soaker) run(ctx context.Context) error {
	warm := min(2*time.Minute, s.duration/4)
	if err := s.load(ctx, warm, nil); err != nil {
		return err
	}
	before, err := s.server.rest(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.w, "after %v: %v\n", warm, before)
	rest := s.duration - warm - 2*settleTime
	expired := make(chan error, 1)
	go func() { expired <- s.expiry.watch(ctx, s.server.contestant(), rest) }()
	if err := errors.Join(s.load(ctx, rest, s.troubles(rest)), <-expired); err != nil {
		return err
	}
	after, err := s.server.rest(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.w, "after %v: %v\n%v\n", s.duration, after, &s.count)
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(append(s.failed, after.grownFrom(before, s.slack()), s.count.explain(int64(after.dropped)-s.expiry.silent()), s.server.stopWell())...)
}

// slack is by how many bytes a heap of 13 MB may differ beyond its 5 %: buffer
// pools fill in the first minutes.
func (s *soaker) slack() float64 {
	if s.duration < longSoak {
		return 2 << 20
	}
	return 1 << 20
}

// load has the pairs call each other for that long, beside the troubles.
func (s *soaker) load(ctx context.Context, d time.Duration, troubles []trouble) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var wg sync.WaitGroup
	for i := range s.pairs {
		wg.Go(func() { s.keepCalling(ctx, i) })
	}
	wg.Go(func() { s.befall(ctx, troubles) })
	wg.Wait()
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return nil
}

// keepCalling is one pair for the whole time.
func (s *soaker) keepCalling(ctx context.Context, i int) {
	p := &soakPair{soaker: s, i: i}
	for n := 0; ctx.Err() == nil; n++ {
		began := time.Now()
		err := p.call(ctx, n)
		switch {
		case err == nil || ctx.Err() != nil:
		case s.excuse(began) && !errors.Is(err, errInCall):
			s.count.excused.Add(1)
		default:
			s.fail(fmt.Errorf("pair %d, call %d: %w", i, n, err))
		}
		if err != nil {
			_ = sleep(ctx, time.Second)
		}
	}
}

// excuse says whether something befell the server since a time, or shortly before it.
func (s *soaker) excuse(since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trouble || !s.over.IsZero() && since.Before(s.over.Add(afterTrouble))
}

// afterTrouble is how long the traces of a trouble may last: silent connections
// are closed after ten seconds.
const afterTrouble = 12 * time.Second

// mostFailures bounds the report.
const mostFailures = 10

func (s *soaker) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failed) < mostFailures {
		s.failed = append(s.failed, err)
	}
}

// befall lets the troubles happen one after the other.
func (s *soaker) befall(ctx context.Context, list []trouble) {
	for _, t := range list {
		if sleep(ctx, t.after) != nil {
			return
		}
		s.mu.Lock()
		s.trouble = t.excuses
		s.mu.Unlock()
		if err := t.happen(ctx); err != nil && ctx.Err() == nil {
			s.fail(fmt.Errorf("%s: %w", t.name, err))
		}
		s.mu.Lock()
		if s.trouble {
			s.trouble, s.over = false, time.Now()
		}
		s.mu.Unlock()
		s.count.troubles.Add(1)
	}
}

// trouble is something that befalls a server. Where it excuses, people may be
// refused meanwhile.
type trouble struct {
	name    string
	excuses bool
	after   time.Duration
	happen  func(context.Context) error
}

// troubles spreads a full disk, a lack of descriptors and many reloads over d.
func (s *soaker) troubles(d time.Duration) []trouble {
	hup := trouble{name: "reload", after: d / 12, happen: s.server.reload}
	list := []trouble{hup, hup, hup,
		{name: "full disk", excuses: true, after: d / 12, happen: s.server.fillDisk},
		hup, hup,
		{name: "no descriptors", excuses: true, after: d / 12, happen: s.server.takeDescriptors}, hup}
	if os.Getuid() != 0 {
		fmt.Fprintln(s.w, "not root: the full disk is left out")
		list = append(list[:3], list[4:]...)
	}
	return list
}
