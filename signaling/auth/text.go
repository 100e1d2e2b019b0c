package auth

import (
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// maxTextBytes bounds the work on a hostile text; the hub bounds its characters.
const maxTextBytes = 2048

// NameKey is the comparison form of a name (RFC 8266 section 2.4), or "" when
// it is no name.
func NameKey(name string) string {
	_, form, err := cleanName(name)
	if err != nil {
		return ""
	}
	return form
}

// Text judges titles and notes by the rule for names, whatever their length.
// The refusal is bad_message.
func Text(raw string) (string, error) {
	refused := badMessage("This text has control or invisible characters, or is too long. Write it anew.")
	if len(raw) > maxTextBytes || !utf8.ValidString(raw) {
		return "", refused
	}
	text, ok := stable(raw, precis.Nickname.String)
	if !ok {
		return "", refused
	}
	return text, nil
}
