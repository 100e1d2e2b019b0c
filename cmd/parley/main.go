// Command parley is the whole server: web client, signaling hub, STUN and TURN
// relay in one process. This package knows every other one and wires them;
// they do not know each other.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], terminal{os.Stdin, os.Stdout, os.Stderr, os.Environ()}))
}

// terminal is what a command reads from and writes to.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	env      []string
}

// Exit codes, as the surface promises them.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// command is one subcommand.
type command struct {
	name  string
	usage string // what follows the name
	about string
	run   func(context.Context, terminal, *flag.FlagSet, []string) error
}

func commands() []command {
	return []command{
		{"serve", "[-config FILE]", "Run everything: web client, signaling, STUN and TURN.", serveCommand},
		{"check", "[-config FILE]", "Read the configuration and report every problem in it.", checkCommand},
		{"user", "add|passwd|list|remove [NAME] [-role user|admin] [-file F]", "Edit the file of people who may sign in.", userCommand},
		{"token", "-name NAME [-room R] [-ttl 1h] [-relay=true] [-role user|admin]", "Sign an invite and print its link or token.", tokenCommand},
		{"doctor", "[URL] [-user U] [-json]", doctorHelp, doctorCommand},
		{"relays", "[-end ID] [-user NAME]", "List or end live relays of the running server.", relaysCommand},
		{"version", "", "Print the version.", versionCommand},
	}
}

// usageError is a mistake on the command line: exit 2.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

func run(ctx context.Context, args []string, t terminal) int {
	if len(args) == 0 {
		help(t.err)
		return exitUsage
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
		help(t.out)
		return exitOK
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return runCommand(ctx, c, args[1:], t)
		}
	}
	fmt.Fprintf(t.err, "parley: there is no command %q. `parley help` lists them.\n", args[0])
	return exitUsage
}

func runCommand(ctx context.Context, c command, args []string, t terminal) int {
	fs := flag.NewFlagSet("parley "+c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	err := c.run(ctx, t, fs, args)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, flag.ErrHelp):
		commandHelp(t.out, c, fs)
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(t.err, "parley %s: %s\nUsage: parley %s %s\n", c.name, usage.text, c.name, c.usage)
		return exitUsage
	}
	fmt.Fprintf(t.err, "%s\n", strings.TrimRight(err.Error(), "\n"))
	return exitFailed
}

// parse reads flags wherever they stand among the arguments and returns the
// arguments that are none; more of those than most are a mistake.
func parse(fs *flag.FlagSet, args []string, most int) ([]string, error) {
	var rest []string
	for {
		if err := fs.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, usageError{err.Error()}
		}
		if fs.NArg() == 0 {
			break
		}
		rest, args = append(rest, fs.Arg(0)), fs.Args()[1:]
	}
	if len(rest) > most {
		return nil, usagef("the argument %q is not understood.", rest[most])
	}
	return rest, nil
}

func help(w io.Writer) {
	fmt.Fprint(w, "Parley: video calls from one server of your own.\n\nCommands:\n")
	for _, c := range commands() {
		about, _, _ := strings.Cut(c.about, "\n")
		fmt.Fprintf(w, "  %-8s %s\n", c.name, about)
	}
	fmt.Fprint(w, "\n`parley COMMAND -h` tells more. `parley serve` without a configuration serves this machine at http://localhost:8080.\n")
}

func commandHelp(w io.Writer, c command, fs *flag.FlagSet) {
	fmt.Fprintf(w, "Usage: parley %s %s\n\n%s\n", c.name, c.usage, c.about)
	fs.SetOutput(w)
	fs.PrintDefaults()
}
