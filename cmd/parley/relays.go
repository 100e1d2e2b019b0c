package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"parley/cmd/internal/config"
)

// adminPatience is how long the running server may take to answer.
const adminPatience = 10 * time.Second

func relaysCommand(ctx context.Context, t terminal, fs *flag.FlagSet, args []string) error {
	file := configFlag(fs)
	end := fs.String("end", "", "end the relay with this `ID`")
	user := fs.String("user", "", "show the relays of this `NAME` or user id only")
	if _, err := parse(fs, args, 0); err != nil {
		return err
	}
	if *end != "" && *user != "" {
		return usagef("-end names one relay; leave -user out.")
	}
	cfg, err := config.Load(*file, t.env)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, adminPatience)
	defer cancel()
	if *end != "" {
		if err := askAdmin(ctx, cfg, http.MethodDelete, "relays/"+url.PathEscape(*end), nil); err != nil {
			return err
		}
		fmt.Fprintf(t.err, "The relay %s has ended.\n", *end)
		return nil
	}
	var rows []relayRow
	if err := askAdmin(ctx, cfg, http.MethodGet, "relays", &rows); err != nil {
		return err
	}
	printRelays(t.out, rows, *user)
	return nil
}

func printRelays(out io.Writer, rows []relayRow, user string) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tUSER\tNAME\tOVER\tCLIENT\tRELAY\tSINCE\tUP\tDOWN")
	for _, r := range rows {
		if user == "" || user == r.User || user == r.Name {
			fmt.Fprintf(w, "%s\t%s\t%q\t%s\t%s\t%s\t%s\t%d\t%d\n",
				r.ID, plain(r.User), r.Name, r.Transport, r.Client, r.Relay, r.Since.Format(time.RFC3339), r.BytesUp, r.BytesDown)
		}
	}
	w.Flush()
}

// plain quotes what would not be one word on a terminal: another program may have
// written a user.
func plain(user string) string {
	if strings.ContainsFunc(user, func(c rune) bool { return c == ' ' || !strconv.IsPrint(c) }) {
		return strconv.Quote(user)
	}
	return user
}

// askAdmin calls the admin API of the server that runs with this configuration.
func askAdmin(ctx context.Context, cfg config.Config, method, path string, answer any) error {
	token, err := cfg.ReadSecret(cfg.AdminTokenFile())
	if err != nil {
		return fmt.Errorf("admin.token_file: %w. Run this as the server's user, on its machine", err)
	}
	addr := localAddress(cfg.Admin.Listen)
	req, err := http.NewRequestWithContext(ctx, method, "http://"+addr+"/admin/api/"+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(token.Reveal()))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the server does not answer at %s (admin.listen): is it running? %w", addr, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		var body struct{ Error refusal }
		json.NewDecoder(resp.Body).Decode(&body)
		return errors.New(orElse(body.Error.Message, "the server answered "+resp.Status))
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(answer)
}
