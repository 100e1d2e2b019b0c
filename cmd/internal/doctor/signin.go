package doctor

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

func (v *visitor) server(ctx context.Context) Result {
	if !v.web.IsValid() {
		return Result{}
	}
	resp, err := v.ask(ctx, http.MethodGet, "/config", nil)
	if err != nil {
		return fail("the log of the server, or of the proxy in front of it, says more", "no answer over HTTP: %v", err)
	}
	defer resp.Body.Close()
	var conf struct {
		Build string
		Auth  struct{ Mode string }
	}
	switch {
	case resp.StatusCode/100 == 3:
		return fail("use the address that it sends to", "it sends visitors on to %s", resp.Header.Get("Location"))
	case resp.StatusCode == http.StatusBadGateway || resp.StatusCode == http.StatusGatewayTimeout:
		return fail("a proxy answers and does not reach Parley behind it: is Parley running, on the port that the proxy names?", "%s", resp.Status)
	case resp.StatusCode != http.StatusOK || decode(resp.Body, &conf) != nil || conf.Auth.Mode == "":
		return fail("the name leads to another server, or the proxy in front passes other paths on: /config must reach Parley", "something answers that is not Parley (%s)", resp.Status)
	}
	v.mode = conf.Auth.Mode
	return ok("Parley, sign-in mode %q", v.mode)
}

func (v *visitor) login(ctx context.Context) Result {
	switch {
	case v.mode == "":
		return Result{} // there is no Parley to sign in at
	case v.mode == "users" && v.User == "":
		return untried("this server knows its people: name one with -user")
	case v.mode != "open" && !v.trusted:
		return untried("the password is not sent where the certificate is not to be trusted")
	}
	body, err := v.credentials()
	if err != nil {
		return untried("%v", err)
	}
	// Whoever typed the password may have taken longer than a check may last.
	resp, err := v.ask(context.WithoutCancel(ctx), http.MethodPost, "/login", body)
	if err != nil {
		return fail("the server's log says more", "no answer: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return v.refusedLogin(resp)
	}
	var got struct {
		User  struct{ Guest, Relay bool }
		Token string
	}
	if decode(resp.Body, &got) != nil || got.Token == "" {
		return fail("does a proxy in front change answers?", "the answer to the login cannot be read")
	}
	v.token, v.guest = got.Token, got.User.Guest
	return ok("signed in as %s", describe(v.User, v.guest))
}

func describe(user string, guest bool) string {
	switch {
	case user != "":
		return user
	case guest:
		return "a guest"
	}
	return "a member"
}

func (v *visitor) refusedLogin(resp *http.Response) Result {
	hint := ""
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		hint = "give the right password (PARLEY_PASSWORD), and with -user a name from the users file; a changed file counts after `systemctl reload parley`"
	case http.StatusTooManyRequests:
		hint = "too many wrong passwords: wait as long as it says"
	}
	return fail(hint, "%s", refusal(resp))
}

// credentials is the body of the login that the server's mode asks for.
func (v *visitor) credentials() (map[string]string, error) {
	name := v.User
	if name == "" {
		// A free name, so that nobody has it already.
		name = "doctor " + randomHex(3)
	}
	if v.mode == "open" && v.User == "" {
		return map[string]string{"name": name}, nil
	}
	what := "Password"
	if v.mode == "token" {
		what = "Invite"
	}
	secret, err := v.Password(what)
	switch {
	case err != nil && v.mode == "open":
		return map[string]string{"name": name}, nil // a free name needs none
	case err != nil:
		return nil, err
	case v.mode == "token":
		// People paste what they were sent, which is a link.
		if _, token, found := strings.Cut(secret, "#t="); found {
			secret = token
		}
		return map[string]string{"token": secret}, nil
	case secret == "" && v.mode == "open":
		return map[string]string{"name": name}, nil
	case secret == "":
		return nil, errors.New("no password was given: set PARLEY_PASSWORD")
	}
	return map[string]string{"name": name, "password": secret}, nil
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	rand.Read(b)
	return hex.EncodeToString(b)
}

// logout leaves no login behind; the relays of the checks end with it.
func (v *visitor) logout(ctx context.Context) Result {
	if v.token == "" {
		return Result{} // the login has said why
	}
	resp, err := v.ask(ctx, http.MethodPost, "/logout", nil)
	if err != nil {
		return warn("the login ends by itself after auth.session_ttl", "no answer: %v", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return warn("the login ends by itself after auth.session_ttl", "%s", refusal(resp))
	}
	return ok("signed out")
}

func (v *visitor) webSocket(ctx context.Context) Result {
	if v.token == "" {
		return Result{} // the login has said why
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	d := net.Dialer{Timeout: dialTime}
	w := websocket.Dialer{
		Subprotocols: []string{"parley.v1"}, TLSClientConfig: v.tlsConfig(), HandshakeTimeout: answerTime,
		NetDialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return d.DialContext(ctx, network, v.at())
		},
	}
	scheme := map[bool]string{true: "wss", false: "ws"}[v.https()]
	c, resp, err := w.DialContext(ctx, scheme+"://"+v.URL.Host+"/ws", http.Header{"Authorization": {"Bearer " + v.token}})
	if err != nil {
		return refusedSocket(resp, err)
	}
	defer c.Close()
	return hello(c)
}

func refusedSocket(resp *http.Response, err error) Result {
	const hint = "a proxy in front must pass WebSockets on: HTTP/1.1 with the headers Upgrade and Connection (README: behind a reverse proxy)"
	if resp == nil {
		return fail(hint, "no WebSocket: %v", err)
	}
	return fail(hint, "no WebSocket, but %s", refusal(resp))
}

// hello opens a session and ends it: the hub is there when it says welcome.
func hello(c *websocket.Conn) Result {
	const hint = "a proxy in front may cut WebSockets; the server's log says more"
	c.SetWriteDeadline(time.Now().Add(answerTime))
	c.SetReadDeadline(time.Now().Add(answerTime))
	c.SetReadLimit(largestAnswer)
	if err := c.WriteJSON(map[string]any{"t": "hello", "v": []int{1}, "key": randomHex(16)}); err != nil {
		return fail(hint, "the WebSocket opened and broke: %v", err)
	}
	var frame struct{ T, Code, Message string }
	if err := c.ReadJSON(&frame); err != nil {
		return fail(hint, "the WebSocket opened and nothing came: %v", err)
	}
	if frame.T != "welcome" {
		return fail(hint, "the hub said %s", fmt.Sprint(frame.T, " ", frame.Code, " ", frame.Message))
	}
	c.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
	return ok("the hub says welcome")
}
