package signaling

import (
	"slices"
	"time"
)

const (
	reportEvery = time.Minute // one per peer
	maxSetup    = 10 * time.Minute
	maxSteps    = 32 // kinds of failed step that are counted apart
)

func reportPaths() []string {
	return []string{"direct", "relay_udp", "relay_tcp", "relay_tls", "failed"}
}

// reportFields is report: how a connection came about, for the metrics.
type reportFields struct {
	Path    string  `json:"path"`
	SetupMS float64 `json:"setup_ms"`
	Step    *string `json:"step"`
}

// report handles report.
func (h *Hub) report(p *peer, m *message) error {
	f, err := decode[reportFields](m)
	if err != nil {
		return err
	}
	if !slices.Contains(reportPaths(), f.Path) {
		return fault("bad_message", "path is direct, relay_udp, relay_tcp, relay_tls or failed.")
	}
	setup := time.Duration(f.SetupMS * float64(time.Millisecond))
	if f.SetupMS < 0 || f.SetupMS > float64(maxSetup.Milliseconds()) || !validStep(f.Step) {
		return fault("bad_message", "setup_ms is up to ten minutes, step one word in lower case.")
	}
	if wait := reportEvery - m.now.Sub(p.reported); wait > 0 {
		return &refusal{code: "rate_limited", message: "One report a minute is enough.", retry: wait}
	}
	p.reported = m.now
	h.stats.reported(f.Path, deref(f.Step), setup)
	p.answer(m, nil)
	return nil
}

// validStep accepts the name of a step: it becomes a label of a counter.
func validStep(s *string) bool {
	if s == nil {
		return true
	}
	if len(*s) > 32 {
		return false
	}
	for _, c := range *s {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}
