package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
	"github.com/pion/turn/v4"
)

func (m *machine) service(ctx context.Context) Result {
	resp, err := m.get(ctx, "http://"+m.Admin+"/readyz", "")
	if err != nil {
		return fail("start it with `systemctl start parley` (or `parley serve`); `journalctl -u parley -n 20` says why it stopped",
			"Parley does not run: nothing answers at %s (admin.listen)", m.Admin)
	}
	defer resp.Body.Close()
	m.running = true
	if resp.StatusCode != http.StatusOK {
		return notReady(resp.Body)
	}
	return ok("it runs and is ready")
}

func notReady(body io.Reader) Result {
	var answer struct{ Reasons []string }
	if err := decode(body, &answer); err != nil {
		return warn("the server's log says more", "it runs and is not ready")
	}
	hint := "wait for the end of the restart"
	if slices.Contains(answer.Reasons, "certificate") {
		hint = "see the line about the certificate"
	}
	return warn(hint, "it runs and is not ready: %s", strings.Join(answer.Reasons, ", "))
}

// get asks one of this machine's own ports.
func (m *machine) get(ctx context.Context, url, token string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	c := http.Client{Timeout: answerTime, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: m.tlsConfig()}}
	return c.Do(req)
}

func (m *machine) admin(ctx context.Context) Result {
	switch {
	case !m.running:
		return down()
	case m.AdminToken == "":
		return untried("the admin token could not be read; run this as root or as Parley's user")
	}
	resp, err := m.get(ctx, "http://"+m.Admin+"/admin/api/overview", m.AdminToken)
	if err != nil {
		return fail("the server's log says more", "no answer: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fail("the Parley that runs uses another configuration or data_dir than this command: name its file with -config", "%s", refusal(resp))
	}
	var v struct{ Sessions, Rooms, Relays int }
	if err := decode(resp.Body, &v); err != nil {
		return fail("another program holds admin.listen", "the answer cannot be read: %v", err)
	}
	if resp, err := m.get(ctx, "http://"+m.Admin+"/metrics", ""); err == nil {
		b, _ := io.ReadAll(io.LimitReader(resp.Body, largestAnswer))
		resp.Body.Close()
		m.metrics = string(b)
	}
	return ok("%d people online, %d rooms, %d relays", v.Sessions, v.Rooms, v.Relays)
}

// metric reads one figure of /metrics without labels.
func (m *machine) metric(name string) (float64, bool) {
	for line := range strings.Lines(m.metrics) {
		if rest, found := strings.CutPrefix(line, name+" "); found {
			f, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			return f, err == nil
		}
	}
	return 0, false
}

// ports asks every socket of a running server, and tries to bind those of one
// that does not run.
func (m *machine) ports(ctx context.Context) Result {
	var good, bad []string
	for _, s := range m.Sockets {
		err := m.tryPort(ctx, s)
		if err != nil {
			bad = append(bad, fmt.Sprintf("%s %s/%s: %v", s.Key, s.Network, s.Addr, err))
			continue
		}
		good = append(good, s.Network+"/"+s.Addr)
	}
	switch {
	case len(bad) > 0 && m.running:
		return fail("does another configuration run? `ss -lntup` shows who holds which port", "%s", strings.Join(bad, "; "))
	case len(bad) > 0:
		return fail("stop the program that holds the port (`ss -lntup` shows it) or choose another; that of http.listen may be held by systemd for Parley (parley.socket), which is right", "%s", strings.Join(bad, "; "))
	case m.running:
		return ok("%s answer", strings.Join(good, ", "))
	}
	return ok("%s are free", strings.Join(good, ", "))
}

func (m *machine) tryPort(ctx context.Context, s Socket) error {
	switch {
	case !m.running && s.Network == "udp":
		c, err := net.ListenPacket("udp", s.Addr)
		if err == nil {
			c.Close()
		}
		return err
	case !m.running:
		l, err := net.Listen("tcp", s.Addr)
		if err == nil {
			l.Close()
		}
		return err
	case s.Network == "tcp":
		return reach(ctx, s.Local)
	}
	c, err := net.Dial("udp", s.Local)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = bindingUDP(ctx, c)
	return err
}

func (m *machine) scheme() string {
	if m.TLS {
		return "https"
	}
	return "http"
}

func (m *machine) http(ctx context.Context) Result {
	if m.dumb() {
		return down()
	}
	resp, err := m.get(ctx, m.scheme()+"://"+m.Web+"/healthz", "")
	if err != nil {
		return fail("the server's log says more", "no answer: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fail("the server's log says more", "%s", resp.Status)
	}
	return ok("%s answers as %s", m.scheme(), resp.Proto)
}

// webSocket needs no login: a refusal by the hub is an answer of the hub.
func (m *machine) webSocket(ctx context.Context) Result {
	if m.dumb() {
		return down()
	}
	d := websocket.Dialer{Subprotocols: []string{"parley.v1"}, TLSClientConfig: m.tlsConfig(), HandshakeTimeout: answerTime}
	scheme := "ws" + strings.TrimPrefix(m.scheme(), "http")
	c, resp, err := d.DialContext(ctx, scheme+"://"+m.Web+"/ws", nil)
	if err != nil {
		return refusedSocket(resp, err)
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(answerTime))
	c.SetReadLimit(largestAnswer)
	if err := c.WriteJSON(map[string]any{"t": "hello", "v": []int{1}, "key": randomHex(16), "name": "doctor " + randomHex(3)}); err != nil {
		return fail("the server's log says more", "the WebSocket opened and broke: %v", err)
	}
	var frame struct{ T, Code string }
	if err := c.ReadJSON(&frame); err != nil || frame.T != "welcome" && frame.T != "error" {
		return fail("the server's log says more", "the WebSocket opened, and the hub did not answer: %v", err)
	}
	c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	return ok("the hub answers")
}

func (m *machine) webTURN(ctx context.Context) Result {
	if !m.running {
		return down()
	}
	d := net.Dialer{Timeout: dialTime}
	c, err := d.DialContext(ctx, "tcp", m.Web)
	return m.firstBytes(c, err)
}

func (m *machine) webTURNS(ctx context.Context) Result {
	switch {
	case m.dumb():
		return down()
	case !m.TLS:
		return ok("no TLS on this port")
	}
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: dialTime}, Config: m.tlsConfig()}
	c, err := d.DialContext(ctx, "tcp", m.Web)
	return m.firstBytes(c, err)
}

