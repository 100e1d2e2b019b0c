//go:build linux

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// relayCase is one kind of traffic.
type relayCase struct {
	shape     string // F, R or L
	direction string // up, down or both; L knows none
	size      int    // payload bytes of F and L
	transport string // of the client: udp, tcp or tls
	mode      framing
	rate      int // packets a second of F and L, R's own else
	burst     int
	flows     int
}

func (c relayCase) String() string {
	text := c.shape
	if c.direction != "" {
		text += " " + c.direction
	}
	if c.size > 0 {
		text += fmt.Sprintf(" %d B", c.size)
	}
	text += " " + c.transport
	if c.mode == indication {
		text += " indication"
	}
	return text
}

// burst is one write of one flow: n packets of size bytes at a moment of the
// cycle, from the client to the peer or back.
type burst struct {
	at   time.Duration
	flow int
	up   bool
	size int
	n    int
}

// schedule repeats its bursts every period.
type schedule struct {
	bursts []burst
	period time.Duration
}

func (c relayCase) schedule() schedule {
	s := c.flood()
	if c.shape == "R" {
		s = c.realistic()
	}
	if c.direction != "both" || c.shape == "L" {
		for i := range s.bursts {
			s.bursts[i].up = c.direction != "down" || c.shape == "L"
		}
		return s
	}
	// Both: flows take turns, and the other way round in the next period.
	n := len(s.bursts)
	for _, b := range s.bursts[:n] {
		b.at += s.period
		s.bursts = append(s.bursts, b)
	}
	for i := range s.bursts {
		s.bursts[i].up = (s.bursts[i].flow+i/n)%2 == 0
	}
	s.period *= 2
	return s
}

// kinds are the bursts that need a packet of their own.
func (c relayCase) kinds() (list []burstKey) {
	for _, b := range c.schedule().bursts {
		if k := (burstKey{b.up, b.size}); !slices.Contains(list, k) {
			list = append(list, k)
		}
	}
	return list
}

// flood gives each flow its burst in turn, evenly spaced.
func (c relayCase) flood() schedule {
	gap := time.Duration(float64(c.burst) / float64(c.rate) * float64(time.Second))
	s := schedule{period: gap * time.Duration(c.flows)}
	for i := range c.flows {
		s.bursts = append(s.bursts, burst{at: gap * time.Duration(i), flow: i, size: c.size, n: c.burst})
	}
	return s
}

// A realistic flow is a call as browsers send it: audio every 20 ms, and video
// of 30 frames a second, 100 packets a second in all.
const (
	audioSize, audioGap = 100, 20 * time.Millisecond
	videoSize           = 1100
	cycle               = 100 * time.Millisecond // 5 audio packets, 3 frames
	flowRate            = 150                    // packets a second
)

func videoFrames() [3]int { return [3]int{3, 3, 4} }

// realistic gives each flow a phase of its own, the same in every run.
func (c relayCase) realistic() schedule {
	s := schedule{period: cycle}
	phase := rand.New(rand.NewPCG(1, 2))
	for i := range c.flows {
		audio, video := time.Duration(phase.Int64N(int64(cycle))), time.Duration(phase.Int64N(int64(cycle)))
		for at := range cycle / audioGap {
			s.bursts = append(s.bursts, burst{at: (audio + at*audioGap) % cycle, flow: i, size: audioSize, n: 1})
		}
		frames := videoFrames()
		for k, n := range frames {
			at := (video + time.Duration(k)*cycle/time.Duration(len(frames))) % cycle
			s.bursts = append(s.bursts, burst{at: at, flow: i, size: videoSize, n: n})
		}
	}
	slices.SortFunc(s.bursts, func(a, b burst) int { return int(a.at - b.at) })
	return s
}
