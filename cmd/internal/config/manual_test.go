package config

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// manualPage is made of the default file and the table of keys by
// `make manual`, and a test keeps it so.
const manualPage = "../../../systemd/parley.toml.5"

const manualHead = `.\" Made by "make manual" from config.toml and the table of keys; do not edit.
.TH PARLEY.TOML 5 "" "Parley" "File formats"
.SH NAME
parley.toml \- configuration of parley
.SH SYNOPSIS
.I /etc/parley/config.toml
.SH DESCRIPTION
.BR parley (1)
reads the file given by
.BR \-config ,
else
.IR ./config.toml ,
else
.IR /etc/parley/config.toml ;
without any it serves this machine alone. The file is TOML. A key that is not
on this page is an error, as is a value of the wrong kind:
.B parley check
names every problem at once, each with its line.
.PP
Durations are strings with a unit ("45s", "10m", "12h"). Sizes are whole numbers
of bytes, or strings with a unit ("2MB" is 2,000,000, "2MiB" is 2,097,152). Lists
are arrays of strings. A key that names a file of secrets may be
.IR credential:NAME ,
which is read from
.I $CREDENTIALS_DIRECTORY
(LoadCredential= in
.BR systemd.exec (5)).
.PP
A variable of the environment overrides its key; it is named with each. Lists
take commas there.
.PP
Keys marked
.I reload
are read again at
.BR "systemctl reload parley" ;
the others need a restart, and the log says so.
.SH KEYS
Each with its default.
`

const manualTail = `.SH EXAMPLE
A server on the internet:
.PP
.nf
[http]
listen = ":443"
public_url = "https://call.example.org"
[tls]
mode = "acme"
[auth]
mode = "users"
users_file = "/etc/parley/users"
[relay]
listen = ":3478"
.fi
.SH SEE ALSO
.BR parley (1)
`

// manual is the page that the default file and the table make.
func manual(t *testing.T) string {
	t.Helper()
	c := Defaults()
	table := make(map[string]field)
	for _, f := range fields(&c) {
		table[f.key] = f
	}
	var page, text strings.Builder
	page.WriteString(manualHead)
	in, lastWasKey := "", false
	for line := range strings.Lines(readDefaultFile(t)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "["):
			in = strings.Trim(line, "[]") + "."
			fmt.Fprintf(&page, ".SS %s\n", line)
		case keyLine().MatchString(line):
			name, _, _ := strings.Cut(line[1:], " ")
			f, ok := table[in+name]
			if !ok {
				t.Fatalf("%q is not in the table", in+name)
			}
			delete(table, f.key)
			if lastWasKey {
				page.WriteString(".TQ\n")
			} else {
				page.WriteString(".TP\n")
			}
			fmt.Fprintf(&page, "\\fB%s\\fR  (%s%s)\n", roff(line[1:]), variable(f.key), map[moment]string{onReload: `, \fIreload\fR`}[f.when])
			lastWasKey = true
			continue
		case strings.HasPrefix(line, "# "):
			if lastWasKey {
				t.Fatalf("a comment stands right below a key: %q", line)
			}
			fmt.Fprintln(&text, roff(strings.TrimPrefix(line, "# ")))
		case line == "" && lastWasKey:
			page.WriteString(text.String())
			fallthrough
		case line == "":
			text.Reset()
		}
		lastWasKey = lastWasKey && line != ""
	}
	page.WriteString(text.String())
	if len(table) > 0 {
		t.Fatalf("the default file lacks %v", table)
	}
	return page.String() + manualTail
}

// roff escapes a line of text.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	s = regexp.MustCompile("`([^`]*)`").ReplaceAllString(s, `\fB$1\fR`)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

func TestManualPageIsOfTheDefaultFile(t *testing.T) {
	want := manual(t)
	if os.Getenv("MANUAL") == "write" {
		if err := os.WriteFile(manualPage, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(manualPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Error("systemd/parley.toml.5 is not what config.toml and the keys make; run `make manual`")
	}
}
