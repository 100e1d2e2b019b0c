//go:build linux

package main

import (
	"fmt"
	"io"
	"runtime"
)

// ours is the contestant that the others are compared with.
const ours = "parley"

// reportRelay prints a table of one measurement: a row for each case and
// server, then the ratios of parley to every other, taken round by round.
func reportRelay(w io.Writer, o relayOptions, m measurement, contestants []*contestant, results relayResults) {
	fmt.Fprintf(w, "\n%s; rounds: %d, %d cores, %s", m.title, o.rounds, runtime.NumCPU(), runtime.Version())
	if !m.fresh {
		fmt.Fprint(w, o.conditions())
	}
	fmt.Fprint(w, "\n\n| traffic | server |")
	for _, c := range m.columns {
		fmt.Fprintf(w, " %s |", c.name)
	}
	fmt.Fprint(w, "\n|---|---|")
	for range m.columns {
		fmt.Fprint(w, "---|")
	}
	fmt.Fprintln(w)
	for _, c := range m.cases {
		byServer := results[c.String()]
		for _, t := range contestants {
			if rows := byServer[t.name]; rows != nil {
				relayRow(w, m, c.String(), t.name, rows)
			}
		}
		for _, t := range contestants {
			if rows := byServer[t.name]; rows != nil && t.name != ours && byServer[ours] != nil {
				ratioRow(w, m, c.String(), ours+" / "+t.name, byServer[ours], rows)
			}
		}
		if c.mode == indication {
			plain := c
			plain.mode = channel
			if rows := results[plain.String()][ours]; rows != nil && byServer[ours] != nil {
				ratioRow(w, m, c.String(), ours+" / its own ChannelData", byServer[ours], rows)
			}
		}
	}
}

func relayRow(w io.Writer, m measurement, name, server string, rows [][]float64) {
	fmt.Fprintf(w, "| %s | %s |", name, server)
	for i := range m.columns {
		fmt.Fprintf(w, " %s |", spread(columnOf(rows, i)))
	}
	fmt.Fprintln(w)
}

func ratioRow(w io.Writer, m measurement, name, who string, a, b [][]float64) {
	fmt.Fprintf(w, "| %s | %s |", name, who)
	for i, c := range m.columns {
		if c.ratio {
			fmt.Fprintf(w, " %s |", spread(ratios(columnOf(a, i), columnOf(b, i))))
		} else {
			fmt.Fprint(w, " |")
		}
	}
	fmt.Fprintln(w)
}

func columnOf(rows [][]float64, i int) []float64 {
	out := make([]float64, len(rows))
	for k, row := range rows {
		out[k] = row[i]
	}
	return out
}

// conditions says what makes figures of two runs different.
func (o relayOptions) conditions() string {
	text := fmt.Sprintf("; %v each, F and L %d packets/s in bursts of %d", o.duration, o.rate, o.burst)
	for _, c := range []struct {
		on   bool
		text string
	}{{o.gso, "generator with GSO"}, {!o.gso, "generator without GSO"}, {o.gro, "sink with GRO"}, {!o.gro, "sink without GRO"}, {o.pin, "server and generator on one processor each"}} {
		if c.on {
			text += ", " + c.text
		}
	}
	return text
}
