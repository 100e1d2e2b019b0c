package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The readers below turn the text of one value into its type. Their errors are
// the end of a sentence whose beginning is the key.

func anyText(s string) (string, error) { return s, nil }

func filled(s string) (string, error) {
	if strings.TrimSpace(s) == "" {
		return "", errors.New("must not be empty")
	}
	return s, nil
}

// optional lets the empty string pass beside what read accepts.
func optional(read func(string) (string, error)) func(string) (string, error) {
	return func(s string) (string, error) {
		if s == "" {
			return "", nil
		}
		return read(s)
	}
}

func choice(words ...string) func(string) (string, error) {
	return func(s string) (string, error) {
		if slices.Contains(words, s) {
			return s, nil
		}
		hint := ""
		if near := closest(s, words); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		return "", fmt.Errorf("%q is not one of %s%s", s, strings.Join(words, ", "), hint)
	}
}

func duration(min, max time.Duration) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		if s != "" && strings.Trim(s, "0123456789") == "" {
			return 0, fmt.Errorf("a duration needs a unit; write %q, %q or %q", s+"s", s+"m", s+"h")
		}
		d, err := time.ParseDuration(s)
		switch {
		case err != nil:
			return 0, fmt.Errorf("%q is not a duration; write a number with ms, s, m or h, like \"45s\" or \"1h30m\"", s)
		case d < 0 && min == 0:
			return 0, fmt.Errorf("%q is too short; it must not be negative", s)
		case d < min && min <= shortest:
			return 0, fmt.Errorf("%q is too short; it must be more than zero", s)
		case d < min:
			return 0, fmt.Errorf("%q is too short; at least %q", s, spell(min))
		case d > max:
			return 0, fmt.Errorf("%q is too long; at most %q", s, spell(max))
		}
		return d, nil
	}
}

// spell writes a round duration as a person would: "24h", not "24h0m0s".
func spell(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// units of sizes; bits ("Mb", "Mbit") are left out on purpose.
func unit(name string) (float64, bool) {
	factor, ok := map[string]float64{
		"B":  1,
		"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}[name]
	return factor, ok
}

func sizeWithUnit(s string) (int64, error) {
	at := strings.LastIndexAny(s, "0123456789.") + 1
	name := strings.TrimSpace(s[at:])
	if at > 0 && name == "" {
		return 0, fmt.Errorf("%q needs a unit like \"2MB\" or \"2MiB\"; a number of bytes stands without quotes", s)
	}
	factor, ok := unit(name)
	amount, err := strconv.ParseFloat(s[:at], 64)
	if !ok || err != nil || amount < 0 || strings.ContainsAny(s[:at], "eExX_") {
		return 0, fmt.Errorf("%q is not a size; write bytes like 2000000, or \"2MB\", \"2MiB\" (units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB)", s)
	}
	total := math.Round(amount * factor)
	if total >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is too large", s)
	}
	return int64(total), nil
}

// splitListen cuts host:port; the host loses its brackets.
func splitListen(s string) (host, port string) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return "", ""
	}
	return host, port
}

func listenAddress(s string) (string, error) {
	host, port := splitListen(s)
	if port == "" {
		return "", fmt.Errorf("%q is not host:port; write %s", s, listenHint(s))
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("the port %q is not a number from 0 to 65535", port)
	}
	if host != "" && !isHost(host) {
		return "", fmt.Errorf("%q is neither an address nor a name; leave it away to listen everywhere, as in \":%s\"", host, port)
	}
	return s, nil
}

func listenHint(s string) string {
	if _, err := strconv.ParseUint(s, 10, 16); err == nil {
		return fmt.Sprintf(`":%s" for every address or "127.0.0.1:%s" for this machine alone`, s, s)
	}
	return `":8080" for every address or "127.0.0.1:8080" for this machine alone; IPv6 in brackets`
}

func serverAddress(s string) (string, error) {
	host, port := splitListen(s)
	if host == "" || !isHost(host) || !isPort(port) {
		return "", fmt.Errorf("%q is not host:port of a STUN server, like \"stun.example.org:3478\"", s)
	}
	return s, nil
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// isHost accepts an IP address or a DNS name in ASCII.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	return isName(s)
}

