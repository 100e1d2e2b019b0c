package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
)

// report prints medians with their spread, and for each figure the ratio of
// Parley to every peer, taken round by round.
func report(w io.Writer, l load, targets []target, results map[string][]figures) {
	fmt.Fprintf(w, "\n%d connections, %d messages/s of %d bytes for %v, %d rounds, %d cores, %s\n\n",
		l.conns, l.rate, l.size, l.duration, l.rounds, runtime.NumCPU(), runtime.Version())
	columns := []struct {
		name string
		of   func(figures) float64
	}{
		{"µs CPU a message", func(f figures) float64 { return float64(f.messageCPU.Nanoseconds()) / 1e3 }},
		{"µs CPU a connect", func(f figures) float64 { return float64(f.connectCPU.Nanoseconds()) / 1e3 }},
		{"KB idle connection", func(f figures) float64 { return f.idleBytes / 1e3 }},
		{"ms p50", func(f figures) float64 { return f.p50.Seconds() * 1e3 }},
		{"ms p99", func(f figures) float64 { return f.p99.Seconds() * 1e3 }},
	}
	fmt.Fprint(w, "| server |")
	for _, c := range columns {
		fmt.Fprintf(w, " %s |", c.name)
	}
	fmt.Fprint(w, " lost |\n|---|---|---|---|---|---|---|\n")
	for _, t := range targets {
		fmt.Fprintf(w, "| %s |", t.name)
		for _, c := range columns {
			fmt.Fprintf(w, " %s |", spread(values(results[t.name], c.of)))
		}
		lost := 0
		for _, f := range results[t.name] {
			lost += f.lost
		}
		fmt.Fprintf(w, " %d |\n", lost)
	}
	ours := results["parley"]
	for _, t := range targets {
		if t.name == "parley" || len(ours) == 0 {
			continue
		}
		fmt.Fprintf(w, "| parley / %s |", t.name)
		for _, c := range columns {
			fmt.Fprintf(w, " %s |", spread(ratios(values(ours, c.of), values(results[t.name], c.of))))
		}
		fmt.Fprint(w, " |\n")
	}
}

func values(fs []figures, of func(figures) float64) []float64 {
	out := make([]float64, len(fs))
	for i, f := range fs {
		out[i] = of(f)
	}
	return out
}

func ratios(a, b []float64) []float64 {
	out := make([]float64, min(len(a), len(b)))
	for i := range out {
		out[i] = a[i] / b[i]
	}
	return out
}

// spread is the median with minimum and maximum.
func spread(v []float64) string {
	if len(v) == 0 {
		return "-"
	}
	s := slices.Sorted(slices.Values(v))
	median := s[len(s)/2]
	if len(s)%2 == 0 {
		median = (s[len(s)/2-1] + s[len(s)/2]) / 2
	}
	if s[0] == s[len(s)-1] {
		return number(median)
	}
	return fmt.Sprintf("%s (%s–%s)", number(median), number(s[0]), number(s[len(s)-1]))
}

// number has three digits, and no exponent.
func number(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
