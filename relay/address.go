package relay

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
)

// AddressOptions say how External finds the addresses to announce.
type AddressOptions struct {
	Log          *slog.Logger // nil discards
	External     []string     // relay.external_ip: addresses, or "auto" alone; empty means auto
	Listen       netip.Addr   // where relay.listen is bound; invalid or unspecified means every address
	Discover     []string     // STUN servers as host:port, asked in this order
	AllowPrivate bool         // relay.allow_private_external
}

// External resolves relay.external_ip into the relay addresses to announce. The
// error says what to write into the configuration. It may ask STUN servers,
// and those only when they are configured.
func External(ctx context.Context, o AddressOptions) ([]netip.Addr, error) {
	return nil, errors.ErrUnsupported
}
