package relay

import (
	"fmt"
	"net/netip"
	"testing"

	"parley/relay/dataplane"
)

// inbox is a client's link that keeps the last answer.
type inbox struct{ last []byte }

func (i *inbox) Send(frame []byte, _ dataplane.Client) { i.last = append(i.last[:0], frame...) }
func (i *inbox) Queue([]byte, []byte) bool             { return false }
func (i *inbox) Flush()                                {}
func (i *inbox) Transport() string                     { return "udp" }

// BenchmarkAllocate makes allocations as new clients do: a request without
// credentials, and one with them. What the network costs is not in it.
func BenchmarkAllocate(b *testing.B) {
	o := testOptions()
	o.Reloadable = Reloadable{UnauthenticatedRate: 1e6, MaxAllocations: 1e6, MaxPerAddress: 1e6, MaxPerLogin: 1e6}
	o.PortMin, o.PortMax = 10000, 60000
	s, err := New(o)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	link := &inbox{}
	rd := &reader{control: s.serveRequest}
	transport := func(w *builder) { w.add(attrRequestedTransport, []byte{protoUDP, 0, 0, 0}) }
	b.ReportAllocs()
	for i := range b.N {
		b.StopTimer()
		if i%5000 == 4999 {
			for _, a := range s.Allocations() {
				s.End(a.ID)
			}
		}
		name, pass, _ := s.Credentials(fmt.Sprint("login", i))
		key := longTermKey(name, o.Realm, pass)
		c := dataplane.Client{Link: link, Addr: netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, 7}), uint16(1+i%60000))}
		first := newRequest(methodAllocate)
		transport(first)
		b.StartTimer()
		s.receive(rd, c, first.b)
		b.StopTimer()
		m, err := parse(link.last, nil)
		if err != nil {
			b.Fatal(err)
		}
		nonce, _ := m.get(attrNonce)
		second := newRequest(methodAllocate)
		transport(second)
		second.add(attrUsername, []byte(name)).add(attrRealm, []byte(o.Realm)).add(attrNonce, nonce).sign(key)
		b.StartTimer()
		s.receive(rd, c, second.b)
		b.StopTimer()
		if m, err := parse(link.last, nil); err != nil || m.class != classSuccess {
			b.Fatalf("refused: %x", link.last)
		}
		b.StartTimer()
	}
}
