package config

import (
	"maps"
	"testing"

	"github.com/BurntSushi/toml"
)

func TestKeyLines(t *testing.T) {
	const text = `# comment with key = 1
top = 1 # [not.a.table]

[http] # comment
listen = "a # b = 1"
'quoted' = 'single " # x'
"with \" = quote" = 1
list = [ # comment ] here
  "one", # "
  'two',
  [1, { deep = 2,
        deeper = 3 }],
]
text = """
fake = 1
[fake]
\"""
"""
raw = '''
fake2 = 1'''
many = """x""""
dotted . name = 2026-01-02 03:04:05
inline = { a = 1, b.c = "}", d = { e = [ "}" ] } }
[a . "b.c"]
last=true
[[rows]]
n = 1
[[rows]]
n = 2`
	var tree map[string]any
	if _, err := toml.Decode(text, &tree); err != nil {
		t.Fatalf("the document of the test is no TOML: %v", err)
	}
	want := map[string]int{
		"top": 2, "http": 4, "http.listen": 5, "http.quoted": 6, `http."with \\\" = quote"`: 7,
		"http.list": 8, "http.list.deep": 11, "http.list.deeper": 12, "http.text": 14, "http.raw": 19, "http.many": 21,
		"http.dotted": 22, "http.dotted.name": 22, "http.inline": 23, "http.inline.a": 23, "http.inline.b": 23, "http.inline.b.c": 23, "http.inline.d": 23, "http.inline.d.e": 23,
		"a": 24, `a."b.c"`: 24, `a."b.c".last`: 25, "rows": 26, "rows.n": 27,
	}
	got := keyLines(text)
	if !maps.Equal(got, want) {
		for key, line := range want {
			if got[key] != line {
				t.Errorf("%s stands on line %d, found %d", key, line, got[key])
			}
			delete(got, key)
		}
		for key, line := range got {
			t.Errorf("%s was found on line %d", key, line)
		}
	}
}

// The scanner sees only valid documents, but must end on every text.
func FuzzKeyLines(f *testing.F) {
	for _, seed := range []string{"a = 1", "[a", "a = [", "a = {b", `a = "`, `a = """\`, "]]=,#", "a.", "'", "= = ="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := keyLines(text)
		var tree map[string]any
		meta, err := toml.Decode(text, &tree)
		if err != nil {
			return
		}
		for _, key := range meta.Keys() {
			if bare(key) && lines[key.String()] == 0 {
				t.Errorf("%s has no line in %q", key, text)
			}
		}
	})
}

// bare keys alone: the scanner leaves escapes in quoted keys as they are.
func bare(key toml.Key) bool {
	for _, part := range key {
		if part == "" || toml.Key([]string{part}).String() != part {
			return false
		}
	}
	return true
}
