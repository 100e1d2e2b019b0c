package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// minGain is the share of its size a file must lose for the gzip form to be
// kept: below that the browser's work costs more than the bytes.
const minGain = 0.9

// file is one answer, ready in both encodings.
type file struct {
	kind string // Content-Type
	etag string
	data []byte
	gzip []byte // nil where compression gains nothing
}

// contentType knows every kind of file the client uses, so that the answer does not
// depend on the MIME tables of the machine.
func contentType(name string) (string, bool) {
	kind, ok := map[string]string{
		".html":        "text/html; charset=utf-8",
		".js":          "text/javascript; charset=utf-8",
		".css":         "text/css; charset=utf-8",
		".json":        "application/json; charset=utf-8",
		".svg":         "image/svg+xml",
		".png":         "image/png",
		".txt":         "text/plain; charset=utf-8",
		".webmanifest": "application/manifest+json",
	}[path.Ext(name)]
	return kind, ok
}

func newFile(name string, data []byte) (*file, error) {
	kind, ok := contentType(name)
	if !ok {
		return nil, fmt.Errorf("%s: no content type for this kind of file", name)
	}
	sum := sha256.Sum256(data)
	f := &file{kind: kind, data: data, etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	if float64(packed.Len()) < minGain*float64(len(data)) {
		f.gzip = packed.Bytes()
	}
	return f, nil
}

// load reads a tree into memory, keyed by slash-separated path.
func load(tree fs.FS) (map[string]*file, error) {
	files := map[string]*file{}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		files[name], err = newFile(name, data)
		return err
	})
	return files, err
}

// serve writes the file; the caller has set Cache-Control.
func (f *file) serve(w http.ResponseWriter, r *http.Request, status int) {
	h := w.Header()
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", f.etag)
	if status == http.StatusOK && r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.data
	if f.gzip != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = f.gzip
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		// A failed write means that the reader has gone; there is nobody to tell.
		_, _ = w.Write(body)
	}
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3) for gzip alone: named
// and not with weight zero.
func acceptsGzip(header string) bool {
	for item := range strings.SplitSeq(header, ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(item), ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		q, named := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		value, err := strconv.ParseFloat(q, 64)
		return !named || err == nil && value > 0
	}
	return false
}
