package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/stun/v3"
)

// floods are the attacks by number. Each runs alone.
func floods() []*abuse {
	return []*abuse{
		{id: "R2", name: "1,000 empty Allocates of one address", run: reflection},
		{id: "R5", name: "20,000 nonces of 1,400 bytes", run: longNonces},
		{id: "R6", name: "50,000 requests with a bad name", run: badNames},
		{id: "R7", name: "30,000 Bindings a second beside a call", run: bindingFlood},
		{id: "R8", name: "1,000,000 source addresses", run: sources},
		{id: "S10", name: "100,000 datagrams of a stranger to a relay", run: strangers},
		{id: "K12", name: "five times the bandwidth that a login has", run: bandwidth,
			env: []string{loopbackPeers, "PARLEY_RELAY_MAX_BANDWIDTH_PER_USER=500000"}},
	}
}

// paced calls f n times, perSecond at most.
func paced(n, perSecond int, f func(i int)) time.Duration {
	began := time.Now()
	for i := range n {
		if due := time.Duration(i) * time.Second / time.Duration(perSecond); i%50 == 0 && due > time.Since(began) {
			time.Sleep(due - time.Since(began))
		}
		f(i)
	}
	return time.Since(began)
}

// arrived checks by the server's own count that an attack has reached it: the
// system may lose datagrams on the way.
func (v *victim) arrived(metric string, before float64, least int) error {
	if v.plain {
		return nil
	}
	var n float64
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if n = v.metric(metric) - before; n >= float64(least) {
			return nil
		}
	}
	return fmt.Errorf("no test: %s counts %.0f of %d", metric, n, least)
}

func reflection(v *victim) (string, error) {
	bystander, err := v.call("udp", "127.0.0.3", "ann")
	if err != nil {
		return "", err
	}
	if err := bystander.allocate(); err != nil {
		return "", err
	}
	bystander.retransmit = patience // whatever is lost is noticed
	victim, err := v.call("udp", "127.0.0.2", "mallory")
	if err != nil {
		return "", err
	}
	answers := make(chan int)
	began := time.Now()
	go func() {
		n := 0
		for _, err := victim.read(began.Add(2 * time.Second)); err == nil; n++ {
			_, err = victim.read(began.Add(2 * time.Second))
		}
		answers <- n
	}()
	var refused error
	paced(1000, 1000, func(i int) {
		victim.send(stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest)).Raw)
		if i%50 == 0 && refused == nil {
			refused = bystander.expect(0, stun.MethodRefresh)
		}
	})
	took := time.Since(began)
	n := <-answers
	figure := fmt.Sprintf("%d answers in %v", n, took.Round(100*time.Millisecond))
	if most := 40 + 20*took.Seconds() + 1; float64(n) > most {
		return figure, fmt.Errorf("more than %.0f answers", most)
	}
	return figure, refused
}

// longNonces compares with requests of the same length that have no nonce.
func longNonces(v *victim) (string, error) {
	const n = 20000
	c, err := v.call("udp", "127.0.0.1", "x")
	if err != nil {
		return "", err
	}
	cost := func(typ stun.AttrType) time.Duration {
		before := v.usage().cpu
		m := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest), stun.NewUsername(c.name),
			stun.NewRealm("parley"), attr{typ, []byte(strings.Repeat("z", 1400))}, overUDP(),
			stun.NewLongTermIntegrity("a", "b", "c")).Raw
		paced(n, 20000, func(int) { c.send(m) })
		time.Sleep(200 * time.Millisecond)
		return (v.usage().cpu - before) / n
	}
	plain, long := cost(stun.AttrSoftware), cost(stun.AttrNonce)
	figure := fmt.Sprintf("%v each, without a nonce %v", long, plain)
	if long > 3*plain+10*time.Microsecond {
		return figure, errors.New("a long nonce costs more than the packet")
	}
	return figure, nil
}

func badNames(v *victim) (string, error) {
	c, err := v.call("udp", "127.0.0.1", "x")
	if err != nil {
		return "", err
	}
	if err := c.allocate(); err != nil { // for a nonce
		return "", err
	}
	before, failures := v.usage(), v.metric("parley_turn_auth_failures_total")
	names := []string{"nonsense", "", ":", "99999999999999999999:x", "1:\n\x1b[31mforged=true", c.name + "x"}
	var raw [][]byte
	for _, name := range names {
		c.name = name
		raw = append(raw, c.request(stun.MethodAllocate, overUDP()))
	}
	const n = 50000
	took := paced(n, 20000, func(i int) { c.send(raw[i%len(raw)]) })
	if err := v.arrived("parley_turn_auth_failures_total", failures, n/2); err != nil {
		return "", err
	}
	now := v.usage()
	figure := fmt.Sprintf("%d log lines in %v, %v of CPU", now.logLines-before.logLines, took.Round(100*time.Millisecond), now.cpu-before.cpu)
	if now.logLines-before.logLines > 100 {
		return figure, errors.New("the log can be flooded")
	}
	if strings.Contains(v.log.String(), "\x1b[31m") {
		return figure, errors.New("a name reaches the log unescaped")
	}
	return figure, nil
}

