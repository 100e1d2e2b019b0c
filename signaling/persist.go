package signaling

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// saveEvery is how often the rooms file is written at most.
const saveEvery = time.Second

// roomsFile is rooms.json.
type roomsFile struct {
	Version int          `json:"version"`
	Rooms   []roomRecord `json:"rooms"`
}

// roomRecord is a room as it is kept.
type roomRecord struct {
	Room    string       `json:"room"`
	Kind    string       `json:"kind"`
	Since   int64        `json:"since"`
	Title   string       `json:"title,omitempty"`
	Max     int          `json:"max"`
	Locked  bool         `json:"locked,omitempty"`
	Pass    []byte       `json:"pass,omitempty"` // digest
	Host    string       `json:"host"`
	Orders  int          `json:"orders"`
	Members []place      `json:"members"`
	Barred  []string     `json:"barred,omitempty"`
	Invited []string     `json:"invited,omitempty"`
	Offer   *offerRecord `json:"offer,omitempty"`
}

// offerRecord is an offer as it is kept. Its stored signals are not.
type offerRecord struct {
	View    offerView `json:"view"`
	Expires time.Time `json:"expires"`
}

// keep has the file written soon if r is, or was, among those that it holds.
func (t *roomTable) keep(r *room) {
	if t.hub.opt.RoomsFile == "" || !r.concernsFile() {
		return
	}
	t.keepMu.Lock()
	defer t.keepMu.Unlock()
	if t.armed || t.hub.closing.Load() {
		return
	}
	t.armed = true
	t.timer = time.AfterFunc(saveEvery, t.saveSoon)
}

func (r *room) concernsFile() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stored || r.keptLocked()
}

// keptLocked reports whether the room is more than a name.
func (r *room) keptLocked() bool {
	return !r.closed && (r.kind != kindLink || r.locked || r.pass != nil || r.title != "" || r.max != r.hub.opt.RoomMax)
}

// saveSoon is the table's timer.
func (t *roomTable) saveSoon() {
	if !t.hub.enter() {
		return
	}
	defer t.hub.wg.Done()
	defer t.hub.recovered("timer")
	t.keepMu.Lock()
	t.armed = false
	t.keepMu.Unlock()
	if err := t.save(); err != nil {
		t.hub.log.Error("The rooms could not be written; they are in memory only.", "error", err)
	}
}

// save writes the file.
func (t *roomTable) save() error {
	path := t.hub.opt.RoomsFile
	if path == "" {
		return nil
	}
	t.saveMu.Lock()
	defer t.saveMu.Unlock()
	file := roomsFile{Version: 1, Rooms: []roomRecord{}}
	for _, r := range t.all() {
		if rec, kept := r.record(); kept {
			file.Rooms = append(file.Rooms, rec)
		}
	}
	b, err := json.Marshal(file)
	if err != nil {
		return err
	}
	return writeAtomic(path, b)
}

// stop stops the timers, at shutdown.
func (t *roomTable) stop() {
	t.keepMu.Lock()
	defer t.keepMu.Unlock()
	if t.timer != nil {
		t.timer.Stop()
	}
	if t.sweep != nil {
		t.sweep.Stop()
	}
}

// record is the room as it is kept, if it is.
func (r *room) record() (rec roomRecord, kept bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stored = r.keptLocked(); !r.stored {
		return rec, false
	}
	rec = roomRecord{Room: r.name, Kind: r.kind, Since: r.since.Unix(), Title: r.title, Max: r.max,
		Locked: r.locked, Pass: r.pass, Host: r.host, Orders: r.orders, Members: slices.Clone(r.places),
		Barred: slices.Sorted(maps.Keys(r.barred)), Invited: slices.Sorted(maps.Keys(r.invited))}
	for _, m := range r.members {
		rec.Members = append(rec.Members, place{m.peer.id, m.order, m.since})
	}
	if r.offer != nil && len(r.members)+len(r.places) == 1 {
		rec.Offer = &offerRecord{r.offer.view, r.offer.expires}
	}
	return rec, true
}

// restoreRooms reads the file of the last run. Its rooms wait, with the places
// of their members, as long as a peer is waited for.
func (h *Hub) restoreRooms() error {
	if h.opt.RoomsFile == "" {
		return nil
	}
	b, err := os.ReadFile(h.opt.RoomsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var file roomsFile
	if err := json.Unmarshal(b, &file); err != nil {
		h.log.Warn("The rooms of the last run cannot be read and are forgotten.", "error", err)
		return nil
	}
	for _, rec := range file.Rooms {
		if validRoom(rec.Room) && len(rec.Members) > 0 {
			h.rooms.add(h.restoreRoom(rec))
		}
	}
	h.rooms.sweep = time.AfterFunc(h.opt.ResumeWindow, h.forgetPlaces)
	return nil
}

func (h *Hub) restoreRoom(rec roomRecord) *room {
	r := h.newRoom(rec.Room, rec.Kind)
	r.since = time.Unix(rec.Since, 0)
	r.title, r.max, r.locked, r.pass = rec.Title, rec.Max, rec.Locked, rec.Pass
	r.host, r.orders, r.places, r.stored = rec.Host, rec.Orders, rec.Members, true
	for _, key := range rec.Barred {
		note(&r.barred, key)
	}
	for _, user := range rec.Invited {
		note(&r.invited, user)
	}
	if rec.Offer != nil {
		r.offer = &offer{id: rec.Offer.View.Offer, room: r, view: rec.Offer.View,
			forWhom: rec.Offer.View.For, expires: rec.Offer.Expires}
	}
	return r
}

// forgetPlaces forgets, after the grace, what nobody came back to.
func (h *Hub) forgetPlaces() {
	if !h.enter() {
		return
	}
	defer h.wg.Done()
	defer h.recovered("timer")
	for _, r := range h.rooms.all() {
		h.settle(r, r.forgetPlaces())
	}
}

func (r *room) forgetPlaces() (c change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.places) == 0 {
		return c
	}
	r.places = nil
	if !slices.ContainsFunc(r.members, func(m *member) bool { return m.peer.id == r.host }) {
		r.passOnLocked()
	}
	return change{done: true, emptied: r.closeIfEmptyLocked()}
}

// writeAtomic replaces a file so that a crash leaves the old or the new one.
func writeAtomic(path string, b []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".rooms-*") // made 0600
	if err != nil {
		return fmt.Errorf("failed to write %s: %w", path, err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("failed to write %s: %w", path, err)
	}
	return os.Rename(f.Name(), path)
}
