package signaling

import (
	"bytes"
	"encoding/json"
	"maps"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a frame, and so the stack that judging it takes.
const maxDepth = 64

// frame is one client frame, split but not decoded: the slices are raw JSON
// values inside raw, nil where the frame has no such field. They are valid only
// while the frame is handled.
type frame struct {
	raw                        []byte
	t, id, ack, room, to, data []byte
	odd                        bool // has a name that is none of ours, see unmarshal
	deep                       bool // refused for its nesting alone; the slices are there
}

// splitFrame checks that b is one JSON object in valid UTF-8 and notes where the
// fields are that every frame, or a signal, has. It reads b once: a signal's
// data is passed on as it came, so nobody may be sent what his parser, or his
// WebSocket, chokes on.
func splitFrame(b []byte, f *frame) bool {
	*f = frame{raw: b}
	if !utf8.Valid(b) {
		return false
	}
	s := scanner{b: b}
	if s.space(); s.peek() != '{' {
		return false
	}
	if !s.object(f) {
		return false
	}
	s.space()
	f.deep = s.deep && s.i == len(b)
	return !s.deep && s.i == len(b)
}

// note keeps a top-level field that the hub reads without decoding the frame.
func (f *frame) note(key, value []byte) {
	switch string(key) {
	case `"t"`:
		f.t = value
	case `"id"`:
		f.id = value
	case `"ack"`:
		f.ack = value
	case `"room"`:
		f.room = value
	case `"to"`:
		f.to = value
	case `"data"`:
		f.data = value
	default:
		f.odd = f.odd || !ours(key[1:len(key)-1])
	}
}

// ours reports whether a field of this protocol could have that name.
func ours(name []byte) bool {
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_') {
			return false
		}
	}
	return true
}

// unmarshal decodes the frame. encoding/json takes a name in any case of its
// letters; here that is another, unknown field, and is ignored.
func (f *frame) unmarshal(v any) error {
	if !f.odd {
		return json.Unmarshal(f.raw, v)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(f.raw, &members); err != nil {
		return err
	}
	maps.DeleteFunc(members, func(name string, _ json.RawMessage) bool { return !ours([]byte(name)) })
	b, err := json.Marshal(members)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// unmarshalExact is frame.unmarshal for an object inside of a frame.
func unmarshalExact(b []byte, v any) error {
	var f frame
	if !splitFrame(b, &f) { // not an object
		return json.Unmarshal(b, v)
	}
	return f.unmarshal(v)
}

// rawString returns the content of a raw JSON string, without a copy when it
// holds no escapes.
func rawString(v []byte) ([]byte, bool) {
	if len(v) < 2 || v[0] != '"' {
		return nil, false
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1], true
	}
	var s string
	if json.Unmarshal(v, &s) != nil {
		return nil, false
	}
	return []byte(s), true
}

// rawCounter returns a raw JSON number as a counter: digits alone, at most
// 2^53, which JavaScript still counts exactly.
func rawCounter(v []byte) (int64, bool) {
	if len(v) == 0 || len(v) > 16 {
		return 0, false
	}
	var n int64
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, n <= 1<<53
}

// scanner walks over JSON text (RFC 8259) without building anything.
type scanner struct {
	b     []byte
	i     int
	depth int
	deep  bool // something was nested beyond maxDepth
}

// peek returns the next byte, 0 at the end: no JSON token starts with it.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.i++
	return true
}

func (s *scanner) value() bool {
	switch c := s.peek(); c {
	case '"':
		return s.str()
	case '{':
		return s.object(nil)
	case '[':
		return s.array()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

func (s *scanner) word(w string) bool {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return false
	}
	s.i += len(w)
	return true
}

// skip passes over what is nested too deep, so that the rest of the frame can be
// read. It counts brackets, which takes no stack, and judges nothing.
func (s *scanner) skip() bool {
	s.deep = true
	for open := 0; s.i < len(s.b); {
		switch s.b[s.i] {
		case '"':
			if !s.str() {
				return false
			}
			continue
		case '{', '[':
			open++
		case '}', ']':
			open--
		}
		if s.i++; open == 0 {
			return true
		}
	}
	return false
}

// object walks over an object; f, when not nil, is told of its members.
func (s *scanner) object(f *frame) bool {
	if s.depth == maxDepth {
		return s.skip()
	}
	s.depth++
	s.i++
	if s.space(); s.take('}') {
		s.depth--
		return true
	}
	for {
		s.space()
		key := s.i
		if s.peek() != '"' || !s.str() {
			return false
		}
		end := s.i
		if s.space(); !s.take(':') {
			return false
		}
		s.space()
		value := s.i
		if !s.value() {
			return false
		}
		if f != nil {
			f.note(s.b[key:end], s.b[value:s.i])
		}
		if s.space(); s.take(',') {
			continue
		}
		s.depth--
		return s.take('}')
	}
}

func (s *scanner) array() bool {
	if s.depth == maxDepth {
		return s.skip()
	}
	s.depth++
	s.i++
	if s.space(); s.take(']') {
		s.depth--
		return true
	}
	for {
		if s.space(); !s.value() {
			return false
		}
		if s.space(); s.take(',') {
			continue
		}
		s.depth--
		return s.take(']')
	}
}

func (s *scanner) str() bool {
	s.i++
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c < ' ':
			return false
		default:
			s.i++
		}
	}
	return false
}

func (s *scanner) escape() bool {
	s.i++
	c := s.peek()
	s.i++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range 4 {
			if !isHex(s.peek()) {
				return false
			}
			s.i++
		}
		return true
	}
	return false
}

func (s *scanner) number() bool {
	s.take('-')
	switch c := s.peek(); {
	case c == '0':
		s.i++
	case c >= '1' && c <= '9':
		s.digits()
	default:
		return false
	}
	if s.take('.') && !s.digits() {
		return false
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if c := s.peek(); c == '+' || c == '-' {
			s.i++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.i
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.i++
	}
	return s.i > start
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
