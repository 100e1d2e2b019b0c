package admin

import (
	"crypto/rand"
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// Bounds of what people may leave. A report of the page's own is about 4 KB; a
// person who is being helped leaves one or two in an afternoon.
const (
	MaxReportBytes = 16 << 10 // of one report, as JSON
	maxReports     = 200      // kept at once; the oldest goes first
	reportsPerUser = 5        // of one user within reportWindow
	reportWindow   = time.Hour
	reportLife     = 7 * 24 * time.Hour
)

// codeLetters are not taken for one another when a code is read out.
const codeLetters = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"

// Report is what somebody's connectivity test found, left for the administrator.
type Report struct {
	Code   string          `json:"code"` // two groups of three, to be told over the phone
	At     time.Time       `json:"at"`
	Report json.RawMessage `json:"report"`

	user string
}

// Reports keeps what people left, in memory: bounded in number, size, rate and
// age. The zero value is ready. Its methods may be called from any goroutine.
type Reports struct {
	Now func() time.Time // nil means time.Now

	mu   sync.Mutex
	list []Report // oldest first
}

// Leave keeps a report of user, a JSON value of at most MaxReportBytes, and
// gives its code. A wait above zero means that it was not kept: the user has
// left enough for now.
func (r *Reports) Leave(user string, report json.RawMessage) (code string, wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.nowLocked()
	r.forgetLocked(now)
	var last []time.Time
	for _, known := range r.list {
		if known.user == user && now.Sub(known.At) < reportWindow {
			last = append(last, known.At)
		}
	}
	if len(last) >= reportsPerUser {
		return "", reportWindow - now.Sub(last[0])
	}
	if len(r.list) >= maxReports {
		r.list = slices.Delete(r.list, 0, 1)
	}
	code = newCode()
	r.list = append(r.list, Report{Code: code, At: now.UTC(), Report: slices.Clone(report), user: user})
	return code, 0
}

// List gives what is kept, the newest first.
func (r *Reports) List() []Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgetLocked(r.nowLocked())
	out := append([]Report{}, r.list...)
	slices.Reverse(out)
	return out
}

func (r *Reports) forgetLocked(now time.Time) {
	r.list = slices.DeleteFunc(r.list, func(known Report) bool { return now.Sub(known.At) >= reportLife })
}

func (r *Reports) nowLocked() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

// newCode has 30 random bits: enough to tell 200 reports apart, and it opens
// nothing, since administrators see them all.
func newCode() string {
	var random [6]byte
	rand.Read(random[:])
	code := make([]byte, 0, 7)
	for i, b := range random {
		if i == 3 {
			code = append(code, '-')
		}
		code = append(code, codeLetters[int(b)%len(codeLetters)])
	}
	return string(code)
}