func isName(s string) bool {
	if len(s) > 253 || strings.Trim(s, "0123456789.") == "" {
		return false // "256.1.1.1" is a mistyped address, not a name
	}
	label := regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$`)
	for part := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if !label.MatchString(part) {
			return false
		}
	}
	return true
}

func webURL(s string) (string, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return "", fmt.Errorf("%q is not a web address; write it like \"https://call.example.org\"", s)
	case !isHost(u.Hostname()) || badURLPort(u):
		return "", fmt.Errorf("%q has no usable host; write it like \"https://call.example.org\"", s)
	case u.User != nil:
		return "", errors.New("must not hold a user name or password")
	case strings.Trim(u.Path, "/") != "" || strings.ContainsAny(s, "?#"):
		return "", fmt.Errorf("%q goes on after the host; Parley needs an address of its own: write %q", s, u.Scheme+"://"+u.Host)
	}
	return u.Scheme + "://" + u.Host, nil
}

func badURLPort(u *url.URL) bool {
	return strings.HasSuffix(u.Host, ":") || (u.Port() != "" && !isPort(u.Port()))
}

func directoryURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%q is not the https address of an ACME directory", s)
	}
	return s, nil
}

func origin(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "" || u.Host == "" || badURLPort(u) || u.Scheme+"://"+u.Host != s {
		return "", fmt.Errorf("%q is not an origin; write scheme and host alone, like \"https://app.example.org\"", s)
	}
	if strings.Contains(u.Host, "*") {
		return "", fmt.Errorf("%q holds a wildcard; list each origin by itself", s)
	}
	return strings.ToLower(s), nil
}

func email(s string) (string, error) {
	name, host, found := strings.Cut(s, "@")
	if !found || name == "" || !isName(host) || strings.ContainsFunc(s, unicode.IsSpace) {
		return "", fmt.Errorf("%q is not an e-mail address", s)
	}
	return s, nil
}

// prefix reads a CIDR. IPv4 written in IPv6 becomes IPv4, since addresses are
// compared after unmapping.
func prefix(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			return p, fmt.Errorf("%q is an address, not a CIDR; write %q", s, netip.PrefixFrom(a, a.BitLen()))
		}
		return p, fmt.Errorf("%q is not a CIDR like \"10.0.0.0/8\" or \"fd00::/8\"", s)
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return p, fmt.Errorf("%q mixes IPv4 and IPv6; write two CIDRs", s)
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

func externalAddress(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if s == "auto" {
		return a, errors.New(`"auto" cannot stand beside addresses; write either`)
	}
	if err != nil || a.Zone() != "" {
		return a, fmt.Errorf("%q is not an IP address; write \"auto\" or the address at which this server is reached, like \"203.0.113.7\"", s)
	}
	a = a.Unmap()
	if a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return a, fmt.Errorf("%s is not the address of a machine; nobody could send to it", a)
	}
	return a, nil
}

// turnURL accepts the URIs of RFC 7064 and RFC 7065.
func turnURL(s string) (string, error) {
	bad := fmt.Errorf("%q is not a STUN or TURN address like \"turn:call.example.org:3478?transport=udp\"", s)
	scheme, rest, _ := strings.Cut(s, ":")
	if !slices.Contains([]string{"stun", "stuns", "turn", "turns"}, scheme) {
		return "", bad
	}
	rest, query, hasQuery := strings.Cut(rest, "?")
	if hasQuery && (scheme[:4] != "turn" || (query != "transport=udp" && query != "transport=tcp")) {
		return "", fmt.Errorf("%q: after ? only transport=udp or transport=tcp may stand, and only for turn: and turns:", s)
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]"), "3478"
		if strings.Contains(host, ":") != strings.HasPrefix(rest, "[") {
			return "", bad
		}
	}
	if !isHost(host) || !isPort(port) {
		return "", bad
	}
	return s, nil
}

// realmMax keeps an unauthenticated 401 below three times its request.
const realmMax = 24

func realm(s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("must not be empty")
	case len(s) > realmMax:
		return "", fmt.Errorf("%q is longer than %d characters", s, realmMax)
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == '"' || r == '\\' }):
		return "", fmt.Errorf("%q holds characters that a realm cannot have", s)
	}
	return s, nil
}

func portRange(s string) (PortRange, error) {
	low, high, found := strings.Cut(s, "-")
	min, err1 := strconv.ParseUint(strings.TrimSpace(low), 10, 16)
	max, err2 := strconv.ParseUint(strings.TrimSpace(high), 10, 16)
	switch {
	case !found || err1 != nil || err2 != nil:
		return PortRange{}, fmt.Errorf("%q is not a range of ports like \"49152-65535\"", s)
	case min > max:
		return PortRange{}, fmt.Errorf("%q is upside down; write the lower port first", s)
	case min < 1024:
		return PortRange{}, fmt.Errorf("%q goes below 1024, where well-known services live", s)
	}
	return PortRange{uint16(min), uint16(max)}, nil
}
