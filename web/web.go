// Package web owns the embedded browser client: it serves the shell, the
// assets and the SDK from memory, with the headers that keep the page to its
// own origin.
//
// Everything is read, hashed and compressed once in New. The handler has no
// mutable state and starts no goroutine, so it may be used by any number of
// requests at once.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed static/*.html static/*.svg static/*.png static/*.webmanifest static/css static/i18n static/js static/sdk static/vendor/*.js static/vendor/*.txt
var embedded embed.FS

const (
	shellFile  = "index.html"
	entryFile  = "js/main.js"
	sdkEntry   = "sdk/parley.js"
	sdkTypes   = "js/net/types.js"
	assetsPath = "/a/"
	sdkPath    = "/sdk/"
)

// Options configures New.
type Options struct {
	// Build names the version in asset paths; empty means Build().
	Build string
	// Host gives the host and port the browser uses for the WebSocket, which
	// the content security policy names; nil means the request's Host.
	Host func(*http.Request) string
	// HSTS makes every answer ask browsers to stay on HTTPS for a year. Set
	// it where the certificate is one that browsers trust.
	HSTS bool
}

// Build is a short hash of the embedded files: the `build` of the protocol
// and of /config. Two binaries with the same client have the same build.
func Build() string {
	sum := sha256.New()
	// The embedded tree is walked in lexical order and cannot fail to read.
	_ = fs.WalkDir(embedded, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := embedded.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", path, len(data))
		sum.Write(data)
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil))[:12]
}

// New prepares the client's files and returns the handler for /, /r/{room},
// /u/{name}, /test, /admin, /about, /a/{build}/… and /sdk/….
func New(o Options) (http.Handler, error) {
	if o.Build == "" {
		o.Build = Build()
	}
	if o.Host == nil {
		o.Host = func(r *http.Request) string { return r.Host }
	}
	static, err := fs.Sub(embedded, "static")
	if err != nil {
		return nil, fmt.Errorf("open the embedded client: %w", err)
	}
	files, err := load(static)
	if err != nil {
		return nil, fmt.Errorf("load the embedded client: %w", err)
	}
	s := &site{base: assetsPath + o.Build + "/", assets: map[string]*file{}, sdk: map[string]*file{}}
	if s.shell, err = renderShell(files, s.base); err != nil {
		return nil, err
	}
	sdk, err := closure(files, sdkEntry, sdkAlias)
	if err != nil {
		return nil, err
	}
	for name, f := range files {
		switch {
		case strings.HasPrefix(name, "sdk/"):
			s.sdk[strings.TrimPrefix(name, "sdk/")] = f
		case name != shellFile:
			s.assets[name] = f
		}
	}
	// No module imports the types; the comments name them, and editors follow.
	for _, name := range append(sdk, sdkTypes) {
		s.sdk[strings.TrimPrefix(strings.TrimPrefix(name, "sdk/"), "js/")] = files[name]
	}
	return secure(o, s.routes()), nil
}

// site is the client as it is served; nothing in it changes after New.
type site struct {
	base   string // "/a/<build>/"
	shell  *file
	assets map[string]*file // below base
	sdk    map[string]*file // below /sdk/
}

func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/{$}", "/r/{room}", "/u/{name}", "/test", "/admin", "/about"} {
		mux.HandleFunc(path, s.serveShell)
	}
	mux.HandleFunc(assetsPath, s.serveAsset)
	mux.HandleFunc(sdkPath, s.serveSDK)
	mux.HandleFunc("/", s.serveNothing)
	return readOnly(mux)
}

func (s *site) serveShell(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-cache")
	s.shell.serve(w, r, http.StatusOK)
}

// serveAsset knows one build only: an address of another build must not give
// today's bytes, since they would be kept for a year under that name.
func (s *site) serveAsset(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, s.base)
	f := s.assets[name]
	if !ok || f == nil {
		s.serveNothing(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	f.serve(w, r, http.StatusOK)
}

// serveSDK gives the modules to pages of any origin; it carries no secrets
// and no cookie is looked at.
func (s *site) serveSDK(w http.ResponseWriter, r *http.Request) {
	f := s.sdk[strings.TrimPrefix(r.URL.Path, sdkPath)]
	if f == nil {
		s.serveNothing(w, r)
		return
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Cache-Control", "no-cache")
	f.serve(w, r, http.StatusOK)
}

// serveNothing answers a browser's navigation with the shell, which says in
// the reader's language that there is no such page, and a program with JSON.
func (s *site) serveNothing(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Cache-Control", "no-store")
		s.shell.serve(w, r, http.StatusNotFound)
		return
	}
	refuse(w, http.StatusNotFound, "not_found", "There is nothing at this address.")
}

func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, "bad_message", "This address can only be read: use GET.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":%q,"message":%q}}`+"\n", code, message)
}
