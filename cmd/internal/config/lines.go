package config

import (
	"strings"

	"github.com/BurntSushi/toml"
)

// keyLines finds the line, from 1, of every key and table header in a TOML
// document that is known to be valid; the TOML library keeps no positions.
// Names are spelled as toml.Key.String does.
func keyLines(text string) map[string]int {
	s := lineScanner{text: text, lines: map[string]int{}}
	s.document()
	return s.lines
}

// lineScanner walks a document once. Each step moves forward, so it ends on any input.
type lineScanner struct {
	text  string
	at    int
	lines map[string]int
}

func (s *lineScanner) document() {
	var table toml.Key
	for s.blank("\n"); s.at < len(s.text); s.blank("\n") {
		from := s.at
		if s.skip("[") {
			s.skip("[")
			table = s.key(nil)
			s.skip("]")
			s.skip("]")
			continue
		}
		s.pair(table)
		if s.at == from {
			s.at++
		}
	}
}

// pair reads `key = value` below parent.
func (s *lineScanner) pair(parent toml.Key) {
	key := s.key(parent)
	s.blank("")
	s.skip("=")
	s.value(key)
}

// key reads a dotted key and notes its line, also for the tables on the way.
func (s *lineScanner) key(parent toml.Key) toml.Key {
	line := 1 + strings.Count(s.text[:s.at], "\n")
	key := append(toml.Key{}, parent...)
	for s.at < len(s.text) {
		s.blank("")
		from := s.at
		if s.quoted() {
			quote := s.text[from : from+1]
			key = append(key, strings.TrimSuffix(s.text[from+1:s.at], quote))
		} else {
			s.until(" \t.=]\r\n")
			key = append(key, s.text[from:s.at])
		}
		if _, seen := s.lines[key.String()]; !seen {
			s.lines[key.String()] = line
		}
		s.blank("")
		if !s.skip(".") {
			break
		}
	}
	return key
}

// value steps over a value; keys of an inline table below key are noted.
func (s *lineScanner) value(key toml.Key) {
	s.blank("")
	switch {
	case s.quoted():
	case s.skip("["):
		s.items("]", func() { s.value(key) })
	case s.skip("{"):
		s.items("}", func() { s.pair(key) })
	default:
		s.until(",]}#\r\n")
	}
}

// items reads comma-separated items up to the closing bracket.
func (s *lineScanner) items(closing string, item func()) {
	for s.at < len(s.text) {
		s.blank("\n,")
		if s.skip(closing) {
			return
		}
		from := s.at
		item()
		if s.at == from {
			s.at++
		}
	}
}

// quoted steps over a string of any of the four kinds.
func (s *lineScanner) quoted() bool {
	for _, quote := range []string{`"""`, `'''`, `"`, `'`} {
		if !s.skip(quote) {
			continue
		}
		for s.at < len(s.text) && !s.skip(quote) {
			if s.text[s.at] == '\\' && quote[0] == '"' {
				s.at++
			}
			s.at++
		}
		s.at = min(s.at, len(s.text))
		for len(quote) == 3 && s.skip(quote[:1]) { // `""""` ends with a quote of its own
		}
		return true
	}
	return false
}

// blank steps over spaces, comments and the bytes of also.
func (s *lineScanner) blank(also string) {
	newlines := strings.Contains(also, "\n")
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == ' ' || c == '\t' || c == '\r' || strings.IndexByte(also, c) >= 0:
			s.at++
		case c == '#' && newlines:
			s.until("\n")
		default:
			return
		}
	}
}

func (s *lineScanner) until(stop string) {
	n := strings.IndexAny(s.text[s.at:], stop)
	if n < 0 {
		n = len(s.text) - s.at
	}
	s.at += n
}

func (s *lineScanner) skip(what string) bool {
	if !strings.HasPrefix(s.text[s.at:], what) {
		return false
	}
	s.at += len(what)
	return true
}
