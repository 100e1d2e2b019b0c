package config

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Load reads the configuration: the file at path or, with an empty path,
// ./config.toml, else /etc/parley/config.toml, else the embedded defaults; then
// the variables PARLEY_… of env, which has the form of os.Environ; then it
// validates. Nothing but files is opened.
//
// The error is of type Problems. The Config is filled as far as it could be
// understood also then, for commands that need a single key of it.
func Load(path string, env []string) (Config, error) {
	if path != "" {
		return load([]string{path}, true, env)
	}
	return load([]string{"config.toml", "/etc/parley/config.toml"}, false, env)
}

// load tries the paths in order; with must, a missing file is an error.
func load(paths []string, must bool, env []string) (Config, error) {
	l := loader{config: Defaults(), origin: map[string]Problem{}, broken: map[string]bool{}}
	l.file = noFile
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) && !must {
			continue
		}
		l.file, l.config.File = path, path
		if err != nil {
			l.problem("", "cannot be read: "+reason(err))
			return l.config, l.problems
		}
		if !l.decode(string(text)) {
			return l.config, l.problems
		}
		break
	}
	l.environment(env)
	l.validate()
	if len(l.problems) > 0 {
		return l.config, l.problems.Sorted()
	}
	return l.config, nil
}

// reason is the cause of a file error without the path, which stands before it.
func reason(err error) string {
	if errors.Is(err, fs.ErrPermission) {
		return "permission denied; run this as root or as Parley's user"
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "no such file; write where it lies after -config, or leave that out"
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// loader collects values, where each came from, and what is wrong.
type loader struct {
	config   Config
	file     string
	origin   map[string]Problem // key -> a Problem with the place of the value, no sentence yet
	broken   map[string]bool    // keys whose value could not be read: no second complaint
	problems Problems
}

// problem notes a fault of key at the place where its value came from.
func (l *loader) problem(key, sentence string) {
	l.problems = append(l.problems, place(l.origin, l.file, key, sentence))
}

// Problem is a fault of key that somebody else found, at the place where the
// value came from.
func (c Config) Problem(key, sentence string) Problem {
	file := c.File
	if file == "" {
		file = noFile
	}
	return place(c.places, file, key, sentence)
}

// noFile stands for the file of a configuration that has none.
const noFile = "defaults"

// place finds where a fault of key is to be mended: where the key was written,
// else where the key was written that asks for it.
func place(written map[string]Problem, file, key, sentence string) Problem {
	at := Problem{Key: key, File: file, Sentence: sentence}
	own, ok := written[key]
	if !ok {
		if cause := written[cause(key)]; cause.Variable == "" {
			at.Line = cause.Line
		}
		return at
	}
	own.Sentence = sentence
	return own
}

// cause is the key because of which another one is missed when it is not written.
func cause(key string) string {
	return map[string]string{
		"auth.mode": "http.listen", "auth.password_file": "auth.mode", "auth.users_file": "auth.mode",
		"tls.cert": "tls.mode", "tls.key": "tls.mode", "http.public_url": "tls.mode",
		"relay.secrets_file": "data_dir", "admin.token_file": "data_dir", "admin.listen": "http.listen",
		"relay.listen": "http.listen",
	}[key]
}

// fill gives the value of a key to set and notes all that is wrong with it.
func (l *loader) fill(at Problem, set func() error) {
	l.origin[at.Key] = at
	err := set()
	l.broken[at.Key] = err != nil
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			l.problem(at.Key, e.Error())
		}
		return
	}
	l.problem(at.Key, err.Error())
}

// decode reads the text of the file; false says that it is no TOML.
func (l *loader) decode(text string) bool {
	var tree map[string]any
	if _, err := toml.Decode(text, &tree); err != nil {
		at := Problem{Key: "syntax", File: l.file, Sentence: err.Error()}
		if parse, ok := errors.AsType[toml.ParseError](err); ok {
			// The library's own line is one too high where a newline is the trouble.
			before := text[:min(parse.Position.Start, len(text))]
			at.Line, at.Sentence = 1+strings.Count(before, "\n"), parse.Message
		}
		l.problems = Problems{at}
		return false
	}
	known := map[string]field{}
	for _, f := range fields(&l.config) {
		known[f.key] = f
	}
	l.table(nil, tree, known, keyLines(text))
	return true
}

