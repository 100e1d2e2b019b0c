package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
)

// AddUser adds an account to a users file, which it makes (0600) when there is
// none. The running server takes it up at SIGHUP.
func AddUser(path, name, password, role string) error {
	hash, err := HashPassword(password)
	if err != nil {
		return err
	}
	line, err := newUsersLine(Account{Name: name, Hash: hash, Role: role})
	if err != nil {
		return err
	}
	return editUsers(path, true, func(f *usersFile) error {
		if i := f.index(line.form); i >= 0 {
			return fmt.Errorf("%s has an account %q already: change it with parley user passwd", path, f.lines[i].account.Name)
		}
		f.lines = append(f.lines, line)
		return nil
	})
}

// SetPassword changes the password of an account and keeps its role.
func SetPassword(path, name, password string) error {
	hash, err := HashPassword(password)
	if err != nil {
		return err
	}
	return editAccount(path, name, func(f *usersFile, i int) { f.lines[i].account.Hash = hash })
}

// SetRole changes the role of an account.
func SetRole(path, name, role string) error {
	if role != RoleUser && role != RoleAdmin {
		return fmt.Errorf("the role %q is unknown: write user or admin", role)
	}
	return editAccount(path, name, func(f *usersFile, i int) { f.lines[i].account.Role = role })
}

// RemoveUser removes an account.
func RemoveUser(path, name string) error {
	return editAccount(path, name, func(f *usersFile, i int) { f.lines = slices.Delete(f.lines, i, i+1) })
}

// HashPassword makes the bcrypt hash of a password: 1 to 72 bytes of text.
func HashPassword(password string) (string, error) {
	if err := passwordOK(password); err != nil {
		return "", err
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), newCost)
	return string(hash), err
}

func passwordOK(password string) error {
	switch {
	case password == "":
		return badMessage("The password is empty. Choose one.")
	case len(password) > maxPassword:
		return badMessage("The password has more than 72 bytes. Choose a shorter one: what follows byte 72 would not count.")
	case !utf8.ValidString(password):
		return badMessage("The password is not valid UTF-8 text.")
	}
	return nil
}

func editAccount(path, name string, change func(f *usersFile, i int)) error {
	_, form, err := accountName(name)
	if err != nil {
		return err
	}
	return editUsers(path, false, func(f *usersFile) error {
		i := f.index(form)
		if i < 0 {
			return fmt.Errorf("%s has no account %q: parley user list shows them", path, name)
		}
		change(f, i)
		return nil
	})
}

// forGroup says whether root keeps a folder for its group, as /etc/parley is kept
// for the account that the server runs as: a new file then gets that group, and
// must be readable by it.
func forGroup(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && os.Geteuid() == 0 && info.Mode().Perm()&0o057 == 0o050
}

// editUsers replaces the file as a whole. Its group may go on reading it, others
// never.
func editUsers(path string, create bool, change func(*usersFile) error) error {
	data, err := os.ReadFile(path)
	mode := secretMode
	if err != nil && !(create && errors.Is(err, fs.ErrNotExist)) {
		return fmt.Errorf("failed to read the users file: %w", err)
	}
	if info, err := os.Stat(path); err == nil {
		mode |= info.Mode().Perm() & 0o040
	} else if forGroup(filepath.Dir(path)) {
		mode |= 0o040
	}
	f, err := parseUsersFile(path, data)
	if err != nil {
		return err
	}
	if err := change(f); err != nil {
		return err
	}
	var out strings.Builder
	for _, l := range f.lines {
		out.WriteString(l.String() + "\n")
	}
	return replaceFile(path, []byte(out.String()), mode)
}
