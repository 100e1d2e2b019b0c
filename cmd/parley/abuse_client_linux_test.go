package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/pion/stun/v3"
)

// abuseSecret is what the servers under attack sign credentials with.
const abuseSecret = "north"

// attrPeer and so on: what pion/stun leaves to others.
const (
	attrChannel   = stun.AttrType(0x000C)
	attrLifetime  = stun.AttrType(0x000D)
	attrPeer      = stun.AttrType(0x0012)
	attrData      = stun.AttrType(0x0013)
	attrRelayed   = stun.AttrType(0x0016)
	attrTransport = stun.AttrType(0x0019)
)

// caller is a TURN client that sends what it is told to, however wrong. It
// returns errors instead of failing: a server may be meant to die.
type caller struct {
	conn               net.Conn
	stream             bool
	name, pass         string
	realm, nonce       string
	unread             []byte // of a stream
	relayed            netip.AddrPort
	retransmit, giveUp time.Duration
}

// call connects from an address of 127.0.0.0/8; network is udp, tcp or tls.
func (v *victim) call(network, from, login string) (*caller, error) {
	d := net.Dialer{Timeout: patience}
	c := &caller{stream: network != "udp", retransmit: 500 * time.Millisecond, giveUp: patience}
	c.name = fmt.Sprintf("%d:%s", time.Now().Add(time.Hour).Unix(), login)
	mac := hmac.New(sha1.New, []byte(abuseSecret))
	mac.Write([]byte(c.name))
	c.pass = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	var err error
	switch network {
	case "udp":
		d.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
		c.conn, err = d.Dial("udp", v.relay)
	case "tcp":
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
		c.conn, err = d.Dial("tcp", v.relay)
	default:
		c.conn, err = tls.DialWithDialer(&d, "tcp", v.web, &tls.Config{InsecureSkipVerify: true})
	}
	if err == nil {
		v.t.Cleanup(func() { c.conn.Close() })
	}
	return c, err
}

// allocated is a caller who has a relay.
func (v *victim) allocated(network, from, login string) (*caller, error) {
	c, err := v.call(network, from, login)
	if err != nil {
		return nil, err
	}
	return c, c.allocate()
}

type attr struct {
	t stun.AttrType
	v []byte
}

// AddTo implements stun.Setter.
func (a attr) AddTo(m *stun.Message) error { m.Add(a.t, a.v); return nil }

// peerAt is XOR-PEER-ADDRESS.
type peerAt netip.AddrPort

// AddTo implements stun.Setter.
func (p peerAt) AddTo(m *stun.Message) error {
	a := netip.AddrPort(p)
	return stun.XORMappedAddress{IP: a.Addr().AsSlice(), Port: int(a.Port())}.AddToAs(m, attrPeer)
}

func overUDP() attr { return attr{attrTransport, []byte{17, 0, 0, 0}} }

func lifetime(seconds uint32) attr {
	return attr{attrLifetime, binary.BigEndian.AppendUint32(nil, seconds)}
}

// request builds a signed request.
func (c *caller) request(method stun.Method, attrs ...stun.Setter) []byte {
	set := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attrs...)
	if c.realm != "" {
		set = append(set, stun.NewUsername(c.name), stun.NewRealm(c.realm), stun.NewNonce(c.nonce),
			stun.NewLongTermIntegrity(c.name, c.realm, c.pass))
	}
	return stun.MustBuild(set...).Raw
}

func (c *caller) send(b []byte) error {
	_, err := c.conn.Write(b)
	return err
}

// ask sends a request until its answer comes.
func (c *caller) ask(raw []byte) (*stun.Message, error) {
	end := time.Now().Add(c.giveUp)
	for time.Now().Before(end) {
		if err := c.send(raw); err != nil {
			return nil, err
		}
		next := end
		if !c.stream {
			next = time.Now().Add(c.retransmit)
		}
		for {
			b, err := c.read(next)
			if errors.Is(err, errLate) {
				break
			}
			if err != nil {
				return nil, err
			}
			m := &stun.Message{Raw: b}
			if bytes.Equal(b[8:20], raw[8:20]) && m.Decode() == nil {
				return m, nil
			}
		}
	}
	return nil, errors.New("no answer")
}

var errLate = errors.New("nothing came in time")

// read returns the next datagram or frame of at least a STUN header's length.
func (c *caller) read(by time.Time) ([]byte, error) {
	c.conn.SetReadDeadline(by)
	for {
		b, err := c.readOne()
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return nil, errLate
		}
		if err != nil || len(b) >= 20 {
			return b, err
		}
	}
}

func (c *caller) readOne() ([]byte, error) {
	if !c.stream {
		b := make([]byte, 2048)
		n, err := c.conn.Read(b)
		return b[:n], err
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(c.conn, head); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(head[2:]))
	if head[0] < 0x40 {
		n += 16
	}
	b := append(head, make([]byte, (n+3)&^3)...)
	_, err := io.ReadFull(c.conn, b[4:])
	return b, err
}

// do sends a signed request, with a fresh nonce if need be, and returns the
// error code, 0 for success.
func (c *caller) do(method stun.Method, attrs ...stun.Setter) (int, *stun.Message, error) {
	for range 3 {
		m, err := c.ask(c.request(method, attrs...))
		if err != nil {
			return -1, nil, err
		}
		var code stun.ErrorCodeAttribute
		if m.Type.Class == stun.ClassSuccessResponse {
			return 0, m, nil
		}
		if err := code.GetFrom(m); err != nil {
			return -1, m, nil
		}
		var realm stun.Realm
		var nonce stun.Nonce
		again := code.Code == 401 && c.realm == "" || code.Code == 438
		if !again || realm.GetFrom(m) != nil || nonce.GetFrom(m) != nil {
			return int(code.Code), m, nil
		}
		c.realm, c.nonce = realm.String(), nonce.String()
	}
	return -1, nil, errors.New("refused for its nonce again and again")
}

// allocate makes an allocation.
func (c *caller) allocate() error {
	code, m, err := c.do(stun.MethodAllocate, overUDP())
	if err != nil || code != 0 {
		return fmt.Errorf("Allocate: code %d: %w", code, errOr(err))
	}
	var a stun.XORMappedAddress
	if err := a.GetFromAs(m, attrRelayed); err != nil {
		return err
	}
	ip, _ := netip.AddrFromSlice(a.IP)
	c.relayed = netip.AddrPortFrom(ip.Unmap(), uint16(a.Port))
	return nil
}

func errOr(err error) error {
	if err == nil {
		return errors.New("refused")
	}
	return err
}

// expect does a request whose code must be one.
func (c *caller) expect(want int, method stun.Method, attrs ...stun.Setter) error {
	code, _, err := c.do(method, attrs...)
	if err != nil || code != want {
		return fmt.Errorf("%v: code %d (%v), want %d", method, code, err, want)
	}
	return nil
}
