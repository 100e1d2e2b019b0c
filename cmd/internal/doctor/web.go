package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

func (v *visitor) dns(ctx context.Context) Result {
	host := v.URL.Hostname()
	addrs, err := lookup(ctx, host)
	if err != nil {
		return fail("make an A record for the name that holds the server's address (and an AAAA record when it has IPv6)", "%s: %s", host, dnsError(err))
	}
	v.addrs = addrs
	if _, err := netip.ParseAddr(host); err == nil {
		return ok("%s is an address, no name to look up", host)
	}
	return ok("%s is %s", host, join(addrs))
}

// lookup resolves a host, in its order, without duplicates.
func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	list, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var out []netip.Addr
	seen := map[netip.Addr]bool{}
	for _, a := range list {
		if a = a.Unmap(); !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	return out, nil
}

func dnsError(err error) string {
	var de *net.DNSError
	if errors.As(err, &de) && de.IsNotFound {
		return "there is no such name"
	}
	return err.Error()
}

// webPort tries every address of the name: browsers may take any of them.
func (v *visitor) webPort(ctx context.Context) Result {
	if len(v.addrs) == 0 {
		return Result{}
	}
	var dead []string
	for _, a := range v.addrs {
		err := reach(ctx, net.JoinHostPort(a.String(), v.port()))
		switch {
		case err == nil && !v.web.IsValid():
			v.web = a
		case errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL):
			// This machine has no IPv6 (or no IPv4): nothing is learned of the server.
		case err != nil:
			dead = append(dead, fmt.Sprintf("%s: %s", a, dialError(err)))
		}
	}
	switch {
	case !v.web.IsValid():
		return fail(fmt.Sprintf("check that %s is the server's address, that Parley runs there (`systemctl status parley`) and that the firewall lets tcp/%s in", join(v.addrs), v.port()),
			"tcp/%s gives no answer (%s)", v.port(), listOr(dead, "no route"))
	case len(dead) > 0:
		return fail("remove that address from the DNS, or make the server listen on it", "tcp/%s answers at %s, but not at every address of the name (%s)", v.port(), v.web, listOr(dead, ""))
	}
	return ok("tcp/%s answers at %s", v.port(), v.web)
}

func reach(ctx context.Context, addr string) error {
	d := net.Dialer{Timeout: dialTime}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err == nil {
		c.Close()
	}
	return err
}

func dialError(err error) string {
	var ne net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.EHOSTUNREACH):
		return "no host there"
	case errors.As(err, &ne) && ne.Timeout():
		return "silence"
	}
	return err.Error()
}

// clockWarn and clockFail: a second counts for nobody; with minutes of error
// certificates, invites and credentials begin or end at the wrong time.
const (
	clockWarn = 20 * time.Second
	clockFail = 2 * time.Minute
)

func (v *visitor) clock(ctx context.Context) Result {
	if !v.web.IsValid() {
		return Result{}
	}
	before := time.Now()
	resp, err := v.ask(ctx, http.MethodGet, "/healthz", nil)
	if err != nil {
		return untried("%v", err)
	}
	resp.Body.Close()
	return judgeClock(resp.Header.Get("Date"), before, time.Now())
}

// judgeClock compares a Date header, whole seconds, with the time of this
// machine around the request.
func judgeClock(header string, before, after time.Time) Result {
	date, err := http.ParseTime(header)
	if err != nil {
		return untried("the answer has no Date")
	}
	off := time.Duration(0)
	switch {
	case date.Add(time.Second).Before(before):
		off = before.Sub(date)
	case date.After(after):
		off = date.Sub(after)
	}
	way := "behind"
	if date.After(after) {
		way = "ahead of"
	}
	const hint = "set the clocks: `timedatectl set-ntp true` on the server; credentials, invites and certificates are judged by them"
	switch {
	case off > clockFail:
		return fail(hint, "the server's clock is %s %s this machine's", off.Round(time.Second), way)
	case off > clockWarn:
		return warn(hint, "the server's clock is %s %s this machine's", off.Round(time.Second), way)
	}
	return ok("the server and this machine agree")
}

// client dials the address that answered, whatever the name leads to now.
func (v *visitor) client() *http.Client {
	d := net.Dialer{Timeout: dialTime}
	return &http.Client{
		Timeout: answerTime,
		Transport: &http.Transport{
			DisableKeepAlives: true, TLSClientConfig: v.tlsConfig(),
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return d.DialContext(ctx, network, v.at())
			},
		},
		// A redirect is news, not something to follow in silence.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ask sends one request, with the login when there is one. The caller closes the
// body.
func (v *visitor) ask(ctx context.Context, method, path string, body any) (*http.Response, error) {
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		text = strings.NewReader(string(b))
	}
	req, err := http.NewRequestWithContext(ctx, method, v.URL.Scheme+"://"+v.URL.Host+path, text)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if v.token != "" {
		req.Header.Set("Authorization", "Bearer "+v.token)
	}
	return v.client().Do(req)
}

// largestAnswer bounds what is read of an answer; that of /ice-config has 1 kB.
const largestAnswer = 1 << 20

func decode(r io.Reader, into any) error {
	return json.NewDecoder(io.LimitReader(r, largestAnswer)).Decode(into)
}

// refusal is what the server said instead of an answer.
func refusal(resp *http.Response) string {
	var body struct {
		Error struct{ Code, Message string }
	}
	if decode(resp.Body, &body) == nil && body.Error.Message != "" {
		return fmt.Sprintf("%s (%s)", body.Error.Message, body.Error.Code)
	}
	return resp.Status
}

func join(addrs []netip.Addr) string {
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return listOr(texts, "no address")
}

func listOr(list []string, none string) string {
	if len(list) == 0 {
		return none
	}
	return strings.Join(list, ", ")
}
