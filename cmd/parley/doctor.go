package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"parley/cmd/internal/config"
	"parley/cmd/internal/doctor"
)

// doctorHelp is what -h tells beyond the flags.
const doctorHelp = `Find out why calls do not work, and say what to change.

Without URL it looks at the server on this machine, with its configuration: run
it as root or as Parley's user. With URL it looks as a visitor would, from any
machine: DNS, certificate, clock, login, WebSocket, STUN, and an echo through the
relay over TCP, TLS and UDP. Each line is ok, warn or fail, with the fix below.
Exit code: 0, 1 when a check failed, 2 for a mistake on the command line.

A password (or in mode "token" an invite) is read from PARLEY_PASSWORD or asked
for. -json prints one object:

  {"target":"https://call.example.org","ok":false,"checks":[
    {"name":"stun","status":"fail","text":"…","hint":"…","ms":5003}]}
`

func doctorCommand(ctx context.Context, t terminal, fs *flag.FlagSet, args []string) error {
	user := fs.String("user", "", "sign in as this `NAME`; with a URL")
	asJSON := fs.Bool("json", false, "print one JSON object instead of lines")
	file := configFlag(fs)
	rest, err := parse(fs, args, 1)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	if len(rest) == 0 {
		if *user != "" {
			return usagef("-user signs in at a server: say at which, as https://call.example.org.")
		}
		checks, target := insideChecks(*file, t.env)
		return diagnose(ctx, t, target, checks, *asJSON)
	}
	u, err := targetURL(rest[0])
	if err != nil {
		return err
	}
	if *file != "" {
		return usagef("-config is for the server on this machine; leave it or the address out.")
	}
	o := doctor.Outside{URL: u, User: *user, Password: func(what string) (string, error) { return askSecret(ctx, t, what) }}
	return diagnose(ctx, t, u.String(), o.Checks(), *asJSON)
}

// targetURL reads what people type for a server: https goes without saying.
func targetURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return nil, usagef("%q is no address of a server: write it as https://call.example.org.", text)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

// passwordVariable is the one PARLEY_ variable that is no key of the configuration.
const passwordVariable = "PARLEY_PASSWORD"

// askSecret takes the password from the environment or asks at the terminal.
func askSecret(ctx context.Context, t terminal, what string) (string, error) {
	for _, v := range t.env {
		if text, found := strings.CutPrefix(v, passwordVariable+"="); found {
			return text, nil
		}
	}
	f, ok := t.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return "", fmt.Errorf("the server wants a %s: set %s", strings.ToLower(what), passwordVariable)
	}
	return ask(ctx, f, t.err, "\r"+what+": ")
}

// diagnose runs checks and prints what they find as they find it.
func diagnose(ctx context.Context, t terminal, target string, checks []doctor.Check, asJSON bool) error {
	begin, clear := progress(t.err)
	end := func(l doctor.Line) {
		clear()
		if !asJSON {
			printLine(t.out, l)
		}
	}
	lines := doctor.Run(ctx, checks, begin, end)
	if asJSON {
		if err := json.NewEncoder(t.out).Encode(map[string]any{"target": target, "ok": !doctor.Failed(lines), "checks": lines}); err != nil {
			return err
		}
	}
	failed := len(slices.DeleteFunc(slices.Clone(lines), func(l doctor.Line) bool { return l.Status != doctor.Fail }))
	switch {
	case ctx.Err() != nil:
		return errors.New("stopped before the last check")
	case failed > 0:
		return fmt.Errorf("%d of %d checks failed for %s", failed, len(lines), target)
	}
	return nil
}

// progress shows at a terminal which check runs; anything else gets nothing.
func progress(w io.Writer) (begin func(string), clear func()) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func(string) {}, func() {}
	}
	return func(name string) { fmt.Fprintf(w, "\r\x1b[K…     %s", name) }, func() { fmt.Fprint(w, "\r\x1b[K") }
}

func printLine(w io.Writer, l doctor.Line) {
	fmt.Fprintf(w, "%-5s %-18s %s\n", l.Status, l.Name, l.Text)
	if l.Hint != "" {
		fmt.Fprintf(w, "%25s%s\n", "-> ", l.Hint)
	}
}

