package signaling

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// message is a client frame on its way to its handler. It and what it points to
// are valid only until the handler returns.
type message struct {
	frame
	id       int64
	wrongAck bool // ack is there and is no counter
	sock     *socket
	now      time.Time
	// woken is the socket whose writer the reader becomes when the handler has
	// returned.
	woken *socket
}

// handler handles one type of message for p, whose turn it is. The error goes
// to the client; on success the handler has answered itself, under the lock
// that orders its answer among the events that follow from it.
type handler func(h *Hub, p *peer, m *message) error

// kind is what the hub knows of a message type.
type kind struct {
	handle handler
	signal bool // counted with the signals, apart from requests
}

// messages is the table of what clients may send besides hello, ping and pong.
func messages() map[string]kind {
	return map[string]kind{
		"watch":          {handle: (*Hub).watchPeople},
		"me":             {handle: (*Hub).changeMe},
		"room.look":      {handle: (*Hub).lookRoom},
		"room.join":      {handle: (*Hub).joinRoom},
		"room.leave":     {handle: (*Hub).leaveRoom},
		"room.set":       {handle: (*Hub).setRoom},
		"room.kick":      {handle: (*Hub).kickPeer},
		"room.knock":     {handle: (*Hub).knockRoom},
		"room.admit":     {handle: (*Hub).admitPeer},
		"signal":         {handle: (*Hub).passSignal, signal: true},
		"call.start":     {handle: (*Hub).startCall},
		"call.ringing":   {handle: (*Hub).ringingCall},
		"call.accept":    {handle: (*Hub).acceptCall},
		"call.decline":   {handle: (*Hub).declineCall},
		"call.cancel":    {handle: (*Hub).cancelCall},
		"offer.post":     {handle: (*Hub).postOffer},
		"offer.take":     {handle: (*Hub).takeOffer},
		"offer.withdraw": {handle: (*Hub).withdrawOffer},
		"ice.get":        {handle: (*Hub).getICE},
		"report":         {handle: (*Hub).report},
	}
}

// dispatch handles one frame of p, whose turn it is. It reports whether that was
// light work: neither decoded nor refused.
func (h *Hub) dispatch(p *peer, s *socket, in *inbox, now time.Time) (light bool) {
	m := &in.msg
	*m = message{sock: s, now: now}
	if !splitFrame(in.buf, &m.frame) && !m.deep {
		h.refuse(p, m, fault("bad_message", "A frame is one JSON object in UTF-8."))
		return false
	}
	if n, ok := rawCounter(m.ack); ok {
		p.acked(n)
	} else {
		m.wrongAck = m.ack != nil && string(m.ack) != "null"
	}
	t, ok := rawString(m.t)
	free := string(t) == "ping" || string(t) == "pong" || m.t == nil && m.ack != nil
	switch {
	case m.deep: // is refused below, under its id
	case free && m.wrongAck:
		h.refuse(p, m, errAck())
		return false
	case string(t) == "ping":
		p.pong(s)
		return true
	case free:
		return true
	}
	kind, err := h.handleOnce(p, m, t, ok)
	if err != nil {
		h.refuse(p, m, err)
	}
	return kind.signal && err == nil
}

// handleOnce handles a frame with an id unless it was handled before.
func (h *Hub) handleOnce(p *peer, m *message, t []byte, named bool) (kind, error) {
	k, known := h.table[string(t)]
	id, ok := rawCounter(m.frame.id)
	switch {
	case ok && id > 0:
	case m.deep:
		return k, errNested()
	case named && !known && string(t) != "hello": // which may not need an id where it is known
		return k, errUnknownType()
	default:
		return k, fault("bad_message", "A frame needs an id, an integer that grows from 1.")
	}
	if id <= p.lastID.Load() {
		return k, nil
	}
	m.id = id
	p.lastID.Store(id)
	if err := m.sock.spend(k.signal, m.now); err != nil {
		return k, err
	}
	switch {
	case m.deep:
		return k, errNested()
	case m.wrongAck:
		return k, errAck()
	case !named:
		return k, fault("bad_message", "A frame needs its type in t, a string.")
	case !known:
		return k, errUnknownType()
	}
	return k, k.handle(h, p, m)
}

