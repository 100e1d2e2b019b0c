package signaling_test

import (
	"crypto/tls"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"parley/signaling"
)

// The model: some tabs join, leave, send, drop their sockets in every way and
// come back, all at random and at the same time. Each checks every frame that
// it gets against what it has seen before; at the end the model, which knows
// what each has sent and to whom, checks that nothing is missing.
//
// PARLEY_SEED repeats the choices of a run (not how goroutines met),
// PARLEY_MODEL_TIME makes it longer.

const (
	modelTabs  = 8
	modelRooms = 4
	// modelOpen bounds the signals under way to one tab, in units of 2 KB, so
	// that its queue in the hub, 512 frames and 1 MiB, forgets nothing.
	modelOpen = 100
)

// model is what all tabs of a run share.
type model struct {
	t      *testing.T
	s      *server
	end    time.Time
	tabs   []*tab
	failed atomic.Bool
}

// fail reports the first thing that is wrong.
func (m *model) fail(format string, args ...any) {
	if m.failed.CompareAndSwap(false, true) {
		m.t.Errorf(format, args...)
	}
	panic(stopped{})
}

// stopped unwinds a tab when the run has failed.
type stopped struct{}

// letter is the data of a signal of the model.
type letter struct {
	From int    `json:"from"`
	To   int    `json:"to"`
	Seq  int    `json:"seq"` // of the sender, over all that it sends
	Pad  string `json:"pad"`
}

// posted is a letter that was sent.
type posted struct {
	letter
	refused bool
}

// all runs one step of all tabs at the same time.
func (m *model) all(step func(*tab)) {
	var wg sync.WaitGroup
	for _, c := range m.tabs {
		wg.Go(func() {
			defer func() {
				if r := recover(); r != nil && r != any(stopped{}) {
					panic(r)
				}
			}()
			if !m.failed.Load() {
				step(c)
			}
		})
	}
	wg.Wait()
}

// check compares what was sent with what arrived.
func (m *model) check() (letters, refused int) {
	for _, from := range m.tabs {
		want := map[int][]letter{}
		ids := make([]int, 0, len(from.sent))
		for id := range from.sent {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids {
			if p := from.sent[id]; p.refused {
				refused++
			} else {
				want[p.To] = append(want[p.To], p.letter)
			}
		}
		for _, to := range m.tabs {
			got := slices.DeleteFunc(slices.Clone(to.inbox), func(l letter) bool { return l.From != from.index })
			letters += len(got)
			if !slices.Equal(got, want[to.index]) {
				m.t.Errorf("from tab %d to tab %d:\n got %v\nwant %v", from.index, to.index, seqs(got), seqs(want[to.index]))
			}
		}
	}
	return letters, refused
}

func seqs(letters []letter) (list []int) {
	for _, l := range letters {
		list = append(list, l.Seq)
	}
	return list
}

// checkRooms compares what each sees with what the others see.
func (m *model) checkRooms() {
	for _, c := range m.tabs {
		for room, seen := range c.rooms {
			var in []string
			for _, o := range m.tabs {
				if _, ok := o.rooms[room]; ok {
					in = append(in, o.peer)
				}
			}
			slices.Sort(in)
			if slices.Sort(seen); !slices.Equal(seen, in) {
				m.t.Errorf("tab %d sees %v in %s, where %v are", c.index, seen, room, in)
			}
		}
	}
}

func modelEnv(t *testing.T) (seed uint64, span time.Duration) {
	seed, span = rand.Uint64(), time.Second
	if v := os.Getenv("PARLEY_SEED"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	if v := os.Getenv("PARLEY_MODEL_TIME"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			t.Fatal(err)
		}
		span = d
	}
	return seed, span
}

func TestModel(t *testing.T) {
	for name, start := range map[string]func(*testing.T, signaling.Options) *server{
		"tcp": start, "tls": startTLS, "narrow": startNarrow,
	} {
		t.Run(name, func(t *testing.T) {
			seed, span := modelEnv(t)
			defer func() {
				if t.Failed() {
					t.Logf("repeat with PARLEY_SEED=%d", seed)
				}
			}()
			opt := options()
			opt.RoomMax, opt.PingEvery = modelTabs, 10000*time.Hour
			var clock atomic.Int64
			opt.Now = func() time.Time { return time.Unix(clock.Add(1), 0) } // rate limits have tests of their own
			m := &model{t: t, s: start(t, opt), end: time.Now().Add(span)}
			for i := range modelTabs {
				m.tabs = append(m.tabs, newTab(m, i, seed))
			}
			m.all((*tab).connect)
			m.all((*tab).play)
			m.all((*tab).settle)
			m.all((*tab).settle) // nobody sends any more
			if m.failed.Load() {
				return
			}
			letters, refused := m.check()
			m.checkRooms()
			if letters == 0 || refused == 0 {
				t.Errorf("%d arrived, %d were refused: the run tests too little", letters, refused)
			}
			t.Logf("%d arrived, %d were refused", letters, refused)
			m.all((*tab).drop)
		})
	}
}

// startTLS is start behind TLS, where nothing is written directly.
func startTLS(t *testing.T, opt signaling.Options) *server {
	t.Helper()
	certs := httptest.NewTLSServer(nil)
	certs.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certs.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	s := startOn(t, opt, l)
	s.dial = (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext
	return s
}
