package signaling

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxRoomName = 64
	maxText     = 100 // characters of a title or a note
)

// validRoom reports whether name may be a room's: 1 to 64 of A-Z a-z 0-9 . _ -
func validRoom(name string) bool {
	if name == "" || len(name) > maxRoomName {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' {
			continue
		}
		return false
	}
	return true
}

// generated reports whether name has the form of an id that the server makes.
func generated(name string) bool {
	return strings.HasPrefix(name, roomPrefix) || strings.HasPrefix(name, callPrefix) || strings.HasPrefix(name, offerPrefix)
}

// text judges a title or a note.
func (h *Hub) text(s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", nil
	}
	out, err := h.opt.Text(s)
	if err != nil || utf8.RuneCountInString(out) > maxText {
		return "", fault("bad_message", "A title or note has at most 100 characters, no control characters.")
	}
	return out, nil
}

// plainText is the default for Options.Text.
func plainText(s string) (string, error) {
	for _, r := range s {
		if !unicode.IsGraphic(r) {
			return "", refuse("bad_message", "Control characters are not allowed.")
		}
	}
	return strings.Join(strings.Fields(s), " "), nil
}

// foldName is the default for Options.NameKey.
func foldName(s string) string {
	return strings.ToLower(strings.Join(strings.Fields(s), " "))
}
