package web

import (
	"bytes"
	"fmt"
	"html/template"
	"path"
	"regexp"
	"slices"
	"strings"
)

// importPattern finds static imports and re-exports with a relative address:
// the only kind the client uses, since a bare name would need an import map.
// A dynamic import() is left out on purpose: it is loaded when needed.
const importPattern = `(?m)^\s*(?:import|export)\b[^'"();]*?\bfrom\s*['"](\.[^'"]+)['"]|^\s*import\s*['"](\.[^'"]+)['"]`

// renderShell fills the one HTML page: the place of the assets, and the
// modules that the browser should fetch at once rather than find one by one.
func renderShell(files map[string]*file, base string) (*file, error) {
	page := files[shellFile]
	if page == nil {
		return nil, fmt.Errorf("the client has no %s", shellFile)
	}
	modules, err := closure(files, entryFile, nil)
	if err != nil {
		return nil, err
	}
	t, err := template.New(shellFile).Parse(string(page.data))
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", shellFile, err)
	}
	var out bytes.Buffer
	err = t.Execute(&out, struct {
		Base    string
		Modules []string
	}{base, modules})
	if err != nil {
		return nil, fmt.Errorf("fill %s: %w", shellFile, err)
	}
	return newFile(shellFile, out.Bytes())
}

// closure lists entry and all modules that it imports, each before those it
// imports, so that the browser meets them in the order of need. alias may
// name another place for an import that is not where it says it is.
func closure(files map[string]*file, entry string, alias func(string) string) ([]string, error) {
	imports := regexp.MustCompile(importPattern)
	order := []string{entry}
	for i := 0; i < len(order); i++ {
		f := files[order[i]]
		if f == nil {
			return nil, fmt.Errorf("module %s is missing", order[i])
		}
		for _, match := range imports.FindAllSubmatch(f.data, -1) {
			name := path.Join(path.Dir(order[i]), string(match[1])+string(match[2]))
			if files[name] == nil && alias != nil {
				name = alias(name)
			}
			if files[name] == nil {
				return nil, fmt.Errorf("%s imports %s, which is missing", order[i], name)
			}
			if !slices.Contains(order, name) {
				order = append(order, name)
			}
		}
	}
	return order, nil
}

// sdkAlias says where a module below /sdk/ lies: the SDK is the client's own
// net/ and rtc/ modules under a second address.
func sdkAlias(name string) string {
	return "js/" + strings.TrimPrefix(name, "sdk/")
}
