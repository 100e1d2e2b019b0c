package web

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func newSite(t *testing.T, o Options) http.Handler {
	t.Helper()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(h http.Handler, path string, header ...string) *http.Response {
	r := httptest.NewRequest("GET", path, nil)
	r.Host = "call.example.org:8443"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestEveryPageIsTheShell(t *testing.T) {
	h := newSite(t, Options{Build: "b1"})
	want := body(t, get(h, "/"))
	if !strings.Contains(want, `src="/a/b1/js/main.js"`) {
		t.Fatalf("the shell does not load the entry of this build:\n%s", want)
	}
	for _, path := range []string{"/r/standup", "/u/ann", "/test", "/admin", "/about"} {
		resp := get(h, path)
		if resp.StatusCode != 200 || body(t, resp) != want {
			t.Errorf("GET %s: %d, not the shell", path, resp.StatusCode)
		}
		if got := resp.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("GET %s: Cache-Control %q", path, got)
		}
	}
}

func TestShellIsNotSentTwice(t *testing.T) {
	h := newSite(t, Options{})
	tag := get(h, "/").Header.Get("ETag")
	resp := get(h, "/", "If-None-Match", tag)
	if tag == "" || resp.StatusCode != http.StatusNotModified || body(t, resp) != "" {
		t.Errorf("a shell that the browser has was answered %d, tag %q", resp.StatusCode, tag)
	}
}

func TestShellHasNothingInline(t *testing.T) {
	shell := body(t, get(newSite(t, Options{}), "/"))
	for _, bad := range []string{`<script>`, `<style`, ` style=`, ` on[a-z]+=`, `importmap`, `https?://`} {
		if regexp.MustCompile(bad).MatchString(shell) {
			t.Errorf("the shell has %q, which the policy forbids", bad)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	h := newSite(t, Options{})
	for _, path := range []string{"/", "/a/" + Build() + "/js/main.js", "/sdk/minimal.html", "/nothing"} {
		header := get(h, path).Header
		csp := header.Get("Content-Security-Policy")
		for _, part := range []string{
			"default-src 'none'", "script-src 'self';", "style-src 'self';", "base-uri 'none'", "form-action 'self'",
			"frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
			"connect-src 'self' ws://call.example.org:8443 wss://call.example.org:8443",
		} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: the policy lacks %q: %s", path, part, csp)
			}
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Strict-Transport-Security": "",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if !strings.Contains(header.Get("Permissions-Policy"), "camera=(self), microphone=(self)") {
			t.Errorf("%s: Permissions-Policy %q", path, header.Get("Permissions-Policy"))
		}
	}
}

func TestSocketHostInPolicy(t *testing.T) {
	for _, c := range []struct {
		name, host string
		tls        bool
		want       string
	}{
		{"plain", "h:80", false, "connect-src 'self' ws://h:80 wss://h:80"},
		{"tls", "h", true, "connect-src 'self' wss://h"},
		{"IPv6", "[::1]:8080", true, "connect-src 'self'"},
		{"a directive smuggled in", "h; script-src *", false, "connect-src 'self'"},
		{"empty", "", false, "connect-src 'self'"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newSite(t, Options{Host: func(*http.Request) string { return c.host }, HSTS: c.tls})
			r := httptest.NewRequest("GET", "/", nil)
			if c.tls {
				r.TLS = &tls.ConnectionState{}
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if csp := w.Header().Get("Content-Security-Policy"); !strings.HasSuffix(csp, "; "+c.want) {
				t.Errorf("policy ends %q, want %q", csp[strings.LastIndex(csp, ";"):], c.want)
			}
			if sent := w.Header().Get("Strict-Transport-Security") != ""; sent != c.tls {
				t.Errorf("HSTS sent: %v", sent)
			}
		})
	}
}

func TestAssetsAreImmutableAndOfThisBuildOnly(t *testing.T) {
	h := newSite(t, Options{Build: "b1"})
	resp := get(h, "/a/b1/js/main.js")
	if resp.StatusCode != 200 || resp.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" ||
		resp.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("asset: %d %v", resp.StatusCode, resp.Header)
	}
	for _, path := range []string{"/a/b0/js/main.js", "/a/b1/js/absent.js", "/a/b1/", "/a/b1/index.html", "/a/b1/../web.go", "/a/b1/sdk/minimal.js"} {
		resp := get(h, path)
		if resp.StatusCode == 200 || strings.Contains(resp.Header.Get("Cache-Control"), "max-age") {
			t.Errorf("GET %s: %d %q", path, resp.StatusCode, resp.Header.Get("Cache-Control"))
		}
	}
}