// firstBytes says whether a connection to the web port that begins as STUN does
// gets to the relay.
func (m *machine) firstBytes(c net.Conn, err error) Result {
	if err == nil {
		defer c.Close()
		err = bindingStream(c)
	}
	if err != nil {
		return fail("is it Parley that holds http.listen?", "%v", err)
	}
	return ok("STUN on the web port reaches the relay")
}

// credentialLife is more than one run of the doctor needs.
const credentialLife = 10 * time.Minute

// wayTo signs a credential as the server would for a login.
func (m *machine) wayTo(transport, addr string) (way, error) {
	name, pass, err := turn.GenerateLongTermTURNRESTCredentials(m.Secret, "doctor"+randomHex(10), credentialLife)
	return way{transport, addr, m.tlsConfig(), name, pass}, err
}

// relayTLS goes through the port of its own, else through the web port.
func (m *machine) relayTLS(ctx context.Context) Result {
	switch {
	case m.RelayTLS != "":
		return m.relay(ctx, "tls", m.RelayTLS)
	case m.mute:
		return down()
	}
	return m.relay(ctx, "tls", m.Web)
}

func (m *machine) relay(ctx context.Context, transport, addr string) Result {
	switch {
	case !m.running:
		return down()
	case m.Secret == "":
		return untried("relay.secrets_file could not be read; run this as root or as Parley's user")
	}
	w, err := m.wayTo(transport, addr)
	if err != nil {
		return untried("%v", err)
	}
	relayed, err := w.echo(ctx)
	switch {
	case code(err) != 0:
		return fail(codeHint(code(err), addr), "%v", err)
	case err != nil:
		return fail("the server's log says more; a firewall on this machine may cut the loopback interface", "no relay over %s at %s: %v", label(transport), addr, err)
	}
	return ok("an echo went through %s", relayed.Addr())
}
