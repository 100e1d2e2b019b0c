package main

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"parley/cmd/internal/listen"
)

// upgrades answers GET /ws without a http.Server, which reads on in the
// background of a request and buys each connection 12 KB of buffers, only to
// throw both away at the upgrade: a quarter of what a connection costs. The same
// handlers run. It takes just the usual case, a request whose head has come
// whole and alone; everything else is net/http's. Safe for concurrent use; no
// goroutine of its own.
type upgrades struct {
	handler http.Handler
	log     *slog.Logger
	scratch sync.Pool // of *scratch
}

// scratch is what one request is parsed and answered with.
type scratch struct {
	head bytes.Reader
	in   *bufio.Reader
	out  *bufio.Writer
}

func newUpgrades(h http.Handler, log *slog.Logger) *upgrades {
	return &upgrades{handler: h, log: log, scratch: sync.Pool{New: func() any {
		return &scratch{in: bufio.NewReaderSize(nil, 2048), out: bufio.NewWriterSize(nil, 1024)}
	}}}
}

// serve takes c if head is a whole request for /ws, as MuxOptions.Upgrade says.
func (u *upgrades) serve(c net.Conn, head []byte) bool {
	fields, ok := bytes.CutPrefix(head, []byte("GET /ws HTTP/1.1\r\n"))
	if !ok || !usual(fields) {
		return false
	}
	s := u.scratch.Get().(*scratch)
	defer u.scratch.Put(s)
	s.head.Reset(head)
	s.in.Reset(&s.head)
	r, err := http.ReadRequest(s.in)
	if err != nil || r.Host == "" || r.ContentLength != 0 || len(r.TransferEncoding) > 0 {
		return false // net/http has the words for what is wrong
	}
	r.RemoteAddr = c.RemoteAddr().String()
	if state, ok := listen.TLSState(c); ok {
		r.TLS = &state
	}
	w := &upgradeWriter{conn: c, out: s.out, header: http.Header{}}
	defer u.recovered(c)
	u.handler.ServeHTTP(w, r)
	w.finish(r)
	return true
}

// usual reports whether fields are whole header lines of letters, digits and
// hyphens, a colon, and printable ASCII, with the empty line at their end and
// nothing behind it.
func usual(fields []byte) bool {
	for {
		line, rest, ok := bytes.Cut(fields, []byte("\r\n"))
		switch {
		case !ok:
			return false
		case len(line) == 0:
			return len(rest) == 0
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 || bytes.ContainsFunc(name, notInName) || bytes.ContainsFunc(value, notPrintable) {
			return false
		}
		fields = rest
	}
}

func notInName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}

func notPrintable(r rune) bool { return r < ' ' || r > '~' }

// recovered keeps a panic in a handler from ending the server, as net/http does.
func (u *upgrades) recovered(c net.Conn) {
	if r := recover(); r != nil {
		c.Close()
		u.log.Error("A connection failed and was closed; the server goes on.", "panic", r, "stack", string(debug.Stack()))
	}
}

// upgradeWriter is the http.ResponseWriter and http.Hijacker of one request.
type upgradeWriter struct {
	conn   net.Conn
	out    *bufio.Writer // nil once hijacked
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *upgradeWriter) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *upgradeWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements http.ResponseWriter. A refusal is short, so it is kept.
func (w *upgradeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// Hijack implements http.Hijacker. The buffers are the caller's until the
// handler returns.
func (w *upgradeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.out == nil {
		return nil, nil, http.ErrHijacked
	}
	rw := bufio.NewReadWriter(bufio.NewReaderSize(w.conn, 0), w.out)
	w.out.Reset(w.conn)
	w.out = nil
	return w.conn, rw, nil
}

// finish sends the answer of a request that was not upgraded, and closes.
func (w *upgradeWriter) finish(r *http.Request) {
	if w.out == nil {
		return
	}
	defer w.conn.Close()
	w.WriteHeader(http.StatusOK)
	w.conn.SetDeadline(time.Now().Add(headerTime))
	resp := http.Response{
		StatusCode: w.status, ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: w.header,
		ContentLength: int64(w.body.Len()), Body: io.NopCloser(&w.body), Close: true,
	}
	resp.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	resp.Write(w.conn)
}