// table reads one table of the document into the known fields.
func (l *loader) table(parent toml.Key, tree map[string]any, known map[string]field, lines map[string]int) {
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		key := append(slices.Clone(parent), name)
		at := Problem{Key: key.String(), File: l.file, Line: lines[key.String()]}
		f, isKey := known[at.Key]
		below, isTable := tree[name].(map[string]any)
		switch {
		case isKey:
			l.fill(at, func() error { return f.value.set(tree[name]) })
		case isTable && (len(below) > 0 || isSection(at.Key, known)):
			l.table(key, below, known, lines)
		case isSection(at.Key, known):
			at.Sentence = "is a section; write [" + at.Key + "] on a line of its own and its keys below"
			l.problems = append(l.problems, at)
		default:
			at.Sentence = "unknown key" + meant(at.Key, known)
			l.problems = append(l.problems, at)
		}
	}
}

func isSection(name string, known map[string]field) bool {
	for key := range known {
		if section(key) == name {
			return true
		}
	}
	return false
}

// meant suggests the key behind an unknown one: a slip of the hand, or the
// right name in another section.
func meant(key string, known map[string]field) string {
	all := slices.Sorted(maps.Keys(known))
	if near := closest(key, all); near != "" {
		return "; did you mean " + near + "?"
	}
	last := key[strings.LastIndex(key, ".")+1:]
	var same []string
	for _, k := range all {
		if k[strings.LastIndex(k, ".")+1:] == last {
			same = append(same, k)
		}
	}
	if len(same) > 0 {
		return "; did you mean " + strings.Join(same, " or ") + "?"
	}
	return ""
}

// environment overrides keys with the variables PARLEY_….
func (l *loader) environment(env []string) {
	byVariable := map[string]field{}
	known := map[string]field{}
	for _, f := range fields(&l.config) {
		byVariable[variable(f.key)] = f
		known[f.key] = f
	}
	for _, entry := range slices.Sorted(slices.Values(env)) {
		name, text, _ := strings.Cut(entry, "=")
		f, isKey := byVariable[name]
		switch {
		case isKey:
			l.fill(Problem{Key: f.key, File: l.file, Variable: name}, func() error { return f.value.parse(text) })
		case name == "CREDENTIALS_DIRECTORY":
			l.config.CredentialsDir = text
		case name == "STATE_DIRECTORY":
			l.stateDirectory(text)
		case !strings.HasPrefix(name, "PARLEY_") || isForeign(name, text):
		case isSection(sectionOf(name), known):
			l.problems = append(l.problems, Problem{Variable: name, File: l.file, Sentence: unknownVariable(name, known)})
		default:
			l.config.strangers = append(l.config.strangers, Warning{name, unknownVariable(name, known)})
		}
	}
	_, l.config.AuthModeWritten = l.origin["auth.mode"]
	l.config.places = l.origin
}

// stateDirectory makes systemd's directory the default of data_dir. Variables
// come in alphabetical order, so PARLEY_DATA_DIR has been read before.
func (l *loader) stateDirectory(text string) {
	dir, _, _ := strings.Cut(text, string(filepath.ListSeparator))
	if _, written := l.origin["data_dir"]; !written && dir != "" {
		l.config.DataDir = dir
	}
}

// sectionOf is the first word of a variable PARLEY_…, as a section is spelled.
// One that begins with a section is meant for us, and a slip in it must be told;
// any other may be another program's, like PARLEY_BIN of a script.
func sectionOf(name string) string {
	word, _, _ := strings.Cut(strings.TrimPrefix(name, "PARLEY_"), "_")
	return strings.ToLower(word)
}

// ofOrchestrator finds what Kubernetes sets for services named "parley" or
// "parley-relay": PARLEY_SERVICE_HOST=…, PARLEY_RELAY_PORT_443_TCP=tcp://….
var ofOrchestrator = regexp.MustCompile(`_SERVICE_(HOST|PORT)|_PORT_[0-9]`)

// isForeign knows the variables with our prefix that are no keys: the password
// of `parley doctor`, and those of an orchestrator.
func isForeign(name, text string) bool {
	return name == "PARLEY_PASSWORD" || ofOrchestrator.MatchString(name) ||
		strings.HasSuffix(name, "_PORT") && strings.Contains(text, "://")
}

func unknownVariable(name string, known map[string]field) string {
	for _, key := range slices.Sorted(maps.Keys(known)) {
		if distance(name, variable(key)) <= 2 {
			return "no key has this variable; did you mean " + variable(key) + "?"
		}
	}
	return "no key has this variable; variables are PARLEY_SECTION_KEY in capitals, like PARLEY_HTTP_LISTEN"
}
