package auth

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

const (
	maxName = 32 // characters, protocol.md 12
	// maxNameBytes bounds the work on a hostile name: 32 characters of four
	// bytes, each written with three combining marks.
	maxNameBytes = 512
	// nickRounds is how often the rules are applied to reach a stable form, RFC
	// 8266 section 2.3.
	nickRounds = 4
)

// cleanName gives the name as it is shown and its comparison form, RFC 8266
// sections 2.3 and 2.4. The refusal is bad_name.
func cleanName(raw string) (name, form string, err error) {
	refused := badName("Choose a name of 1 to 32 characters, without control or invisible characters.")
	if len(raw) > maxNameBytes || !utf8.ValidString(raw) {
		return "", "", refused
	}
	name, ok := stable(raw, precis.Nickname.String)
	if !ok || utf8.RuneCountInString(name) > maxName || strings.ContainsRune(name, utf8.RuneError) {
		return "", "", refused
	}
	form, ok = stable(name, precis.Nickname.CompareKey)
	if !ok {
		return "", "", refused
	}
	return name, form, nil
}

// stable applies rule until nothing changes any more.
func stable(s string, rule func(string) (string, error)) (string, bool) {
	for range nickRounds {
		next, err := rule(s)
		if err != nil || next == "" {
			return "", false
		}
		if next == s {
			return s, true
		}
		s = next
	}
	return "", false
}

// SameName says whether two names are the same person's for RFC 8266: their
// comparison forms are equal.
func SameName(a, b string) bool {
	_, x, errX := cleanName(a)
	_, y, errY := cleanName(b)
	return errX == nil && errY == nil && x == y
}

// roomOK keeps protocol.md 12: 1 to 64 of ASCII letters, digits, `-`, `_`, `.`.
func roomOK(room string) bool {
	if room == "" || len(room) > 64 {
		return false
	}
	for _, c := range []byte(room) {
		if !plainByte(c) || c == '@' {
			return false
		}
	}
	return true
}
