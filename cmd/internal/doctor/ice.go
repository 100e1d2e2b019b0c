package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// iceServer is one entry of an RTCConfiguration.
type iceServer struct {
	URLs                 []string
	Username, Credential string
}

// endpoint is one TURN or STUN URL (RFC 7064, RFC 7065), resolved.
type endpoint struct {
	url        string
	transport  string // stun, udp, tcp, tls
	host       string
	at         netip.AddrPort
	name, pass string
}

func (e endpoint) port() string { return fmt.Sprint(e.at.Port()) }

// parseICE takes a URL apart without asking the DNS; ok is false for one that is
// none of ours.
func parseICE(text string) (transport, host, port string, ok bool) {
	u, err := url.Parse(text)
	if err != nil {
		return "", "", "", false
	}
	transport, port = map[string]string{"stun": "stun", "turn": "udp", "turns": "tls"}[u.Scheme], "3478"
	if u.Scheme == "turns" {
		port = "5349"
	}
	if u.Scheme == "turn" && u.Query().Get("transport") == "tcp" {
		transport = "tcp"
	}
	host = strings.Trim(u.Opaque, "[]")
	if h, p, err := net.SplitHostPort(u.Opaque); err == nil {
		host, port = h, p
	}
	return transport, host, port, transport != "" && host != ""
}

// endpoints are the URLs of one transport that the login was given.
func (v *visitor) endpoints(ctx context.Context, transport string) (list []endpoint, err error) {
	for _, s := range v.ice {
		for _, text := range s.URLs {
			t, host, port, ok := parseICE(text)
			if !ok || t != transport {
				continue
			}
			at, err := v.resolve(ctx, host, port)
			if err != nil {
				return nil, err
			}
			list = append(list, endpoint{text, t, host, at, s.Username, s.Credential})
		}
	}
	return list, nil
}

// resolve prefers the address that the web port answered at.
func (v *visitor) resolve(ctx context.Context, host, port string) (netip.AddrPort, error) {
	a := v.web
	if !strings.EqualFold(host, v.URL.Hostname()) {
		addrs, err := lookup(ctx, host)
		if err != nil {
			return netip.AddrPort{}, fmt.Errorf("%s: %s", host, dnsError(err))
		}
		a = addrs[0]
	}
	return netip.ParseAddrPort(net.JoinHostPort(a.String(), port))
}

func (v *visitor) iceConfig(ctx context.Context) Result {
	if v.token == "" {
		return Result{} // the login has said why
	}
	resp, err := v.ask(ctx, http.MethodGet, "/ice-config", nil)
	if err != nil {
		return fail("the server's log says more", "no answer: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fail("a proxy in front must pass the header Authorization on", "%s", refusal(resp))
	}
	var conf struct {
		ICEServers []iceServer
		ExpiresAt  time.Time
	}
	if err := decode(resp.Body, &conf); err != nil {
		return fail("does a proxy in front change answers?", "the answer cannot be read: %v", err)
	}
	v.ice = conf.ICEServers
	if !strings.Contains(resp.Header.Get("Cache-Control"), "no-store") {
		return warn("a proxy in front must leave Cache-Control alone: a cached answer hands one person's credentials to the next", "the answer may be cached")
	}
	return v.judgeICE()
}

// judgeICE looks at what the URLs say by themselves.
func (v *visitor) judgeICE() Result {
	var relays []string
	for _, s := range v.ice {
		for _, text := range s.URLs {
			t, host, _, ok := parseICE(text)
			if !ok {
				return fail("correct relay.urls", "%q is no STUN or TURN address", text)
			}
			if a, err := netip.ParseAddr(host); err == nil && a.IsLoopback() && !v.web.IsLoopback() {
				return fail("set relay.listen = \":3478\", and http.public_url to what people type", "%s leads to the visitor's own machine", text)
			}
			if t != "stun" {
				relays = append(relays, text)
			}
		}
	}
	if len(relays) == 0 {
		hint := "auth.relay_for says who gets a relay"
		if v.guest {
			hint += "; sign in as a member with -user to try it"
		}
		return warn(hint, "this login gets STUN alone: people behind strict routers cannot be called")
	}
	return ok("%s", listOr(relays, ""))
}
