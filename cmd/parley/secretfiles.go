package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"parley/cmd/internal/config"
	"parley/signaling/auth"
)

// credentials reads what people and applications prove themselves with.
func credentials(cfg config.Config) (auth.Credentials, error) {
	var c auth.Credentials
	var errs []error
	read := func(key, file string, use func(text string) error) {
		if file == "" {
			return
		}
		secret, err := cfg.ReadSecret(file)
		if err == nil {
			err = use(secret.Reveal())
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	read("auth.password_file", cfg.Auth.PasswordFile, func(text string) error {
		c.Password = text
		return nil
	})
	read("auth.users_file", cfg.Auth.UsersFile, func(text string) (err error) {
		c.Users, err = auth.ParseUsers(cfg.Auth.UsersFile, []byte(text))
		return err
	})
	for _, file := range cfg.Auth.JWTKeys {
		read("auth.jwt_keys", file, func(text string) error {
			c.JWTKeys = append(c.JWTKeys, auth.JWTKey{Name: filepath.Base(file), Data: []byte(text)})
			return nil
		})
	}
	return c, errors.Join(errs...)
}

// relaySecrets reads relay.secrets_file.
func relaySecrets(cfg config.Config) ([]string, error) {
	secret, err := cfg.ReadSecret(cfg.RelaySecretsFile())
	if err != nil {
		return nil, fmt.Errorf("relay.secrets_file: %w", err)
	}
	lines := secretLines(secret.Reveal())
	if len(lines) == 0 {
		return nil, fmt.Errorf("relay.secrets_file: %s holds no secret; write one a line, the first signs", cfg.RelaySecretsFile())
	}
	return lines, nil
}
