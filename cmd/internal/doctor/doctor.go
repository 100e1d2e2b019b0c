// Package doctor finds out why calls through a Parley server do not work, and
// says in words what to change. It speaks to the server as a client would and
// knows nothing of its inside.
//
// Outside.Checks looks from any machine, by the address that people type;
// Inside.Checks looks on the server's own machine, with its configuration's
// values. Run tries the checks of either one after the other, since a later one
// builds on what an earlier one has found. Nothing here keeps a goroutine or a
// socket beyond its check.
package doctor

import (
	"context"
	"fmt"
	"time"
)

// Status is the outcome of one check.
type Status string

// The outcomes. Only Fail means that calls suffer; Warn is something to know,
// and also what could not be tried.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
)

// Result is what one check found, for a person: Text says what is, Hint what to
// do about it. The zero Result is no line at all: a check that would only repeat
// what an earlier one said.
type Result struct {
	Status Status `json:"status"`
	Text   string `json:"text"`
	Hint   string `json:"hint,omitempty"`
}

// Check is one question to the server or its machine. Run must end soon after
// its context does.
type Check struct {
	Name string
	Run  func(context.Context) Result
}

// Line is a check with its result, as `parley doctor -json` prints it.
type Line struct {
	Name string `json:"name"`
	Result
	Took int64 `json:"ms"`
}

// longestCheck bounds one check: several times what the slowest of them, a relay
// over a network that drops everything, waits by itself.
const longestCheck = 40 * time.Second

// Run tries the checks in their order. It calls begin before each and end with
// each line; when ctx ends, the rest is left out.
func Run(ctx context.Context, checks []Check, begin func(name string), end func(Line)) []Line {
	var lines []Line
	for _, c := range checks {
		if ctx.Err() != nil {
			break
		}
		begin(c.Name)
		started := time.Now()
		one, cancel := context.WithTimeout(ctx, longestCheck)
		line := Line{Name: c.Name, Result: c.Run(one)}
		cancel()
		if line.Status == "" {
			continue
		}
		line.Took = time.Since(started).Milliseconds()
		lines = append(lines, line)
		end(line)
	}
	return lines
}

// Failed says whether a check among lines failed.
func Failed(lines []Line) bool {
	for _, l := range lines {
		if l.Status == Fail {
			return true
		}
	}
	return false
}

// Found makes a check of something that is known already.
func Found(name string, r Result) Check {
	return Check{name, func(context.Context) Result { return r }}
}

func ok(format string, args ...any) Result {
	return Result{Status: OK, Text: fmt.Sprintf(format, args...)}
}

func warn(hint, format string, args ...any) Result {
	return Result{Status: Warn, Hint: hint, Text: fmt.Sprintf(format, args...)}
}

func fail(hint, format string, args ...any) Result {
	return Result{Status: Fail, Hint: hint, Text: fmt.Sprintf(format, args...)}
}

// untried is the result of a check that needs what an earlier one did not get.
func untried(format string, args ...any) Result {
	return Result{Status: Warn, Text: "not tried: " + fmt.Sprintf(format, args...)}
}
