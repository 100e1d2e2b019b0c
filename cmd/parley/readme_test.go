package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// snippets are the configurations of a page: its blocks of TOML.
func snippets(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		list = append(list, m[1])
	}
	return list
}

// Every configuration that we show is one that works as it stands, given the
// files that it names.
func TestConfigurationsOfThePagesAreRight(t *testing.T) {
	for page, least := range map[string]int{"README.md": 2, "systemd/OPERATE.md": 5} {
		all := snippets(t, page)
		if len(all) < least {
			t.Errorf("%s has %d configurations", page, len(all))
		}
		for i, text := range all {
			t.Run(fmt.Sprintf("%s %d", page, i+1), func(t *testing.T) {
				dir := t.TempDir()
				l := &lab{t: t, dir: dir}
				newPKI(t, l, time.Now().Add(time.Hour))
				for from, to := range map[string]string{"cert.pem": "fullchain.pem", "key.pem": "privkey.pem"} {
					if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
						t.Fatal(err)
					}
				}
				l.write("password", "correct horse\n")
				if code, _, errs := parley(t, dir, "correct horse\n", []string{"user", "add", "ann", "-file", dir + "/users"}); code != 0 {
					t.Fatal(errs)
				}
				text := strings.NewReplacer("/etc/parley/", dir+"/", "/var/lib/parley", dir+"/data").Replace(text)
				code, out, errs := parley(t, dir, "", []string{"check", "-config", l.write("config.toml", text)})
				if code != 0 {
					t.Errorf("exit %d\n%s%s\n%s", code, out, errs, text)
				}
			})
		}
	}
}

// Links between our pages lead somewhere.
func TestLinksOfThePages(t *testing.T) {
	for _, page := range []string{"README.md", "systemd/OPERATE.md"} {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
			file, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			target := filepath.Join(root, page)
			if file != "" {
				target = filepath.Join(root, filepath.Dir(page), file)
			}
			content, err := os.ReadFile(target)
			if info, statErr := os.Stat(target); statErr == nil && info.IsDir() {
				continue
			}
			if err != nil || anchor != "" && !hasHeading(string(content), anchor) {
				t.Errorf("%s: %s leads nowhere", page, m[1])
			}
		}
	}
}

// Operators find each line of the doctor explained.
func TestEveryLineOfTheDoctorIsExplained(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "systemd/OPERATE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## When something does not work")
	files, err := filepath.Glob(filepath.Join(root, "cmd/internal/doctor/*side.go"))
	if err != nil || len(files) != 2 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		names := regexp.MustCompile(`\{"([a-z/ -]+)", (?:m|v|func)`).FindAllStringSubmatch(string(code), -1)
		if len(names) < 10 {
			t.Fatalf("%s: %d lines found", file, len(names))
		}
		for _, m := range names {
			explained := regexp.MustCompile("(?m)^\\|[^|]*`" + regexp.QuoteMeta(m[1]) + "`")
			if !explained.MatchString(table) {
				t.Errorf("the doctor's line %q is not explained", m[1])
			}
		}
	}
}

// hasHeading knows how headings become anchors.
func hasHeading(text, anchor string) bool {
	drop := regexp.MustCompile(`[^\p{L}\p{N} -]`)
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		if strings.ReplaceAll(drop.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-") == anchor {
			return true
		}
	}
	return false
}
