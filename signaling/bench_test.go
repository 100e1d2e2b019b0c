package signaling_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"github.com/gorilla/websocket"

	"parley/signaling"
)

// dialBench opens a session for a benchmark.
func dialBench(b *testing.B, url, name string) *websocket.Conn {
	b.Helper()
	d := websocket.Dialer{ReadBufferSize: 512, WriteBufferSize: 512}
	conn, _, err := d.Dial(url, http.Header{})
	if err != nil {
		b.Fatal(err)
	}
	conn.WriteJSON(obj{"t": "hello", "v": []int{1}, "key": newKey(), "token": "guest:" + name})
	readBench(b, conn)
	return conn
}

func readBench(b *testing.B, conn *websocket.Conn) (f struct{ You struct{ Peer string } }) {
	b.Helper()
	if err := conn.ReadJSON(&f); err != nil {
		b.Fatal(err)
	}
	return f
}

func startBench(b *testing.B) string {
	b.Helper()
	opt := options()
	opt.MaxPerIP = 1 << 20
	hub, err := signaling.New(opt)
	if err != nil {
		b.Fatal(err)
	}
	srv := httptest.NewServer(hub)
	b.Cleanup(func() {
		hub.Shutdown(context.Background())
		srv.Close()
	})
	return "ws" + srv.URL[4:] + "/ws"
}

// BenchmarkIdle tells what an idle session in a room costs, the client's end
// of its connection (about 2 KB) included. One iteration is one connection.
func BenchmarkIdle(b *testing.B) {
	url := startBench(b)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	conns := make([]net.Conn, 0, b.N)
	for i := range b.N {
		conn := dialBench(b, url, fmt.Sprint("g", i))
		conn.WriteJSON(obj{"t": "room.join", "id": 1, "room": fmt.Sprint("r", i/2), "create": true})
		readBench(b, conn)
		conn.WriteJSON(obj{"t": "ping", "ack": 1})
		conns = append(conns, conn.NetConn())
	}
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&after)
	used := func(m runtime.MemStats) float64 { return float64(m.HeapInuse + m.StackInuse) }
	b.ReportMetric((used(after)-used(before))/float64(b.N), "B/conn")
	runtime.KeepAlive(conns)
}
