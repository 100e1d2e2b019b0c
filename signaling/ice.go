package signaling

import (
	"encoding/json"
	"time"
)

// noICE is what a hub without an ICE function hands out.
const noICE = `{"iceServers":[]}`

// iceFields is an ice event, and the answer to ice.get.
type iceFields struct {
	ICE json.RawMessage `json:"ice"`
}

// getICE handles ice.get.
func (h *Hub) getICE(p *peer, m *message) error {
	p.answer(m, iceFields{h.ice(m.sock, p.identity())})
	return nil
}

// ice asks for the ICE servers of who is at the socket. It is called with no
// lock held but turn.
func (h *Hub) ice(s *socket, who Identity) json.RawMessage {
	if h.opt.ICE != nil {
		if raw := h.opt.ICE(s.req, who); len(raw) > 0 {
			return raw
		}
	}
	return json.RawMessage(noICE)
}

// pushICE sends fresh ICE servers.
func (h *Hub) pushICE(p *peer, s *socket) {
	p.push("ice", fields(iceFields{h.ice(s, p.identity())}))
}

// halfLife is when fresh credentials are due after the last; 0 for never.
func (h *Hub) halfLife() time.Duration {
	if h.opt.ICELife == nil {
		return 0
	}
	return h.opt.ICELife() / 2
}
