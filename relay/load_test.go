package relay

import (
	"bytes"
	"encoding/binary"
	"sync"
	"testing"
	"time"

	"parley/relay/dataplane"
)

// flood has a client send ChannelData until stop is closed.
func flood(p *prober, number uint16, stop <-chan struct{}) *sync.WaitGroup {
	frame := append([]byte{byte(number >> 8), byte(number), 0, 100}, make([]byte, 100)...)
	var sender sync.WaitGroup
	sender.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := p.conn.Write(frame); err != nil {
					return // the server has closed the connection
				}
			}
		}
	})
	return &sender
}

// TestEndsAtFullRate: once a login has been ended, or a channel has, not one
// more packet passes, however many are on their way.
func TestEndsAtFullRate(t *testing.T) {
	for _, network := range []string{"udp", "tcp"} {
		for what, end := range map[string]func(*testServer, *dataplane.Relay){
			"login":   func(s *testServer, _ *dataplane.Relay) { s.EndLogin("ann") },
			"channel": func(_ *testServer, r *dataplane.Relay) { r.Unbind(0x4000) },
		} {
			t.Run(network+"/"+what, func(t *testing.T) {
				s := start(t, allowOwn)
				p := s.probe(network, s.user("ann"))
				p.allocate()
				p.want(0, methodChannelBind, bindAttrs(0x4000, addrPortOf(plainPeer(t).LocalAddr())))
				s.ctl.Lock()
				var r *dataplane.Relay
				for _, a := range s.allocs {
					r = a.relay
				}
				s.ctl.Unlock()
				stop := make(chan struct{})
				sender := flood(p, 0x4000, stop)
				eventually(t, "packets pass", func() bool { return r.Packets(dataplane.Up) > 1000 })
				end(s, r)
				passed := r.Packets(dataplane.Up)
				dropped := s.Snapshot().Dropped
				eventually(t, "packets are dropped", func() bool {
					d := s.Snapshot().Dropped
					return network == "tcp" && what == "login" || d["no_allocation"]+d["no_channel"] > dropped["no_allocation"]+dropped["no_channel"]+100
				})
				if now := r.Packets(dataplane.Up); now != passed {
					t.Errorf("%d packets passed after the end", now-passed)
				}
				close(stop)
				_ = p.conn.SetWriteDeadline(time.Now()) // of a stream that the server does not read
				sender.Wait()
			})
		}
	}
}

// TestChannelExpires: a channel ends with its time, and what the client then
// gets from the peer comes by the permission, which lives on.
func TestChannelExpires(t *testing.T) {
	engines(t, func(t *testing.T, engine string) {
		s := start(t, func(o *Options) { o.AllowOwn, o.Engine, o.channelLife = true, engine, time.Second })
		peer := plainPeer(t)
		at := addrPortOf(peer.LocalAddr())
		p := s.probe("udp", s.user("ann"))
		relay := p.allocate()
		p.want(0, methodChannelBind, bindAttrs(0x4000, at))
		eventually(t, "the channel ends", func() bool {
			s.ctl.Lock()
			defer s.ctl.Unlock()
			for _, a := range s.allocs {
				_, bound := a.relay.Channel(0x4000)
				return !bound
			}
			return false
		})
		before := s.Snapshot().PacketsUp
		p.channelData(0x4000, []byte("late"))
		if p.ask(newRequest(methodBinding).b, patience) == nil { // behind it
			t.Fatal("no answer")
		}
		if n := s.Snapshot().PacketsUp; n != before {
			t.Error("a packet passed through a channel that had ended")
		}
		if _, err := peer.WriteToUDPAddrPort([]byte("hello"), relay); err != nil {
			t.Fatal(err)
		}
		p.wantData(at, "hello")
	})
}

// TestOrderAndLossAmongChurn: while allocations come and go around it, a flow
// loses nothing, keeps its order, and is counted alike on both sides.
func TestOrderAndLossAmongChurn(t *testing.T) {
	s := start(t, func(o *Options) { o.AllowOwn, o.MaxPerLogin = true, 1000 })
	stop := make(chan struct{})
	clients := storm(s, stop, "ben", "cid", "dan", "eve")
	defer clients.Wait()
	defer close(stop)
	peer := echoPeer(t)
	p := s.probe("udp", s.user("ann"))
	p.allocate()
	p.want(0, methodChannelBind, bindAttrs(0x4000, peer))
	const rounds, window = 200, 16
	total := 0
	for n := range rounds {
		for i := range window {
			payload := bytes.Repeat([]byte{byte(i)}, 100+10*(i/4)) // neighbours of one length, and others
			binary.BigEndian.PutUint32(payload, uint32(n*window+i))
			total += len(payload)
			p.channelData(0x4000, payload)
		}
		for i := range window {
			b := p.read(patience)
			if len(b) < 8 || binary.BigEndian.Uint32(b[4:]) != uint32(n*window+i) || b[8] != byte(i) {
				t.Fatalf("%x instead of number %d", b, n*window+i)
			}
		}
	}
	for _, a := range s.Allocations() {
		if a.Login == "ann" && (a.BytesUp != uint64(total) || a.BytesDown != uint64(total)) {
			t.Errorf("%d bytes up and %d down of %d", a.BytesUp, a.BytesDown, total)
		}
	}
}
