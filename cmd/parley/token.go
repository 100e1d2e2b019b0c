package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"time"

	"parley/cmd/internal/config"
	"parley/signaling/auth"
)

// longestInvite is the surface's bound: an invite cannot be taken back, so it
// must end by itself soon.
const longestInvite = 7 * 24 * time.Hour

func tokenCommand(_ context.Context, t terminal, fs *flag.FlagSet, args []string) error {
	file := configFlag(fs)
	inv := auth.Invite{}
	fs.StringVar(&inv.Name, "name", "", "the `NAME` that the guest is shown with")
	fs.StringVar(&inv.Room, "room", "", "the one room the guest may enter")
	fs.DurationVar(&inv.TTL, "ttl", time.Hour, "how long the invite may be used, 168h at most")
	fs.BoolVar(&inv.Relay, "relay", true, "whether the guest counts as a member and may use the relay")
	fs.StringVar(&inv.Role, "role", auth.RoleUser, "user or admin")
	if _, err := parse(fs, args, 0); err != nil {
		return err
	}
	switch {
	case inv.Name == "":
		return usagef("say whom the invite is for: -name NAME.")
	case inv.TTL <= 0 || inv.TTL > longestInvite:
		return usagef("-ttl %s: an invite lives for more than zero and at most 168h (7 days).", inv.TTL)
	case inv.Role != auth.RoleUser && inv.Role != auth.RoleAdmin:
		return usagef("-role %q: write user or admin.", inv.Role)
	}
	cfg, err := config.Load(*file, t.env)
	if err != nil {
		return err
	}
	if err := makeDataDir(cfg.DataDir); err != nil {
		return err
	}
	token, _, err := auth.NewInvite(cfg.DataDir, inv)
	if err != nil {
		return err
	}
	fmt.Fprintln(t.out, inviteLink(cfg.HTTP.PublicURL, inv.Room, token))
	return nil
}

// inviteLink carries the token in the fragment, which no server or log sees;
// without a public address the token stands alone.
func inviteLink(publicURL, room, token string) string {
	if publicURL == "" {
		return token
	}
	path := "/"
	if room != "" {
		path = "/r/" + url.PathEscape(room)
	}
	return publicURL + path + "#t=" + token
}
