package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	Key      string // dotted key; "syntax" for a file that is no TOML; empty when the file itself is the trouble
	File     string // as it was named; "defaults" without a file
	Line     int    // 0 when the key does not stand in the file
	Variable string // the environment variable that set the value, else empty
	Sentence string
}

// String is the line that `parley check` prints: FILE:LINE: key: sentence, or
// "environment: VARIABLE: key: sentence".
func (p Problem) String() string {
	var b strings.Builder
	switch {
	case p.Variable != "":
		fmt.Fprintf(&b, "environment: %s: ", p.Variable)
	case p.Line > 0:
		fmt.Fprintf(&b, "%s:%d: ", p.File, p.Line)
	default:
		fmt.Fprintf(&b, "%s: ", p.File)
	}
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Sentence)
	return strings.ReplaceAll(b.String(), "\n", " ")
}

// OfFile says that the file as a whole is the trouble: nothing of it was read.
func (p Problem) OfFile() bool { return p.Key == "syntax" || p.Key == "" && p.Variable == "" }

// Error is the same line.
func (p Problem) Error() string { return p.String() }

// Problems is the error of Load: all that is wrong, in the order of the file,
// then the environment, then what is missing.
type Problems []Problem

// Error is one line for each problem.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Sorted brings problems, in their place, into the order in which a person mends
// them; those of one line keep theirs.
func (p Problems) Sorted() Problems {
	rank := func(x Problem) int {
		switch {
		case x.Line > 0:
			return 0
		case x.Variable != "":
			return 1
		}
		return 2
	}
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Line, b.Line))
	})
	return p
}

// closest finds the word that was probably meant, or "".
func closest(word string, words []string) string {
	best, limit := "", 1+len(word)/6 // one slip in a short word, more in a long one
	for _, w := range words {
		if d := distance(strings.ToLower(word), w); d <= limit {
			best, limit = w, d-1
		}
	}
	return best
}

// distance counts the letters to insert, drop, change or swap with their
// neighbour (optimal string alignment).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
