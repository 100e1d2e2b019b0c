package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	endedFile = "ended"
	// maxEnded bounds what guests can make the list hold by signing in and out:
	// 20 MB at most. Past it a guest's logout is refused, an account's never.
	maxEnded = 200_000
	// endedSlack keeps a short file from being written anew at every turn.
	endedSlack = 1024
)

// userEnd ends every login of a user issued at or before a time.
type userEnd struct {
	beforeMilli int64 // Unix milliseconds, the resolution of login ids
	until       time.Time
}

// markOf is a user's mark under one key of the ring.
type markOf struct {
	key  int
	mark userMark
}

// endedList is data_dir/ended and the same in memory. A line is
// `login ID UNTIL` or `user USER BEFORE_MS UNTIL`; it is appended whole and
// synced, and counts only with its newline. When the file has doubled it is
// replaced by what still counts.
type endedList struct {
	path string
	keys keyring

	// fileMu puts writes in order; it alone is held across I/O, never with mu.
	fileMu    sync.Mutex
	file      *os.File // nil after close
	lines     int
	rewriteAt int // lines at which the file is written anew

	mu     sync.RWMutex
	logins map[string]time.Time // until when the entry counts
	users  map[string]userEnd
	marks  map[markOf]string // to users
}

func openEnded(dir string, keys keyring, now time.Time, log *slog.Logger) (*endedList, error) {
	e := &endedList{path: filepath.Join(dir, endedFile), keys: keys,
		logins: map[string]time.Time{}, users: map[string]userEnd{}, marks: map[markOf]string{}}
	data, err := os.ReadFile(e.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("failed to read the list of ended logins: %w", err)
	}
	// What follows the last newline was being written when the power failed.
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	for i, line := range bytes.Split(data, []byte("\n")) {
		if err := e.parse(string(line)); err != nil {
			return nil, fmt.Errorf("%s:%d: this line is damaged: remove it, or restore the file", e.path, i+1)
		}
	}
	e.fileMu.Lock()
	defer e.fileMu.Unlock()
	if err := e.rewriteLocked(now); err != nil {
		if e.goOnLocked(int64(len(data))) != nil {
			return nil, err
		}
		log.Warn("The list of ended logins cannot be written anew; it goes on as it stands.", "error", err)
	}
	return e, nil
}

// goOnLocked appends to the file as it was read, its whole lines alone: a disk
// that is full must not keep a server from starting again. fileMu is held.
func (e *endedList) goOnLocked(whole int64) error {
	f, err := os.OpenFile(e.path, os.O_WRONLY|os.O_APPEND, secretMode)
	if err != nil {
		return err
	}
	if err := f.Truncate(whole); err != nil {
		return errors.Join(err, f.Close())
	}
	e.file, e.lines = f, len(e.logins)+len(e.users)
	e.rewriteAt = 2*e.lines + endedSlack
	return nil
}

func (e *endedList) parse(line string) error {
	if line == "" {
		return nil
	}
	var id, user string
	var before, until int64
	if n, _ := fmt.Sscanf(line, "login %s %d", &id, &until); n == 2 && IsLoginID(id) {
		e.logins[id] = time.Unix(until, 0)
		return nil
	}
	if n, _ := fmt.Sscanf(line, "user %s %d %d", &user, &before, &until); n == 3 {
		e.setUserLocked(user, userEnd{before, time.Unix(until, 0)})
		return nil
	}
	return errors.New("damaged")
}

func (e *endedList) setUserLocked(user string, end userEnd) {
	e.users[user] = end
	for i, k := range e.keys {
		e.marks[markOf{i, k.mark(user)}] = user
	}
}

// endLogin ends one login in memory at once and then in the file.
func (e *endedList) endLogin(id string, until, now time.Time) error {
	e.mu.Lock()
	if old, ok := e.logins[id]; ok && old.After(until) {
		until = old
	}
	e.logins[id] = until
	e.mu.Unlock()
	return e.append(loginLine(id, until), now)
}

// endUser ends every login of user issued by now.
func (e *endedList) endUser(user string, until, now time.Time) error {
	e.mu.Lock()
	// A login right after an end is stamped one millisecond later than it; a
	// second end in that moment covers it too.
	end := userEnd{max(now.UnixMilli(), e.users[user].beforeMilli+1), until}
	e.setUserLocked(user, end)
	e.mu.Unlock()
	return e.append(userLine(user, end), now)
}

func loginLine(id string, until time.Time) string {
	return fmt.Sprintf("login %s %d\n", id, ceilUnix(until))
}

func userLine(user string, end userEnd) string {
	return fmt.Sprintf("user %s %d %d\n", user, end.beforeMilli, ceilUnix(end.until))
}

// ceilUnix rounds up, so that an entry never ends before what it ends.
func ceilUnix(t time.Time) int64 { return t.Add(time.Second - 1).Unix() }

// has says whether the login was ended, by itself or with its user.
func (e *endedList) has(id string, now time.Time) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if until, ok := e.logins[id]; ok && now.Before(until) {
		return true
	}
	if len(e.users) == 0 {
		return false
	}
	for i, k := range e.keys {
		issued, mark, ok := k.splitID(id)
		if !ok {
			return false
		}
		end, known := e.users[e.marks[markOf{i, mark}]]
		if known && issued <= end.beforeMilli && now.Before(end.until) {
			return true
		}
	}
	return false
}

// lastEnd is when the user's logins were last ended, in Unix milliseconds.
func (e *endedList) lastEnd(user string) int64 {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.users[user].beforeMilli
}

func (e *endedList) size() int {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return len(e.logins) + len(e.users)
}

func (e *endedList) append(line string, now time.Time) error {
	e.fileMu.Lock()
	defer e.fileMu.Unlock()
	if e.file == nil {
		return errors.New("the list of ended logins is closed")
	}
	if e.lines >= e.rewriteAt {
		return e.rewriteLocked(now)
	}
	if _, err := e.file.WriteString(line); err != nil {
		// Part of the line may stand there; a new file has no such part.
		return errors.Join(err, e.rewriteLocked(now))
	}
	e.lines++
	return e.file.Sync()
}

func (e *endedList) pruneLocked(now time.Time) {
	for id, until := range e.logins {
		if !now.Before(until) {
			delete(e.logins, id)
		}
	}
	for user, end := range e.users {
		if !now.Before(end.until) {
			delete(e.users, user)
			for i, k := range e.keys {
				delete(e.marks, markOf{i, k.mark(user)})
			}
		}
	}
}

// rewriteLocked replaces the file by what counts now; fileMu is held.
func (e *endedList) rewriteLocked(now time.Time) error {
	var out bytes.Buffer
	e.mu.Lock()
	e.pruneLocked(now)
	for id, until := range e.logins {
		out.WriteString(loginLine(id, until))
	}
	for user, end := range e.users {
		out.WriteString(userLine(user, end))
	}
	lines := len(e.logins) + len(e.users)
	e.mu.Unlock()
	if err := replaceFile(e.path, out.Bytes(), secretMode); err != nil {
		return err
	}
	f, err := os.OpenFile(e.path, os.O_WRONLY|os.O_APPEND, secretMode)
	if err != nil {
		return err
	}
	if e.file != nil {
		e.file.Close()
	}
	e.file, e.lines, e.rewriteAt = f, lines, 2*lines+endedSlack
	return nil
}

func (e *endedList) close() error {
	e.fileMu.Lock()
	defer e.fileMu.Unlock()
	if e.file == nil {
		return nil
	}
	err := e.file.Close()
	e.file = nil
	return err
}