func errUnknownType() *refusal {
	return fault("unknown_type", "This server does not know that type of message.")
}

func errNested() *refusal {
	return fault("bad_message", fmt.Sprintf("A frame is nested at most %d deep.", maxDepth))
}

func errAck() *refusal {
	return fault("bad_message", "ack is a counter, the highest n that was processed.")
}

// spend takes a token for a frame.
func (s *socket) spend(signal bool, now time.Time) error {
	b, r := &s.requests, rate{requestRate, requestBurst}
	if signal {
		b, r = &s.signals, rate{signalRate, signalBurst}
	}
	wait := b.take(now, r)
	if wait == 0 {
		return nil
	}
	return &refusal{code: "rate_limited", message: "Too many messages. Wait a moment.", retry: wait, fault: true}
}

// errorFields is an error frame less its type and counter.
type errorFields struct {
	Re      int64  `json:"re,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
	RetryMS int64  `json:"retry_ms,omitempty"`
	Knock   bool   `json:"knock,omitempty"`
}

// wholeMS rounds up: who waits that long must not be too early.
func wholeMS(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}

// refuse answers a frame with an error, and closes the socket of who keeps
// sending wrong ones.
func (h *Hub) refuse(p *peer, m *message, err error) {
	r := asRefusal(err)
	if r.code == "internal" {
		h.log.Error("A message could not be handled.", "peer", p.id, "error", err)
	}
	h.drop(r.code)
	p.push("error", fields(errorFields{m.id, r.code, r.message, wholeMS(r.retry), r.knock}))
	if r.fault && m.sock.wrong.add(m.now) {
		h.drop("flood")
		p.closeSocket(m.sock, closeFlood, nil)
	}
}

// decode decodes the frame into the struct of its type.
func decode[T any](m *message) (v T, err error) {
	if err := m.unmarshal(&v); err != nil {
		return v, fault("bad_message", explain(err))
	}
	return v, nil
}

func explain(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Sprintf("The field %q must not be a JSON %s.", wrong.Field, wrong.Value)
	}
	return "A field does not have the form that it should."
}

// mediaFields is what somebody brings to a call: audio, video, and whatever else
// clients agree on. It goes to the others as it came.
type mediaFields json.RawMessage

// UnmarshalJSON judges what the others' clients would stumble over.
func (f *mediaFields) UnmarshalJSON(b []byte) error {
	var known struct {
		Audio bool `json:"audio"`
		Video bool `json:"video"`
	}
	if err := unmarshalExact(b, &known); err != nil {
		return err
	}
	*f = append((*f)[:0], b...)
	return nil
}

// fields encodes a struct as an event's body: its members after a comma.
func fields(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil || len(b) <= 2 {
		return []byte("}")
	}
	b[0] = ','
	return b
}

// answer queues ok, which the reader writes itself when the handler has
// returned. v is a struct with the members beside re, or nil.
func (p *peer) answer(m *message, v any) {
	s := p.queue(newEvent("ok", okBody(m.id, v)))
	switch {
	case s == nil:
	case m.woken == nil:
		m.woken = s
	default:
		go s.write()
	}
}

func okBody(re int64, v any) []byte {
	b := strconv.AppendInt([]byte(`,"re":`), re, 10)
	if v == nil {
		return append(b, '}')
	}
	return append(b, fields(v)...)
}

// byeFrame is the frame before a close.
func byeFrame(code string, retry time.Duration) []byte {
	if retry == 0 {
		return fmt.Appendf(nil, `{"t":"bye","code":"%s"}`, code)
	}
	return fmt.Appendf(nil, `{"t":"bye","code":"%s","retry_ms":%d}`, code, retry.Milliseconds())
}
