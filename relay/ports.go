package relay

import "math/rand/v2"

// portPool hands out relay ports at random, and every one of them before it
// says that there is none. It has no lock of its own.
type portPool struct {
	min   uint16
	free  []uint16
	index []int32 // port-min -> position in free, -1 = taken
}

func newPortPool(low, high uint16) *portPool {
	n := int(high) - int(low) + 1
	p := &portPool{min: low, free: make([]uint16, n), index: make([]int32, n)}
	for i := range n {
		p.free[i] = low + uint16(i)
		p.index[i] = int32(i)
	}
	return p
}

func (p *portPool) isFree(port uint16) bool {
	i := int(port) - int(p.min)
	return i >= 0 && i < len(p.index) && p.index[i] >= 0
}

func (p *portPool) take(port uint16) {
	i := p.index[port-p.min]
	last := p.free[len(p.free)-1]
	p.free[i] = last
	p.index[last-p.min] = i
	p.free = p.free[:len(p.free)-1]
	p.index[port-p.min] = -1
}

func (p *portPool) put(port uint16) {
	if p.isFree(port) {
		return
	}
	p.index[port-p.min] = int32(len(p.free))
	p.free = append(p.free, port)
}

// any takes a random port; only an even one if even is set, and only one whose
// successor is free too, which is taken as well, if pair is set.
func (p *portPool) any(even, pair bool) (uint16, bool) {
	if len(p.free) == 0 {
		return 0, false
	}
	start := rand.IntN(len(p.free))
	for i := range p.free {
		port := p.free[(start+i)%len(p.free)]
		if even && port&1 == 1 || pair && (port == 65535 || !p.isFree(port+1)) {
			continue
		}
		p.take(port)
		if pair {
			p.take(port + 1)
		}
		return port, true
	}
	return 0, false
}
