package relay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// budget counts the bytes of a month (UTC) and keeps the count over restarts.
type budget struct {
	limit int64
	file  string

	saving sync.Mutex // one writer of the file; mu, which requests need, is not held meanwhile

	mu     sync.Mutex
	month  string
	before int64 // of this month: earlier runs, less what this run relayed in earlier months
	total  int64 // of this run, at the last tick
	saved  time.Time
	dirty  bool
	warned bool // the warning's mark was noticed this month
	full   bool // the limit was
}

// budgetState is the content of the file.
type budgetState struct {
	Month string `json:"month"`
	Bytes int64  `json:"bytes"`
}

const (
	// budgetSave is what a crash may lose, unless a mark was passed just now: that
	// is saved at once, or a crash would open a budget that is used up.
	budgetSave = 5 * time.Second
	budgetWarn = 80 // percent
)

func openBudget(o Options) (*budget, error) {
	b := &budget{limit: o.MonthlyBudget, file: o.BudgetFile, month: monthOf(o.Now()), saved: time.Now()}
	if b.file == "" {
		return b, nil
	}
	raw, err := os.ReadFile(b.file)
	if errors.Is(err, fs.ErrNotExist) {
		return b, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the traffic count: %w", err)
	}
	var st budgetState
	if err := json.Unmarshal(raw, &st); err != nil {
		return nil, fmt.Errorf("read the traffic count in %s: %w; remove the file to start from zero", b.file, err)
	}
	if st.Month == b.month {
		b.before = st.Bytes
	}
	return b, nil
}

func monthOf(t time.Time) string { return t.UTC().Format("2006-01") }

// used is what the month has cost when this run has relayed total bytes.
func (b *budget) used(total int64) int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.before + total
}

// exceeded tells whether new relays are refused. It is as fresh as the last tick.
func (b *budget) exceeded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limit > 0 && b.before+b.total >= b.limit
}

func (b *budget) tick(total int64, now time.Time, log *slog.Logger) {
	b.mu.Lock()
	b.rollLocked(total, now)
	warn := b.passedLocked(&b.warned, b.limit/100*budgetWarn)
	full := b.passedLocked(&b.full, b.limit)
	due := b.dirty && (warn || full || time.Since(b.saved) >= budgetSave)
	b.mu.Unlock()
	if warn {
		log.Warn("The month's relay budget is nearly used up; past it new relays are refused.", "percent", budgetWarn)
	}
	if !due {
		return
	}
	if err := b.save(total, now); err != nil {
		log.Warn("The traffic count could not be saved.", "error", err)
	}
}

// passedLocked tells once a month that the count has come to a mark.
func (b *budget) passedLocked(noticed *bool, mark int64) bool {
	if b.limit == 0 || *noticed || b.before+b.total < mark {
		return false
	}
	*noticed = true
	return true
}

// rollLocked starts a new month at zero.
func (b *budget) rollLocked(total int64, now time.Time) {
	if m := monthOf(now); m != b.month {
		b.month, b.before, b.warned, b.full, b.dirty = m, -total, false, false, true
	}
	b.dirty = b.dirty || total != b.total
	b.total = total
}

// save writes the count so that a crash leaves the old file or the new one. A
// slow disk delays nobody else.
func (b *budget) save(total int64, now time.Time) error {
	b.saving.Lock()
	defer b.saving.Unlock()
	state, due := b.state(total, now)
	if !due {
		return nil
	}
	raw, err := json.Marshal(state)
	if err == nil {
		err = writeFileAtomic(b.file, raw)
	}
	if err != nil {
		b.mu.Lock()
		b.dirty = true
		b.mu.Unlock()
		return fmt.Errorf("save the traffic count: %w", err)
	}
	return nil
}

// state is what the file should hold; due is false when it holds that already.
func (b *budget) state(total int64, now time.Time) (st budgetState, due bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rollLocked(total, now)
	due = b.file != "" && b.dirty
	b.dirty, b.saved = false, time.Now()
	return budgetState{Month: b.month, Bytes: b.before + total}, due
}

func writeFileAtomic(name string, data []byte) error {
	tmp := name + ".new"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}
