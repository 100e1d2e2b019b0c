package signaling

import "encoding/json"

// setFields is room.set. pass is raw: null takes the password away, its absence
// leaves it.
type setFields struct {
	Locked *bool           `json:"locked"`
	Max    *int            `json:"max"`
	Pass   json.RawMessage `json:"pass"`
	Title  *string         `json:"title"`
}

// settings is setFields, judged.
type settings struct {
	locked  *bool
	max     *int
	setPass bool
	pass    []byte
	title   *string
}

// setRoom handles room.set.
func (h *Hub) setRoom(p *peer, m *message) error {
	f, err := decode[setFields](m)
	if err != nil {
		return err
	}
	r, err := h.roomOf(m)
	if err != nil {
		return err
	}
	set, err := h.judgeSettings(r.name, f)
	if err != nil {
		return err
	}
	if err := r.set(p, m, set); err != nil {
		return err
	}
	h.rooms.keep(r)
	return nil
}

func (h *Hub) judgeSettings(room string, f setFields) (set settings, err error) {
	set.locked, set.max = f.Locked, f.Max
	if f.Max != nil {
		if err := h.judgeMax(*f.Max); err != nil {
			return set, err
		}
	}
	if f.Title != nil {
		title, err := h.text(*f.Title)
		if err != nil {
			return set, err
		}
		set.title = &title
	}
	if len(f.Pass) == 0 {
		return set, nil
	}
	var pass *string
	if json.Unmarshal(f.Pass, &pass) != nil {
		return set, fault("bad_message", "The field \"pass\" is a string or null.")
	}
	set.setPass = true
	if pass != nil && *pass != "" {
		set.pass = h.passDigest(room, *pass)
	}
	return set, nil
}

// set applies settings and tells the members what has changed.
func (r *room) set(p *peer, m *message, set settings) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.mustHostLocked(p); err != nil {
		return err
	}
	changed := map[string]any{}
	if set.locked != nil && *set.locked != r.locked {
		r.locked = *set.locked
		changed["locked"] = r.locked
	}
	if set.max != nil && *set.max != r.max {
		r.max = *set.max
		changed["max"] = r.max
	}
	if set.title != nil && *set.title != r.title {
		r.title = *set.title
		changed["title"] = r.title
	}
	if set.setPass {
		r.pass = set.pass
		changed["pass"] = r.pass != nil // that there is one, never which
	}
	p.answer(m, nil)
	if len(changed) > 0 {
		changed["room"] = r.name
		r.tellLocked(nil, "room", fields(changed))
	}
	return nil
}

// mustHostLocked refuses what only the host may do.
func (r *room) mustHostLocked(p *peer) error {
	switch {
	case r.memberLocked(p) == nil:
		return errNotInRoom()
	case r.host != p.id:
		return refuse("forbidden", "Only the host of the room may do that.")
	}
	return nil
}
