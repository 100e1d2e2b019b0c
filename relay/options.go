package relay

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"
)

// MaxRealm is the longest realm in characters: the realm travels in every 401,
// and a long one would make the server worth abusing as an amplifier.
const MaxRealm = 24

// Options configure a Server. Zero numbers mean the default in the comment.
type Options struct {
	Log *slog.Logger     // nil discards
	Now func() time.Time // nil means time.Now; decides expiry, never pacing

	Realm         string        // "parley"; at most MaxRealm characters
	Secrets       []string      // the first signs, all verify; at least one
	CredentialTTL time.Duration // 1h

	External         []netip.Addr // announced relay addresses; the first IPv4 one is used, or the one that the client asked
	PortMin, PortMax uint16       // relay ports, both included; 49152-65535

	Reloadable

	MonthlyBudget int64  // bytes; 0 = none
	BudgetFile    string // where the month's count is kept; "" keeps it in memory

	// Ended tells whether a login has been ended; its credentials are refused.
	// It may be called from any goroutine and must not block; nil means none.
	Ended func(loginID string) bool
	// Engine is "auto", "user" (our data plane) or "pion" (data through pion too).
	Engine string

	channelLife time.Duration // of a channel; 0 = 10 minutes (RFC 8656 section 12), tests shorten it

	ICE ICEOptions
	// Refuse writes an error body for the HTTP handler; nil writes plain text.
	Refuse func(w http.ResponseWriter, status int, code, message string, retry time.Duration)
}

// Reloadable is the part of the options that Reload replaces in a running
// server. Live allocations stay; the policy is judged anew for every datagram.
type Reloadable struct {
	// Denied and Allowed stand beside the built-in deny list: Denied adds to
	// it, Allowed opens parts of it, but never the server's own addresses.
	Denied, Allowed []netip.Prefix
	// AllowOwn lets relays reach any port of the server's own addresses.
	AllowOwn bool

	MaxAllocations      int   // 4000, in all
	MaxPerLogin         int   // 64 allocations
	MaxPerAddress       int   // 512 allocations; an IPv6 /64 counts as one address
	MaxPermissions      int   // 64 permissions, and as many channels, of one allocation
	MaxTCPPerAddress    int   // 256 connections
	UnauthenticatedRate int   // 20 answers a second to one address, burst twice that
	MaxBandwidth        int64 // bytes a second each direction, all relays; 0 = none
	MaxBandwidthPerUser int64 // the same for one login; 0 = none
}

func (r *Reloadable) setDefaults() {
	for _, d := range []struct {
		value *int
		def   int
	}{
		{&r.MaxAllocations, 4000},
		{&r.MaxPerLogin, 64},
		{&r.MaxPerAddress, 512},
		{&r.MaxPermissions, 64},
		{&r.MaxTCPPerAddress, 256},
		{&r.UnauthenticatedRate, 20},
	} {
		if *d.value <= 0 {
			*d.value = d.def
		}
	}
}

// setDefaults fills what is unset and reports every problem at once.
func (o *Options) setDefaults() error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Realm == "" {
		o.Realm = "parley"
	}
	if o.CredentialTTL <= 0 {
		o.CredentialTTL = time.Hour
	}
	if o.PortMin == 0 && o.PortMax == 0 {
		o.PortMin, o.PortMax = 49152, 65535
	}
	if o.Ended == nil {
		o.Ended = func(string) bool { return false }
	}
	if o.Refuse == nil {
		o.Refuse = func(w http.ResponseWriter, status int, _, message string, _ time.Duration) {
			http.Error(w, message, status)
		}
	}
	o.Reloadable.setDefaults()
	return errors.Join(o.checkRealm(), checkSecrets(o.Secrets), o.checkAddresses(), o.checkEngine())
}

func (o *Options) checkRealm() error {
	if len([]rune(o.Realm)) > MaxRealm || len(o.Realm) > 2*MaxRealm {
		return fmt.Errorf("the realm %q is longer than %d characters: choose a shorter one", o.Realm, MaxRealm)
	}
	return nil
}

func checkSecrets(secrets []string) error {
	if len(secrets) == 0 {
		return errors.New("no TURN secret is given: the first signs credentials, all of them verify")
	}
	for _, s := range secrets {
		if s == "" {
			return errors.New("a TURN secret is empty: anyone could make credentials with it")
		}
	}
	return nil
}

func (o *Options) checkAddresses() error {
	if o.PortMin < 1024 || o.PortMax < o.PortMin {
		return fmt.Errorf("relay ports %d-%d: need a range above 1023 whose end is not below its start", o.PortMin, o.PortMax)
	}
	v4 := false
	for i, a := range o.External {
		o.External[i] = a.Unmap()
		v4 = v4 || o.External[i].Is4()
		if !a.IsValid() || a.IsUnspecified() {
			return fmt.Errorf("%v cannot be a relay address: name an address that peers can reach", a)
		}
	}
	if !v4 {
		return errors.New("no IPv4 relay address is given: relayed addresses are IPv4")
	}
	return nil
}

func (o *Options) checkEngine() error {
	switch o.Engine {
	case "", "auto", engineUser, enginePion:
		return nil
	}
	return fmt.Errorf("unknown relay engine %q: use auto, user or pion", o.Engine)
}

const (
	engineUser = "user"
	enginePion = "pion"
)
