package relay

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// debianPython is the interpreter that Debian's modules belong to; another one
// may come first in PATH.
const debianPython = "/usr/bin/python3"

// python runs a script of testdata/interop, if the modules that it needs are there.
func python(t *testing.T, script, needs, debian string, args ...string) (string, int) {
	t.Helper()
	if testing.Short() {
		t.Skip("a whole ICE session takes seconds")
	}
	if err := exec.Command(debianPython, "-c", needs).Run(); err != nil {
		absent(t, debianPython+" with what "+script+" imports", debian)
	}
	return run(t, debianPython, append([]string{"testdata/interop/" + script}, args...)...)
}

// TestAioice: two agents that may use relays alone agree on a path and talk,
// over every transport and with the default policy.
func TestAioice(t *testing.T) {
	s := start(t, nil)
	secure := s.serveTLS()
	u := s.user("ann")
	const count = 30
	out, exit := python(t, "ice_pair.py", "import aioice", "python3-aioice",
		u.name, u.password, "127.0.0.1", strconv.Itoa(int(s.addr.Port())), strconv.Itoa(int(secure.Port())), strconv.Itoa(count))
	if exit != 0 {
		t.Errorf("exit %d:\n%s", exit, out)
	}
	for _, pair := range []string{"udp udp", "tcp tcp", "tls tls", "udp tls", "tcp udp"} {
		if want := fmt.Sprintf("%s %d %d\n", pair, 2*count, 2*count); !strings.Contains(out, want) {
			t.Errorf("%s: want %q in\n%s", pair, want, out)
		}
	}
	st := s.Snapshot()
	for transport, n := range map[string]uint64{"udp": 4, "tcp": 3, "tls": 3} {
		// Over UDP aioice asks again after 50 ms, and requests are counted.
		if got := st.AllocationResults[transport]["ok"]; got < n || got > n && transport != "udp" {
			t.Errorf("%d allocations over %s, want %d", got, transport, n)
		}
	}
	if st.PacketsUp < 10*count || st.PacketsDown < 10*count || st.Dropped["send_failed"]+st.Dropped["malformed"] > 0 {
		t.Errorf("%d packets up, %d down, drops %v", st.PacketsUp, st.PacketsDown, st.Dropped)
	}
	eventually(t, "the clients have ended their allocations", func() bool { return len(s.Allocations()) == 0 })
}

// TestLibnice: a data channel between two webrtcbins of GStreamer that may use
// relays alone, over UDP and TCP (libnice has no TLS of its own).
func TestLibnice(t *testing.T) {
	host := outward(t)
	s := start(t, nil)
	udp, err := net.ListenUDP("udp4", &net.UDPAddr{IP: host.AsSlice()})
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 2)
	go func() { served <- s.ServeUDP(udp) }()
	go func() { served <- s.ServeTCP(tcp) }()
	u := s.user("ann")
	urlOf := func(transport string) string {
		return fmt.Sprintf("turn://%s:%s@%s?transport=%s", url.QueryEscape(u.name), url.QueryEscape(u.password), tcp.Addr(), transport)
	}
	const count = 20
	for i, pair := range [][2]string{{"udp", "udp"}, {"tcp", "udp"}} {
		out, exit := python(t, "webrtc_pair.py", "import gi; gi.require_version('GstWebRTC', '1.0')",
			"gstreamer1.0-nice gstreamer1.0-plugins-bad gstreamer1.0-plugins-good gir1.2-gst-plugins-bad-1.0 python3-gi",
			urlOf(pair[0]), urlOf(pair[1]), strconv.Itoa(count))
		if want := fmt.Sprintf("relay %d %d\n", 2*count, 2*count); exit != 0 || !strings.HasSuffix(out, want) {
			t.Errorf("%v: exit %d, want %q at the end of\n%s", pair, exit, want, out)
		}
		st := s.Snapshot()
		if st.AllocationResults[pair[0]]["ok"] == 0 || st.PacketsUp < uint64(2*count*(i+1)) || st.PacketsDown < uint64(2*count*(i+1)) {
			t.Errorf("%v: allocations %v, %d packets up, %d down", pair, st.AllocationResults, st.PacketsUp, st.PacketsDown)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(<-served, <-served); err != nil {
		t.Error(err)
	}
}

// outward is an address of this machine that is not loopback: libnice leaves
// loopback interfaces out and binds to the others.
func outward(t *testing.T) netip.Addr {
	t.Helper()
	own, err := interfaceAddresses()
	if err != nil {
		t.Fatal(err)
	}
	for a := range own {
		if a.Is4() && !a.IsLoopback() {
			return a
		}
	}
	t.Skip("this machine has no address but loopback, where libnice does not look")
	return netip.Addr{}
}
