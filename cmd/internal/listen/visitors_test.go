package listen_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"parley/cmd/internal/listen"
)

// from opens a connection of 127.0.0.N and says something on it, or nothing; nil
// when it was refused at once.
func from(t *testing.T, local, addr, says string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}, Timeout: patience}
	c, err := d.Dial("tcp", addr)
	if errors.Is(err, syscall.ECONNRESET) { // a refusal may be as quick as that
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	io.WriteString(c, says) // may fail with a reset already
	return c
}

const (
	patience = 10 * time.Second
	request  = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
)

// served reports whether a request on c is answered.
func served(c net.Conn) bool {
	if c == nil {
		return false
	}
	n, _ := c.Read(make([]byte, 100))
	return n > 0
}

// bounded serves HTTP where one address may have three connections, on a port
// that is shared and on one that is not.
func bounded(t *testing.T) (v *listen.Visitors, addr map[string]string) {
	t.Helper()
	v = listen.NewVisitors(listen.VisitorsOptions{Most: 3, Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")}})
	open := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	one, two := open(), open()
	m := listen.NewMux(one, listen.MuxOptions{Visitors: v, Turn: func(c net.Conn) { c.Close() }})
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })}
	go m.Serve()
	go srv.Serve(m.HTTP())
	go srv.Serve(v.Bound(two))
	t.Cleanup(func() { srv.Close(); m.Close(); m.Wait() })
	return v, map[string]string{"shared": one.Addr().String(), "plain": two.Addr().String()}
}

func TestOneAddressCannotTakeThePort(t *testing.T) {
	for _, port := range []string{"shared", "plain"} {
		t.Run(port, func(t *testing.T) {
			v, ports := bounded(t)
			addr := ports[port]
			var held []net.Conn
			for range 3 {
				held = append(held, from(t, "127.0.0.1", addr, request))
				if !served(held[len(held)-1]) {
					t.Fatal("a connection within the bound is not served")
				}
			}
			if served(from(t, "127.0.0.1", addr, request)) {
				t.Error("a fourth connection of one address is served")
			}
			if n := v.Refused(); n != 1 {
				t.Errorf("%d refusals are counted, want 1", n)
			}
			if !served(from(t, "127.0.0.2", addr, request)) {
				t.Error("another address is kept out")
			}
			for range 5 {
				if !served(from(t, "127.0.0.9", addr, request)) {
					t.Error("a proxy is counted as one visitor")
				}
			}
			held[0].Close()
			for end := time.Now().Add(patience); !served(from(t, "127.0.0.1", addr, request)); {
				if time.Now().After(end) {
					t.Fatal("a connection that ended still counts")
				}
			}
		})
	}
}

// Who says nothing makes room for the next of the same address, who may be
// somebody else behind the same router; who is being served does not.
func TestSilentConnectionsMakeRoomForTheirAddress(t *testing.T) {
	_, ports := bounded(t)
	shared := ports["shared"]
	busy := from(t, "127.0.0.1", shared, request)
	if !served(busy) {
		t.Fatal("the first connection is not served")
	}
	other := from(t, "127.0.0.2", shared, "")
	for range 10 {
		from(t, "127.0.0.1", shared, "")
	}
	if !served(from(t, "127.0.0.1", shared, request)) {
		t.Error("silent connections keep out who speaks")
	}
	if io.WriteString(busy, request); !served(busy) {
		t.Error("a connection that was served was ended for a silent one")
	}
	if io.WriteString(other, request); !served(other) {
		t.Error("a silent connection of another address was ended")
	}
}
