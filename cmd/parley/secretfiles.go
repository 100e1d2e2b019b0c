package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"parley/cmd/internal/config"
	"parley/signaling/auth"
)

// credentials reads what people and applications prove themselves with. A file
// about which a problem is known already is left out.
func credentials(cfg config.Config, known config.Problems) (auth.Credentials, config.Problems) {
	var c auth.Credentials
	var problems config.Problems
	use := func(key, file string, secret config.Secret, err error, keep func(text string) error) {
		if toldOf(cfg, known, key, file) {
			return
		}
		if err == nil {
			err = keep(secret.Reveal())
		}
		for _, e := range apart(err) {
			problems = append(problems, cfg.Problem(key, e.Error()))
		}
	}
	password, err := modeFile(cfg, auth.ModePassword, cfg.Auth.PasswordFile)
	use("auth.password_file", cfg.Auth.PasswordFile, password, err, func(text string) error {
		c.Password = text
		if cfg.Auth.Mode != auth.ModePassword {
			return nil
		}
		return in(cfg.Auth.PasswordFile, auth.CheckPassword(text))
	})
	users, err := modeFile(cfg, auth.ModeUsers, cfg.Auth.UsersFile)
	use("auth.users_file", cfg.Auth.UsersFile, users, err, func(text string) (err error) {
		c.Users, err = auth.ParseUsers(cfg.Auth.UsersFile, []byte(text))
		return err
	})
	for _, file := range cfg.Auth.JWTKeys {
		key, err := cfg.ReadJWTKey(file)
		use("auth.jwt_keys", file, key, err, func(text string) error {
			k := auth.JWTKey{Name: filepath.Base(file), Data: []byte(text)}
			c.JWTKeys = append(c.JWTKeys, k)
			return in(file, k.Check())
		})
	}
	return c, problems
}

// toldOf says whether a known problem of key is about file, which stands in its
// sentence as it was written or as it was found.
func toldOf(cfg config.Config, known config.Problems, key, file string) bool {
	path, _ := cfg.Path(file)
	return slices.ContainsFunc(known, func(p config.Problem) bool {
		return p.Key == key && (strings.Contains(p.Sentence, file) || path != "" && strings.Contains(p.Sentence, path))
	})
}

// in puts the name of a file before what is wrong in it.
func in(file string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", file, err)
}

// apart gives the errors that errors.Join has put together.
func apart(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// modeFile reads the file that one mode needs and the others do without.
func modeFile(cfg config.Config, mode, file string) (config.Secret, error) {
	if file == "" {
		return config.Secret{}, nil
	}
	secret, err := cfg.ReadSecret(file)
	if cfg.Auth.Mode != mode && errors.Is(err, fs.ErrNotExist) {
		return config.Secret{}, nil
	}
	return secret, err
}

// relaySecrets reads relay.secrets_file.
func relaySecrets(cfg config.Config) ([]string, error) {
	secret, err := cfg.ReadSecret(cfg.RelaySecretsFile())
	if err != nil {
		return nil, err
	}
	lines := secretLines(secret.Reveal())
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s holds no secret; write one a line, the first signs", cfg.RelaySecretsFile())
	}
	return lines, nil
}
