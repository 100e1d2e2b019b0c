package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// client is one member of a pair: 2k and 2k+1 talk to each other.
type client interface {
	// send passes payload (JSON) to the partner.
	send(payload []byte) error
	// receive returns the next payload from the partner.
	receive() ([]byte, error)
	close()
}

// patience bounds each step of a client on a loaded machine.
const patience = 60 * time.Second

func dialWS(url string, protocols ...string) (*websocket.Conn, error) {
	d := websocket.Dialer{HandshakeTimeout: patience, Subprotocols: protocols, ReadBufferSize: 1024, WriteBufferSize: 1024}
	c, resp, err := d.Dial(url, nil)
	if err != nil && resp != nil {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	return c, err
}

// parleyClient joins a room of two; the partner is whoever else is in it.
type parleyClient struct {
	c       *websocket.Conn
	room    string
	id      int
	n       atomic.Uint64          // highest event seen, acknowledged with each signal
	partner atomic.Pointer[string] // known once both are in the room
	self    string
}

type parleyFrame struct {
	T    string          `json:"t"`
	N    uint64          `json:"n"`
	Data json.RawMessage `json:"data"`
	Ev   string          `json:"ev"`
	Code string          `json:"code"`
	You  struct {
		Peer string `json:"peer"`
	} `json:"you"`
	Peer struct {
		Peer string `json:"peer"`
	} `json:"peer"`
	Room json.RawMessage `json:"room"`
}

func connectParley(addr string, i int) (client, error) {
	c, err := dialWS("ws://"+addr+"/ws", "parley.v1")
	if err != nil {
		return nil, err
	}
	p := &parleyClient{c: c, room: fmt.Sprintf("pair-%d", i/2)}
	hello := fmt.Sprintf(`{"t":"hello","v":[1],"key":"%032x","name":"n%d"}`, i+1, i)
	if err := c.WriteMessage(websocket.TextMessage, []byte(hello)); err != nil {
		return nil, err
	}
	join := fmt.Sprintf(`{"t":"room.join","id":1,"room":"%s","create":true}`, p.room)
	p.id = 1
	if err := c.WriteMessage(websocket.TextMessage, []byte(join)); err != nil {
		return nil, err
	}
	for {
		f, err := p.read()
		switch {
		case err != nil:
			return nil, err
		case f.T == "error":
			return nil, fmt.Errorf("parley refused: %s", f.Code)
		case f.T == "ok":
			return p, p.findPartner(f.Room)
		}
	}
}

// findPartner takes whoever was in the room already.
func (p *parleyClient) findPartner(room json.RawMessage) error {
	var snapshot struct {
		Peers []struct {
			Peer string `json:"peer"`
		} `json:"peers"`
	}
	if err := json.Unmarshal(room, &snapshot); err != nil {
		return err
	}
	for _, peer := range snapshot.Peers {
		if peer.Peer != p.self {
			p.partner.Store(&peer.Peer)
		}
	}
	return nil
}

func (p *parleyClient) read() (f parleyFrame, err error) {
	_, b, err := p.c.ReadMessage()
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, err
	}
	p.n.Store(max(p.n.Load(), f.N))
	if f.T == "welcome" {
		p.self = f.You.Peer
	}
	return f, nil
}

func (p *parleyClient) send(payload []byte) error {
	partner := p.partner.Load()
	if partner == nil {
		return errors.New("the partner has not come")
	}
	p.id++
	frame := fmt.Sprintf(`{"t":"signal","id":%d,"ack":%d,"room":"%s","to":"%s","data":%s}`, p.id, p.n.Load(), p.room, *partner, payload)
	return p.c.WriteMessage(websocket.TextMessage, []byte(frame))
}

func (p *parleyClient) receive() ([]byte, error) {
	for {
		f, err := p.read()
		switch {
		case err != nil:
			return nil, err
		case f.T == "room.peer" && f.Ev == "join":
			p.partner.Store(&f.Peer.Peer)
			return nil, nil
		case f.T == "signal":
			return f.Data, nil
		case f.T == "error":
			return nil, fmt.Errorf("parley refused: %s", f.Code)
		}
	}
}

func (p *parleyClient) close() { p.c.Close() }

// peerJSClient speaks the PeerJS server's WebSocket protocol.
type peerJSClient struct {
	c       *websocket.Conn
	partner string
}

func connectPeerJS(addr string, i int) (client, error) {
	c, err := dialWS(fmt.Sprintf("ws://%s/peerjs?key=peerjs&id=n%d&token=t%d&version=1.5.4", addr, i, i))
	if err != nil {
		return nil, err
	}
	p := &peerJSClient{c, fmt.Sprintf("n%d", i^1)}
	for {
		_, b, err := c.ReadMessage()
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(b), `"OPEN"`) {
			return p, nil
		}
	}
}

func (p *peerJSClient) send(payload []byte) error {
	return p.c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"type":"CANDIDATE","dst":"%s","payload":%s}`, p.partner, payload))
}

func (p *peerJSClient) receive() ([]byte, error) {
	_, b, err := p.c.ReadMessage()
	if err != nil {
		return nil, err
	}
	var f struct {
		Type    string          `json:"type"`
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(b, &f); err != nil || f.Type != "CANDIDATE" {
		return nil, err
	}
	return f.Payload, nil
}

func (p *peerJSClient) close() { p.c.Close() }

// socketIOClient speaks Engine.IO 4 and Socket.IO 5 over a WebSocket.
type socketIOClient struct {
	c    *websocket.Conn
	room string
}

func connectSocketIO(addr string, i int) (client, error) {
	c, err := dialWS("ws://" + addr + "/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		return nil, err
	}
	s := &socketIOClient{c, fmt.Sprintf("pair-%d", i/2)}
	if err := c.WriteMessage(websocket.TextMessage, []byte("40")); err != nil {
		return nil, err
	}
	for {
		_, b, err := c.ReadMessage()
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(string(b), "40") {
			return s, c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `42["join","%s"]`, s.room))
		}
	}
}

func (s *socketIOClient) send(payload []byte) error {
	return s.c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `42["signal",{"room":"%s","data":%s}]`, s.room, payload))
}

func (s *socketIOClient) receive() ([]byte, error) {
	_, b, err := s.c.ReadMessage()
	switch {
	case err != nil:
		return nil, err
	case string(b) == "2":
		return nil, s.c.WriteMessage(websocket.TextMessage, []byte("3"))
	}
	rest, ok := strings.CutPrefix(string(b), `42["signal",`)
	if !ok {
		return nil, nil
	}
	var f struct {
		Data json.RawMessage `json:"data"`
	}
	err = json.Unmarshal([]byte(strings.TrimSuffix(rest, "]")), &f)
	return f.Data, err
}

func (s *socketIOClient) close() { s.c.Close() }

// forwardClient talks to the bare forwarder: one line says which pair, then
// each frame is 2 bytes of length and the payload.
type forwardClient struct{ c net.Conn }

func connectForward(addr string, i int) (client, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &forwardClient{c}, writeFrame(c, fmt.Appendf(nil, "%d", i))
}

func (f *forwardClient) send(payload []byte) error { return writeFrame(f.c, payload) }

func (f *forwardClient) receive() ([]byte, error) {
	b := make([]byte, maxFrame)
	n, err := readFrame(f.c, b)
	return b[:n], err
}

func (f *forwardClient) close() { f.c.Close() }