func TestGzipOnlyForThoseWhoAskForIt(t *testing.T) {
	h := newSite(t, Options{})
	plain := body(t, get(h, "/"))
	for header, want := range map[string]bool{"": false, "gzip": true, "br, GZIP;q=0.5": true, "gzip;q=0": false, "identity": false, "gzip; q=nonsense": false} {
		resp := get(h, "/", "Accept-Encoding", header)
		data := body(t, resp)
		if got := resp.Header.Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("Accept-Encoding %q: gzip %v", header, got)
		} else if got {
			z, err := gzip.NewReader(bytes.NewBufferString(data))
			if err != nil {
				t.Fatal(err)
			}
			unpacked, err := io.ReadAll(z)
			if err != nil || string(unpacked) != plain {
				t.Errorf("Accept-Encoding %q: the packed form differs: %v", header, err)
			}
		}
		if resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: no Vary", header)
		}
	}
}

func TestPreloadListIsTheImportGraph(t *testing.T) {
	h := newSite(t, Options{Build: "b1"})
	shell := body(t, get(h, "/"))
	listed := regexp.MustCompile(`modulepreload" href="([^"]+)"`).FindAllStringSubmatch(shell, -1)
	if len(listed) < 20 || listed[0][1] != "/a/b1/js/main.js" {
		t.Fatalf("%d modules are preloaded, first %v", len(listed), listed[0])
	}
	imported := regexp.MustCompile(`from "([^".][^"]*)"|import\s+"([^".][^"]*)"`)
	total := 0
	for _, m := range listed {
		resp := get(h, m[1], "Accept-Encoding", "gzip")
		if resp.StatusCode != 200 {
			t.Errorf("preloaded %s: %d", m[1], resp.StatusCode)
		}
		total += len(body(t, resp))
		if bare := imported.FindString(body(t, get(h, m[1]))); bare != "" && !strings.Contains(m[1], "vendor") {
			t.Errorf("%s has a bare import: %s", m[1], bare)
		}
	}
	for _, m := range regexp.MustCompile(`stylesheet" href="([^"]+)"`).FindAllStringSubmatch(shell, -1) {
		total += len(body(t, get(h, m[1], "Accept-Encoding", "gzip")))
	}
	const budget = 90_000
	if total > budget {
		t.Errorf("the first load is %d bytes of script and style, more than %d", total, budget)
	}
	t.Logf("first load: %d modules, %d bytes packed", len(listed), total)
}

func TestClosureFollowsEveryFormOfImport(t *testing.T) {
	tree := fstest.MapFS{}
	for name, source := range map[string]string{
		"js/main.js": "import {\n  a,\n  b,\n} from \"./a.js\";\nimport \"./side.js\";\nconst late = () => import(\"./late.js\");\n// import x from \"./comment.js\"\n",
		"js/a.js":    "export * from '../lib/b.js';\nexport const from = 1;\n",
		"js/side.js": "import { a } from \"./a.js\";", "lib/b.js": "", "js/late.js": "",
	} {
		tree[name] = &fstest.MapFile{Data: []byte(source)}
	}
	files, err := load(tree)
	if err != nil {
		t.Fatal(err)
	}
	got, err := closure(files, "js/main.js", nil)
	if want := "js/main.js js/a.js js/side.js lib/b.js"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("closure is %v, %v; want %s", got, err, want)
	}
	delete(files, "lib/b.js")
	if _, err := closure(files, "js/main.js", nil); err == nil {
		t.Error("an import of a missing module was accepted")
	}
}

