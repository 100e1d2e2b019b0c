package signaling

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	subprotocol = "parley.v1"
	// readBuffer is held by every idle socket, so it is small; what is larger
	// is read past it.
	readBuffer = 512
	// writeBuffer is pooled: a message that fits is one write, and one TLS record.
	writeBuffer = 4096
)

func newUpgrader(h *Hub) websocket.Upgrader {
	return websocket.Upgrader{
		HandshakeTimeout: writeWait,
		ReadBufferSize:   0, // the one that hijacker gives
		WriteBufferSize:  writeBuffer,
		WriteBufferPool:  new(sync.Pool),
		Subprotocols:     []string{subprotocol},
		CheckOrigin:      func(*http.Request) bool { return true }, // judged before
		Error: func(w http.ResponseWriter, _ *http.Request, status int, _ error) {
			h.opt.Refuse(w, status, "bad_message", "This address takes WebSocket connections only.", 0)
		},
	}
}

// ServeHTTP is GET /ws: it judges the request, upgrades it, hears hello and
// returns; the session goes on in a goroutine of its own, so that net/http frees
// its buffers and the stack that all this took.
func (h *Hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, err := h.admit(r)
	if err != nil {
		ref := asRefusal(err)
		h.drop("upgrade_" + ref.code)
		if ref.code == errSubprotocol().code {
			w.Header().Set("Sec-WebSocket-Protocol", subprotocol)
		}
		h.opt.Refuse(w, ref.httpStatus(), ref.code, ref.message, ref.retry)
		return
	}
	hj := &hijacker{ResponseWriter: w}
	s.conn, err = h.upgrader.Upgrade(hj, r, nil)
	s.direct = hj.direct
	if err != nil {
		h.forgetSocket(s)
		h.wg.Done()
		return
	}
	if !h.openSocket(s) {
		s.writeClose(closeShutdown, "shutdown")
		s.conn.Close()
		h.forgetSocket(s)
		h.wg.Done()
		return
	}
	s.conn.SetReadLimit(int64(h.opt.MaxMessage))
	s.conn.SetPingHandler(s.pinged)
	s.conn.SetPongHandler(s.heard)
	s.conn.SetReadDeadline(time.Now().Add(h.opt.HelloTimeout))
	s.run()
}

// admit judges the request and counts the socket that it asks for.
func (h *Hub) admit(r *http.Request) (*socket, error) {
	if h.opt.CheckOrigin != nil {
		if err := h.opt.CheckOrigin(r); err != nil {
			return nil, err
		}
	}
	if h.draining.Load() {
		return nil, errDraining()
	}
	if offered := websocket.Subprotocols(r); len(offered) > 0 && !slices.Contains(offered, subprotocol) {
		return nil, errSubprotocol()
	}
	if h.opt.Authorized != nil {
		if err := h.opt.Authorized(r); err != nil {
			return nil, err
		}
	}
	addr := h.opt.ClientAddr(r)
	s := &socket{hub: h, addr: network(addr), from: addr.String(), req: forIdentity(r)}
	s.seen.Store(h.now().UnixNano())
	return s, h.countSocket(s)
}

func errSubprotocol() *refusal {
	return refuse("bad_message", "This server speaks the WebSocket subprotocol "+subprotocol+" only.")
}

// countSocket counts a socket that is to be, and its reader goroutine.
func (h *Hub) countSocket(s *socket) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed:
		return errDraining()
	case h.counted >= h.opt.MaxSessions:
		return errFull()
	case h.perAddr[s.addr] >= h.opt.MaxPerIP:
		return &refusal{code: "rate_limited", message: "Too many connections from your address. Close some.", retry: fullRetry}
	}
	h.counted++
	h.perAddr[s.addr]++
	h.wg.Add(1)
	return nil
}

// openSocket notes a socket whose connection is there; false after Shutdown.
func (h *Hub) openSocket(s *socket) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.sockets[s] = struct{}{}
	}
	return !h.closed
}

// fullRetry is what a client is asked to wait when there is no room for it.
const fullRetry = 10 * time.Second

func errDraining() *refusal {
	return &refusal{code: "draining", message: "The server is restarting. Try again in a moment.", retry: shutdownRetry}
}

func errFull() *refusal {
	return &refusal{code: "server_full", message: "The server is full. Try again later.", retry: fullRetry}
}

func (h *Hub) forgetSocket(s *socket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sockets, s)
	h.counted--
	if h.perAddr[s.addr]--; h.perAddr[s.addr] <= 0 {
		delete(h.perAddr, s.addr)
	}
}

// forIdentity keeps of a request what identity and ICE depend on. The request
// itself would hold on to the buffers of net/http.
func forIdentity(r *http.Request) *http.Request {
	kept := forICE(r)
	for _, name := range []string{"Authorization", "Cookie", "Origin", "Sec-Fetch-Site"} {
		if v := r.Header[name]; v != nil {
			kept.Header[name] = v
		}
	}
	return kept
}

// forICE keeps what a fresh iceServers value depends on: which host was asked.
func forICE(r *http.Request) *http.Request {
	kept := &http.Request{Method: r.Method, URL: &url.URL{Path: r.URL.Path}, Host: r.Host,
		RemoteAddr: r.RemoteAddr, TLS: r.TLS, Header: http.Header{}}
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
		if v := r.Header[name]; v != nil {
			kept.Header[name] = v
		}
	}
	return kept
}

// remoteAddr is the default for Options.ClientAddr.
func remoteAddr(r *http.Request) netip.Addr {
	ap, _ := netip.ParseAddrPort(r.RemoteAddr)
	return ap.Addr()
}

// writeRefusal is the default for Options.Refuse.
func writeRefusal(w http.ResponseWriter, status int, code, message string, retry time.Duration) {
	type body struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		RetryMS int64  `json:"retry_ms,omitempty"`
	}
	if retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((retry+time.Second-1)/time.Second)))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]body{"error": {code, message, wholeMS(retry)}})
}
