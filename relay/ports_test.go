package relay

import (
	"slices"
	"testing"
)

// TestPortPool: every port is handed out once, pairs begin even, and a port that
// comes back twice is one port.
func TestPortPool(t *testing.T) {
	p := newPortPool(65530, 65535)
	a, ok := p.any(true, true)
	if !ok || a&1 != 0 || p.isFree(a) || p.isFree(a+1) {
		t.Fatalf("pair at %d %v", a, ok)
	}
	p.put(a)
	p.put(a)
	p.put(a + 1)
	if len(p.free) != 6 {
		t.Fatalf("%d free after a port came back twice", len(p.free))
	}
	var got []uint16
	for {
		port, ok := p.any(false, false)
		if !ok {
			break
		}
		got = append(got, port)
	}
	slices.Sort(got)
	if !slices.Equal(got, []uint16{65530, 65531, 65532, 65533, 65534, 65535}) {
		t.Errorf("handed out %v", got)
	}
}