// insideChecks prepares the look at this machine: first what the configuration
// itself shows, then the running server.
func insideChecks(file string, env []string) (checks []doctor.Check, target string) {
	env = slices.DeleteFunc(slices.Clone(env), func(v string) bool { return strings.HasPrefix(v, passwordVariable+"=") })
	cfg, err := config.Load(file, env)
	target = orElse(cfg.File, "the embedded defaults")
	found := func(status doctor.Status, text, hint string) {
		checks = append(checks, doctor.Found("config", doctor.Result{Status: status, Text: text, Hint: hint}))
	}
	var problems config.Problems
	if err != nil && !errors.As(err, &problems) {
		found(doctor.Fail, err.Error(), "")
		return checks, target
	}
	problems = checkContents(cfg, problems)
	for _, p := range problems {
		hint := "correct it, then `parley check`; as root or as Parley's user when a file cannot be read"
		if p.OfFile() && p.Key == "" {
			hint = "" // the sentence says what to do
		}
		found(doctor.Fail, p.String(), hint)
	}
	if slices.ContainsFunc(problems, config.Problem.OfFile) {
		return checks, target
	}
	for _, w := range cfg.Warnings() {
		found(doctor.Warn, w.Key+": "+w.Sentence, "")
	}
	if len(problems) == 0 {
		found(doctor.OK, target+": no problem", "")
	}
	return append(checks, insideOf(cfg).Checks()...), target
}

// insideOf takes what the doctor needs out of a configuration.
func insideOf(cfg config.Config) doctor.Inside {
	o := doctor.Inside{
		Web: localAddress(cfg.HTTP.Listen), TLS: cfg.TLS.Mode != "off", Relay: localAddress(cfg.Relay.Listen),
		RelayTLS: localAddress(cfg.Relay.TLSListen), Admin: localAddress(cfg.Admin.Listen), Sockets: sockets(cfg),
		RelayURLs: len(cfg.Relay.URLs) > 0, Files: secretFiles(cfg),
		Sessions: cfg.Signaling.MaxSessions, Allocations: cfg.Relay.MaxAllocations,
	}
	if u, err := url.Parse(cfg.HTTP.PublicURL); err == nil && u.Host != "" {
		o.PublicURL = u
	}
	if secrets, err := relaySecrets(cfg); err == nil {
		o.Secret = secrets[0]
	}
	if token, err := cfg.ReadSecret(cfg.AdminTokenFile()); err == nil {
		o.AdminToken = strings.TrimSpace(token.Reveal())
	}
	return o
}

func sockets(cfg config.Config) []doctor.Socket {
	var list []doctor.Socket
	for _, s := range []struct{ key, network, addr string }{
		{"http.listen", "tcp", cfg.HTTP.Listen}, {"relay.listen", "udp", cfg.Relay.Listen}, {"relay.listen", "tcp", cfg.Relay.Listen},
		{"relay.tls_listen", "tcp", cfg.Relay.TLSListen}, {"admin.listen", "tcp", cfg.Admin.Listen}, {"tls.acme_http_listen", "tcp", cfg.TLS.ACMEHTTPListen},
	} {
		if s.addr != "" {
			list = append(list, doctor.Socket{Key: s.key, Network: s.network, Addr: s.addr, Local: localAddress(s.addr)})
		}
	}
	return list
}

// secretFiles lists what others must not read. Credentials of systemd lie in a
// folder that is the service's alone.
func secretFiles(cfg config.Config) []doctor.File {
	list := []doctor.File{
		{Key: "data_dir", Path: cfg.DataDir, Folder: true, Made: true},
		{Key: "data_dir", Path: filepath.Join(cfg.DataDir, "session-key"), Made: true},
		{Key: "relay.secrets_file", Path: cfg.RelaySecretsFile(), Made: cfg.Relay.SecretsFile == ""},
		{Key: "admin.token_file", Path: cfg.AdminTokenFile(), Made: cfg.Admin.TokenFile == ""},
		{Key: "auth.password_file", Path: cfg.Auth.PasswordFile},
		{Key: "auth.users_file", Path: cfg.Auth.UsersFile},
		{Key: "tls.key", Path: cfg.TLS.Key},
	}
	return slices.DeleteFunc(list, func(f doctor.File) bool { return f.Path == "" || strings.HasPrefix(f.Path, "credential:") })
}

// localAddress is where to reach a listening address from this machine.
func localAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