func bindingFlood(v *victim) (string, error) {
	call, err := v.call("udp", "127.0.0.9", "ann")
	if err != nil {
		return "", err
	}
	if err := call.allocate(); err != nil {
		return "", err
	}
	var from []*caller
	for i := range 16 {
		c, err := v.call("udp", fmt.Sprintf("127.0.2.%d", 1+i), "x")
		if err != nil {
			return "", err
		}
		from = append(from, c)
	}
	binding := stun.MustBuild(stun.TransactionID, stun.BindingRequest).Raw
	asked := v.metric("parley_stun_requests_total")
	var flood sync.WaitGroup
	var over atomic.Bool
	flood.Go(func() {
		paced(90000, 30000, func(i int) { from[i%len(from)].send(binding) })
		over.Store(true)
	})
	var slowest time.Duration
	refreshes := 0
	for ; !over.Load(); refreshes++ {
		began := time.Now()
		if err := call.expect(0, stun.MethodRefresh); err != nil {
			return "", err
		}
		slowest = max(slowest, time.Since(began))
		time.Sleep(20 * time.Millisecond)
	}
	flood.Wait()
	figure := fmt.Sprintf("slowest of %d Refreshes %v", refreshes, slowest.Round(100*time.Microsecond))
	if slowest > time.Second {
		return figure, errors.New("a call waits for a flood")
	}
	return figure, v.arrived("parley_stun_requests_total", asked, 50000)
}

// sources sends from a million addresses of 127.0.0.0/8, by telling the system
// for each datagram which of them to use.
func sources(v *victim) (string, error) {
	const n = 1000000
	c, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return "", err
	}
	defer c.Close()
	to := netip.MustParseAddrPort(v.relay)
	raw := stun.MustBuild(stun.TransactionID, stun.NewType(stun.MethodAllocate, stun.ClassRequest)).Raw
	oob := sourceAddress()
	var sent error
	from := func(i int) {
		copy(oob[20:24], []byte{127, byte(1 + i>>16), byte(i >> 8), byte(i)}) // spec_dst
		if _, _, err := c.WriteMsgUDPAddrPort(raw, oob, to); err != nil {
			sent = err
		}
	}
	paced(n/10, 100000, from) // what any busy server needs is there
	before, failures := v.usage(), v.metric("parley_turn_auth_failures_total")
	paced(n, 100000, from)
	if sent != nil {
		return "", sent
	}
	if err := v.arrived("parley_turn_auth_failures_total", failures, n/2); err != nil {
		return "", err
	}
	now := v.usage()
	figure := before.grew(now)
	if now.rss-before.rss > 16<<10 {
		return figure, errors.New("memory grows with strangers")
	}
	return figure, nil
}

// sourceAddress is an IP_PKTINFO control message: its length, level and type,
// interface index, source address at 20, destination.
func sourceAddress() []byte {
	b := make([]byte, 32)
	binary.NativeEndian.PutUint64(b, 28)
	binary.NativeEndian.PutUint32(b[12:], 8) // IP_PKTINFO
	return b
}

func strangers(v *victim) (string, error) {
	c, err := v.allocated("udp", "127.0.0.1", "ann")
	if err != nil {
		return "", err
	}
	stranger, err := listenOn("127.0.0.5")
	if err != nil {
		return "", err
	}
	defer stranger.Close()
	before, dropped := v.usage(), v.metric("parley_turn_dropped_packets_total")
	const n = 100000
	paced(n, 50000, func(int) { stranger.WriteToUDPAddrPort([]byte("knock"), c.relayed) })
	if err := v.arrived("parley_turn_dropped_packets_total", dropped, n/2); err != nil {
		return "", err
	}
	time.Sleep(200 * time.Millisecond) // what is logged has been read
	now := v.usage()
	figure := before.grew(now)
	if now.logLines-before.logLines >= 10 {
		return figure, errors.New("the log grows with packets")
	}
	return figure, c.expect(0, stun.MethodRefresh)
}

func bandwidth(v *victim) (string, error) {
	c, err := v.allocated("udp", "127.0.0.1", "ann")
	if err != nil {
		return "", err
	}
	peer, err := listenOn("127.0.0.1")
	if err != nil {
		return "", err
	}
	defer peer.Close()
	peer.SetReadBuffer(8 << 20)
	if err := c.expect(0, stun.MethodChannelBind, attr{attrChannel, []byte{0x40, 0, 0, 0}}, peerAt(local(peer))); err != nil {
		return "", err
	}
	got := make(chan int)
	go func() {
		n := 0
		for b := make([]byte, 2000); ; {
			k, err := peer.Read(b)
			if err != nil {
				got <- n
				return
			}
			n += k
		}
	}()
	frame := append([]byte{0x40, 0, 3, 232}, make([]byte, 1000)...)
	took := paced(7500, 2500, func(int) { c.send(frame) })
	peer.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	n := <-got
	figure := fmt.Sprintf("%d of %d bytes in %v", n, 7500*1000, took.Round(100*time.Millisecond))
	// A tenth of a second's worth may pass at once.
	if most := 1.1*500000*took.Seconds() + 50000; float64(n) > most || n < 500000 {
		return figure, fmt.Errorf("want at most %.0f, and something", most)
	}
	return figure, nil
}
