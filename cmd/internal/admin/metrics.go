package admin

import (
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Emit takes the figures of one scrape by their metric's name. An unknown name
// is ignored, so that a newer package can count more than this page shows.
type Emit struct {
	rows map[string]row
	ch   chan<- prometheus.Metric
	seen map[string]bool // name and labels of this scrape
}

// Value reports a counter or gauge; labels in the order of the table below.
func (e Emit) Value(name string, value float64, labels ...string) {
	r, ok := e.rows[name]
	if !ok {
		return
	}
	if m, err := prometheus.NewConstMetric(r.desc, r.kind, value, labels...); err == nil {
		e.seen[series(name, labels)] = true
		e.ch <- m
	}
}

func series(name string, labels []string) string { return name + "\x00" + strings.Join(labels, "\x00") }

// zeros reports what has not happened yet: a rate over a series that begins with
// its first event misses that event.
func (e Emit) zeros() {
	for name, r := range e.rows {
		for _, labels := range r.usual {
			if !e.seen[series(name, labels)] {
				e.Value(name, 0, labels...)
			}
		}
	}
}

// Histogram reports observations in seconds: counts[i] is the number of those
// not above bounds[i].
func (e Emit) Histogram(name string, bounds []float64, counts []uint64, count uint64, sum float64) {
	r, ok := e.rows[name]
	if !ok || len(bounds) != len(counts) {
		return
	}
	buckets := make(map[float64]uint64, len(bounds))
	for i, b := range bounds {
		buckets[b] = counts[i]
	}
	if m, err := prometheus.NewConstHistogram(r.desc, count, sum, buckets); err == nil {
		e.ch <- m
	}
}

// metric is one row of the surface: the names are fixed, others alert on them.
type metric struct {
	name, help string
	kind       prometheus.ValueType
	labels     []string
	usual      [][]string // label values that are there from the start
}

// each makes one list of label values of each word.
func each(words ...string) [][]string {
	out := make([][]string, len(words))
	for i, w := range words {
		out[i] = []string{w}
	}
	return out
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
	// Histograms have no prometheus.ValueType; Emit.Histogram knows them by name.
	histogram = prometheus.UntypedValue
)

func table() []metric {
	return []metric{
		{"parley_ws_connections", "WebSockets that are open.", gauge, nil, nil},
		{"parley_sessions", "Sessions, those that wait for a resume included.", gauge, nil, nil},
		{"parley_rooms", "Rooms with somebody in them.", gauge, nil, nil},
		{"parley_calls_total", "Calls by name that ended, by result.", counter, []string{"result"}, each("accepted", "declined", "busy", "cancelled", "no_answer", "offline", "failed")},
		{"parley_signals_total", "Signals passed between peers.", counter, nil, nil},
		{"parley_ws_dropped_total", "WebSockets closed by the server, and connections to the web port refused (connections), by reason.", counter, []string{"reason"}, each("flood", "slow", "silent", "too_big", "binary")},
		{"parley_logins_total", "Sign-ins, by result.", counter, []string{"result"}, each("ok", "wrong_credentials", "unauthorized", "name_taken", "rate_limited")},
		{"parley_credentials_issued_total", "TURN credentials handed out.", counter, nil, nil},
		{"parley_stun_requests_total", "STUN Binding requests answered.", counter, nil, nil},
		{"parley_turn_allocations", "Relay allocations that live now, by the client's transport.", gauge, []string{"transport"}, each("udp", "tcp", "tls")},
		{"parley_turn_allocations_total", "Allocate requests, by transport and result.", counter, []string{"transport", "result"}, [][]string{{"udp", "ok"}, {"tcp", "ok"}, {"tls", "ok"}}},
		{"parley_turn_relayed_bytes_total", "Payload bytes relayed: up from clients, down to them.", counter, []string{"direction"}, nil},
		{"parley_turn_relayed_packets_total", "Packets relayed: up from clients, down to them.", counter, []string{"direction"}, nil},
		{"parley_turn_dropped_packets_total", "Packets not relayed, by reason.", counter, []string{"reason"}, nil},
		{"parley_turn_auth_failures_total", "TURN requests that failed to authenticate, by reason.", counter, []string{"reason"}, each("no_credentials", "wrong_credentials")},
		{"parley_turn_permission_denied_total", "Peers refused by policy, by rule.", counter, []string{"reason"}, nil},
		{"parley_ice_selected_total", "Paths that calls took, as clients report them.", counter, []string{"path"}, nil},
		{"parley_turn_allocation_duration_seconds", "How long allocations lived.", histogram, nil, nil},
		{"parley_call_setup_seconds", "From joining to the first frame, as clients report it.", histogram, nil, nil},
		{"parley_tls_certificate_expiry_timestamp_seconds", "When the certificate ends, in Unix time; 0 while it is missing, infinite without TLS.", gauge, nil, nil},
		{"parley_relay_budget_bytes", "Bytes left of relay.monthly_budget; infinite without one.", gauge, nil, nil},
	}
}

type collector struct {
	collect func(Emit)
	rows    map[string]row
}

type row struct {
	metric
	desc *prometheus.Desc
}

func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, r := range c.rows {
		ch <- r.desc
	}
}

func (c collector) Collect(ch chan<- prometheus.Metric) {
	e := Emit{c.rows, ch, map[string]bool{}}
	c.collect(e)
	e.zeros()
}

func metrics(build map[string]string, collect func(Emit)) http.Handler {
	c := collector{collect: collect, rows: make(map[string]row)}
	for _, m := range table() {
		c.rows[m.name] = row{m, prometheus.NewDesc(m.name, m.help, m.labels, nil)}
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "parley_build_info", Help: "1, with the version as labels.", ConstLabels: build,
	})
	info.Set(1)
	reg := prometheus.NewRegistry()
	reg.MustRegister(c, info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}
