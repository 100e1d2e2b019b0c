package auth_test

import (
	"net/netip"
	"testing"

	"parley/signaling/auth"
)

func TestClientAddr(t *testing.T) {
	s := newSite(t, auth.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}})
	for name, tc := range map[string]struct {
		remote    string
		forwarded []string
		want      string
	}{
		"direct":                   {"192.0.2.1:5", nil, "192.0.2.1"},
		"a stranger's header":      {"192.0.2.1:5", []string{"198.51.100.1"}, "192.0.2.1"},
		"one proxy":                {"10.0.0.1:5", []string{"198.51.100.1"}, "198.51.100.1"},
		"what the client invented": {"10.0.0.1:5", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		"two proxies":              {"10.0.0.1:5", []string{"203.0.113.9, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		"two headers":              {"10.0.0.1:5", []string{"203.0.113.9", "198.51.100.1,10.0.0.2"}, "198.51.100.1"},
		"with ports":               {"10.0.0.1:5", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		"IPv6":                     {"[fd00::1]:5", []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		"IPv6 without port":        {"[fd00::1]:5", []string{"2001:db8::1"}, "2001:db8::1"},
		"mapped":                   {"[::ffff:10.0.0.1]:5", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"only proxies":             {"10.0.0.1:5", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"unreadable":               {"10.0.0.1:5", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		"unreadable further left":  {"10.0.0.1:5", []string{"<x>, 10.0.0.2"}, "10.0.0.2"},
		"no header":                {"10.0.0.1:5", nil, "10.0.0.1"},
		"no address":               {"@", nil, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			r := request("GET", "/me", "", "Addr", tc.remote)
			for _, f := range tc.forwarded {
				r.Header.Add("X-Forwarded-For", f)
			}
			if got := s.ClientAddr(r).String(); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}
