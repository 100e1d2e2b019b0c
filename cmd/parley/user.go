package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/term"

	"parley/cmd/internal/config"
	"parley/signaling/auth"
)

func userCommand(_ context.Context, t terminal, fs *flag.FlagSet, args []string) error {
	file := fs.String("file", "", "the users `FILE`; without it the one of auth.users_file")
	role := fs.String("role", auth.RoleUser, "user or admin; for add")
	conf := configFlag(fs)
	rest, err := parse(fs, args, 2)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return usagef("say what to do: add, passwd, list or remove.")
	}
	verb, ok := userVerbs()[rest[0]]
	switch {
	case !ok:
		return usagef("%q is not one of add, passwd, list, remove.", rest[0])
	case verb.named != (len(rest) == 2):
		return usagef("%s", verb.mistake)
	case *role != auth.RoleUser && *role != auth.RoleAdmin:
		return usagef("-role %q: write user or admin.", *role)
	case rest[0] != "add" && given(fs, "role"):
		return usagef("-role goes with add: to change a role, remove the account and add it again.")
	}
	path, err := usersFile(*file, *conf, t.env)
	if err != nil {
		return err
	}
	return verb.run(t, path, strings.Join(rest[1:], ""), *role)
}

// given says that a flag stands on the command line.
func given(fs *flag.FlagSet, name string) (found bool) {
	fs.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

type userVerb struct {
	named   bool
	mistake string
	run     func(t terminal, path, name, role string) error
}

func userVerbs() map[string]userVerb {
	return map[string]userVerb{
		"add":    {true, "say who: parley user add NAME.", userAdd},
		"passwd": {true, "say whose: parley user passwd NAME.", userPasswd},
		"remove": {true, "say who: parley user remove NAME.", userRemove},
		"list":   {false, "list takes no name.", userList},
	}
}

func usersFile(flagged, conf string, env []string) (string, error) {
	if flagged != "" {
		return flagged, nil
	}
	cfg, err := config.Load(conf, env)
	if err != nil {
		return "", err
	}
	if cfg.Auth.UsersFile == "" {
		return "", errors.New("no users file is configured: say which one with -file, or write auth.users_file into the configuration")
	}
	return cfg.Path(cfg.Auth.UsersFile)
}

func userAdd(t terminal, path, name, role string) error {
	password, err := readPassword(t)
	if err != nil {
		return err
	}
	if err := auth.AddUser(path, name, password, role); err != nil {
		return err
	}
	fmt.Fprintf(t.err, "%s may sign in now (%s). %s\n", name, path, whenItCounts)
	return nil
}

// whenItCounts follows each change: the file alone changes nothing yet.
const whenItCounts = "A running server reads the file at SIGHUP (systemctl reload parley)."

func userPasswd(t terminal, path, name, _ string) error {
	password, err := readPassword(t)
	if err != nil {
		return err
	}
	if err := auth.SetPassword(path, name, password); err != nil {
		return err
	}
	fmt.Fprintf(t.err, "%s has a new password (%s). %s\n", name, path, whenItCounts)
	return nil
}

func userRemove(t terminal, path, name, _ string) error {
	if err := auth.RemoveUser(path, name); err != nil {
		return err
	}
	fmt.Fprintf(t.err, "%s has no account any more (%s). %s\n", name, path, whenItCounts)
	return nil
}

func userList(t terminal, path, _, _ string) error {
	users, err := auth.LoadUsers(path)
	if err != nil {
		return err
	}
	for _, u := range users {
		fmt.Fprintf(t.out, "%s\t%s\n", u.Name, u.Role)
	}
	return nil
}

// longestLine bounds what is read of standard input; bcrypt takes 72 bytes.
const longestLine = 4096

// readPassword asks twice at a terminal, and reads one line from anything else.
func readPassword(t terminal) (string, error) {
	f, ok := t.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(t.in, longestLine)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	first, err := ask(ctx, f, t.err, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := ask(ctx, f, t.err, "Once more: ")
	if err == nil && first != second {
		err = errors.New("the two passwords differ; nothing was changed")
	}
	return first, err
}

// ask reads a line that is not shown. The terminal shows what is typed again
// also when Ctrl-C ends the question, which ends ctx.
func ask(ctx context.Context, f *os.File, w io.Writer, prompt string) (string, error) {
	before, err := term.GetState(int(f.Fd()))
	if err != nil {
		return "", err
	}
	type answer struct {
		text []byte
		err  error
	}
	asked := make(chan answer, 1)
	go func() {
		fmt.Fprint(w, prompt)
		text, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(w)
		asked <- answer{text, err}
	}()
	select {
	case a := <-asked:
		return string(a.text), a.err
	case <-ctx.Done():
		fmt.Fprintln(w)
		return "", errors.Join(errors.New("stopped; nothing was changed"), term.Restore(int(f.Fd()), before))
	}
}
