package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"parley/cmd/internal/config"
	"parley/signaling/auth"
)

// credentials reads what people and applications prove themselves with.
func credentials(cfg config.Config) (auth.Credentials, config.Problems) {
	var c auth.Credentials
	var problems config.Problems
	use := func(key string, secret config.Secret, err error, keep func(text string) error) {
		if err == nil {
			err = keep(secret.Reveal())
		}
		if err != nil {
			problems = append(problems, cfg.Problem(key, err.Error()))
		}
	}
	password, err := modeFile(cfg, auth.ModePassword, cfg.Auth.PasswordFile)
	use("auth.password_file", password, err, func(text string) error {
		c.Password = text
		return nil
	})
	users, err := modeFile(cfg, auth.ModeUsers, cfg.Auth.UsersFile)
	use("auth.users_file", users, err, func(text string) (err error) {
		c.Users, err = auth.ParseUsers(cfg.Auth.UsersFile, []byte(text))
		return err
	})
	for _, file := range cfg.Auth.JWTKeys {
		key, err := cfg.ReadJWTKey(file)
		use("auth.jwt_keys", key, err, func(text string) error {
			c.JWTKeys = append(c.JWTKeys, auth.JWTKey{Name: filepath.Base(file), Data: []byte(text)})
			return nil
		})
	}
	return c, problems
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