func TestSDKIsForEveryOriginWithAllItsModules(t *testing.T) {
	h := newSite(t, Options{})
	seen := map[string]bool{}
	var visit func(path string)
	visit = func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		resp := get(h, path, "Origin", "https://other.example")
		for name, want := range map[string]string{
			"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": "no-cache",
		} {
			if got := resp.Header.Get(name); resp.StatusCode != 200 || got != want {
				t.Errorf("GET %s: %d, %s %q", path, resp.StatusCode, name, got)
			}
		}
		for _, m := range regexp.MustCompile(`(?:from|import) "(\./[^"]+|\.\./[^"]+)"`).FindAllStringSubmatch(body(t, resp), -1) {
			r := httptest.NewRequest("GET", path, nil)
			next, err := r.URL.Parse(m[1])
			if err != nil || !strings.HasPrefix(next.Path, "/sdk/") {
				t.Fatalf("%s imports %s, which is not below /sdk/", path, m[1])
			}
			visit(next.Path)
		}
	}
	for _, entry := range []string{"/sdk/parley.js", "/sdk/minimal.js", "/sdk/minimal.html"} {
		visit(entry)
	}
	if resp := get(h, "/sdk/net/types.js"); resp.StatusCode != 200 {
		t.Errorf("the types that the modules name: %d", resp.StatusCode)
	}
	if !seen["/sdk/net/session.js"] || !seen["/sdk/rtc/peer.js"] {
		t.Errorf("the SDK does not reach the protocol and call modules: %v", seen)
	}
	if resp := get(h, "/sdk/app.js"); resp.StatusCode != 404 {
		t.Errorf("a module of the pages is served as part of the SDK: %d", resp.StatusCode)
	}
}

func TestManifestCanBeInstalledFrom(t *testing.T) {
	h := newSite(t, Options{Build: "b1"})
	var manifest struct {
		Name     string
		StartURL string `json:"start_url"`
		Display  string
		Icons    []struct{ Src, Sizes, Type, Purpose string }
	}
	if err := json.Unmarshal([]byte(body(t, get(h, "/a/b1/app.webmanifest"))), &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.Name == "" || manifest.StartURL != "/" || manifest.Display != "standalone" {
		t.Errorf("the manifest says %+v", manifest)
	}
	kinds := map[string]bool{}
	for _, icon := range manifest.Icons {
		resp := get(h, "/a/b1/"+icon.Src)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != icon.Type {
			t.Errorf("%s: %d %s, want %s", icon.Src, resp.StatusCode, resp.Header.Get("Content-Type"), icon.Type)
		}
		if icon.Type == "image/png" {
			picture, err := png.DecodeConfig(resp.Body)
			if err != nil || icon.Sizes != fmt.Sprintf("%dx%d", picture.Width, picture.Height) {
				t.Errorf("%s is said to be %s, and is %dx%d (%v)", icon.Src, icon.Sizes, picture.Width, picture.Height, err)
			}
		}
		kinds[icon.Sizes+" "+icon.Purpose] = true
	}
	for _, kind := range []string{"192x192 any", "512x512 any", "512x512 maskable"} {
		if !kinds[kind] {
			t.Errorf("there is no icon %s", kind)
		}
	}
}

func TestNothingThere(t *testing.T) {
	h := newSite(t, Options{})
	resp := get(h, "/nowhere", "Accept", "text/html,*/*")
	if resp.StatusCode != 404 || !strings.Contains(body(t, resp), "js/main.js") {
		t.Errorf("a person who mistyped gets %d and no page", resp.StatusCode)
	}
	resp = get(h, "/nowhere")
	if resp.StatusCode != 404 || !strings.Contains(body(t, resp), `{"error":{"code":"not_found"`) {
		t.Errorf("a program gets %d", resp.StatusCode)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST /: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

func TestHeadHasNoBody(t *testing.T) {
	h := newSite(t, Options{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("HEAD", "/", nil))
	if w.Code != 200 || w.Body.Len() != 0 || w.Header().Get("Content-Length") == "" {
		t.Errorf("HEAD /: %d with %d bytes", w.Code, w.Body.Len())
	}
}

func TestBuildIsStable(t *testing.T) {
	if a, b := Build(), Build(); a != b || !regexp.MustCompile(`^[0-9a-f]{12}$`).MatchString(a) {
		t.Errorf("Build gives %q, then %q", a, b)
	}
	if shell := body(t, get(newSite(t, Options{}), "/")); !strings.Contains(shell, "/a/"+Build()+"/") {
		t.Error("without a build in the options the shell does not use Build()")
	}
}
