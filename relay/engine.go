package relay

import (
	"net/netip"
	"slices"

	"parley/relay/dataplane"
)

// newPlane makes the data plane and tells what keeps it from its best.
func (s *Server) newPlane() *dataplane.Plane {
	p := dataplane.New(dataplane.Options{
		Announced: s.o.External,
		Allowed:   s.reaches,
		ByHand:    s.o.Engine == enginePion,
		Failed: func(err error) {
			s.slowLog.warn("Relay sockets cannot be read as they should be; what peers send comes late.", "error", err)
		},
	})
	if cards := p.Cards(); len(cards) > 0 {
		s.o.Log.Info("Packets leave one by one, which costs more: the host would cut what is sent together, and some hosts damage it. "+
			"`ethtool -K CARD tx-udp-segmentation off` before the start has this machine cut it.", "cards", cards)
	}
	return p
}

// reaches judges a peer for the data plane, which remembers the answer. That a
// relay of this server has ended while its peer still sends is not worth a line.
func (s *Server) reaches(peer netip.AddrPort) bool {
	why := s.policy.judgeOutside(peer)
	if why != pass && !(why == ruleOwn && slices.Contains(s.o.External, peer.Addr())) {
		s.slowLog.turnedAway(why, peer)
	}
	return why == pass
}
