//go:build linux

package main

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"github.com/pion/stun/v3"
	"golang.org/x/sys/unix"
)

// turnClient speaks the control part of TURN (RFC 8656) over a socket that
// carries whole messages. Data goes around it. One goroutine may use it.
type turnClient struct {
	rw    io.ReadWriter // a Read is one message
	user  string
	pass  string
	realm string
	nonce string
	buf   []byte
}

const (
	// benchSecret signs the credentials of every contestant.
	benchSecret = "a-secret-for-benchmarks-alone"
	benchRealm  = "parley"
	// attempts is how often a request is sent before the server counts as dead.
	attempts = 10
	// firstChannel is the number that each allocation binds.
	firstChannel = 0x4000
)

// errTaken means that the server still keeps an allocation of an earlier socket
// with the same port, whose end it has not heard.
var errTaken = errors.New("refused: 437, there is an allocation already")

// newTURNClient has a login of its own for each flow, as people have.
func newTURNClient(rw io.ReadWriter, flow int) *turnClient {
	user := fmt.Sprintf("%d:bench%d", time.Now().Add(time.Hour).Unix(), flow)
	mac := hmac.New(sha1.New, []byte(benchSecret))
	mac.Write([]byte(user))
	return &turnClient{rw: rw, user: user, pass: base64.StdEncoding.EncodeToString(mac.Sum(nil)), buf: make([]byte, 2048)}
}

func (c *turnClient) allocate() (relayed netip.AddrPort, err error) {
	m, err := c.request(stun.MethodAllocate, stun.RawAttribute{Type: stun.AttrRequestedTransport, Value: []byte{unix.IPPROTO_UDP, 0, 0, 0}})
	if err != nil {
		return relayed, fmt.Errorf("allocate: %w", err)
	}
	var a stun.XORMappedAddress
	if err := a.GetFromAs(m, stun.AttrXORRelayedAddress); err != nil {
		return relayed, fmt.Errorf("allocate: %w", err)
	}
	ip, ok := netip.AddrFromSlice(a.IP.To4())
	if !ok {
		return relayed, fmt.Errorf("allocate: relayed address %v", a)
	}
	return netip.AddrPortFrom(ip, uint16(a.Port)), nil
}

func (c *turnClient) bind(peer netip.AddrPort) error {
	_, err := c.request(stun.MethodChannelBind, stun.RawAttribute{Type: stun.AttrChannelNumber, Value: binary.BigEndian.AppendUint32(nil, firstChannel<<16)}, peerAttribute(peer))
	if err != nil {
		return fmt.Errorf("bind a channel: %w", err)
	}
	return nil
}

func (c *turnClient) permit(peer netip.AddrPort) error {
	if _, err := c.request(stun.MethodCreatePermission, peerAttribute(peer)); err != nil {
		return fmt.Errorf("create a permission: %w", err)
	}
	return nil
}

// refresh keeps the allocation, but neither its permissions nor its channels.
func (c *turnClient) refresh() error {
	_, err := c.request(stun.MethodRefresh)
	return err
}

// release ends the allocation.
func (c *turnClient) release() error {
	_, err := c.request(stun.MethodRefresh, stun.RawAttribute{Type: stun.AttrLifetime, Value: make([]byte, 4)})
	return err
}

type peerAttribute netip.AddrPort

// AddTo implements stun.Setter.
func (p peerAttribute) AddTo(m *stun.Message) error {
	a := netip.AddrPort(p)
	return stun.XORMappedAddress{IP: net.IP(a.Addr().AsSlice()), Port: int(a.Port())}.AddToAs(m, stun.AttrXORPeerAddress)
}

// request sends until an answer comes, and once more when the server asks for
// credentials or for a new nonce.
func (c *turnClient) request(method stun.Method, attributes ...stun.Setter) (*stun.Message, error) {
	for range 3 {
		setters := append([]stun.Setter{stun.TransactionID, stun.NewType(method, stun.ClassRequest)}, attributes...)
		if c.nonce != "" {
			setters = append(setters, stun.NewUsername(c.user), stun.NewRealm(c.realm), stun.NewNonce(c.nonce),
				stun.NewLongTermIntegrity(c.user, c.realm, c.pass))
		}
		m, err := stun.Build(setters...)
		if err != nil {
			return nil, err
		}
		answer, err := c.transact(m)
		if err != nil {
			return nil, err
		}
		if answer.Type.Class == stun.ClassSuccessResponse {
			return answer, nil
		}
		var code stun.ErrorCodeAttribute
		if err := code.GetFrom(answer); err != nil {
			return nil, err
		}
		if code.Code == stun.CodeAllocMismatch {
			return nil, errTaken
		}
		if code.Code != stun.CodeUnauthorized && code.Code != stun.CodeStaleNonce {
			return nil, fmt.Errorf("refused: %v", code)
		}
		if err := c.challenge(answer); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the credentials are refused")
}

func (c *turnClient) challenge(m *stun.Message) error {
	var realm stun.Realm
	var nonce stun.Nonce
	if err := m.Parse(&realm, &nonce); err != nil {
		return err
	}
	c.realm, c.nonce = realm.String(), nonce.String()
	return nil
}

func (c *turnClient) transact(m *stun.Message) (*stun.Message, error) {
	for range attempts {
		if _, err := c.rw.Write(m.Raw); err != nil {
			return nil, err
		}
		for deadline := time.Now().Add(answerTime); time.Now().Before(deadline); {
			n, err := c.rw.Read(c.buf)
			if errors.Is(err, unix.EAGAIN) || errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return nil, err
			}
			answer := &stun.Message{Raw: c.buf[:n]}
			if stun.IsMessage(answer.Raw) && answer.Decode() == nil && answer.TransactionID == m.TransactionID {
				return answer, nil
			}
		}
	}
	return nil, errors.New("no answer after " + strconv.Itoa(attempts) + " requests")
}

// bareClient sets up a flow of the bare forwarder.
type bareClient struct{ rw io.ReadWriter }

func (c bareClient) ask(text string) (string, error) {
	b := make([]byte, 256)
	for range attempts {
		if _, err := io.WriteString(c.rw, text); err != nil {
			return "", err
		}
		n, err := c.rw.Read(b)
		switch {
		case err == nil && n > 0:
			return string(b[1:n]), nil
		case !errors.Is(err, unix.EAGAIN):
			return "", fmt.Errorf("ask the forwarder: %w", err)
		}
	}
	return "", fmt.Errorf("the forwarder does not answer %q", text)
}

func (c bareClient) allocate() (netip.AddrPort, error) {
	text, err := c.ask(bareOpen)
	if err != nil {
		return netip.AddrPort{}, err
	}
	return netip.ParseAddrPort(text)
}

func (c bareClient) bind(peer netip.AddrPort) error {
	_, err := c.ask(barePeer + peer.String())
	return err
}

func (c bareClient) permit(peer netip.AddrPort) error { return c.bind(peer) }

func (c bareClient) release() error {
	_, err := c.ask(bareClose)
	return err
}
