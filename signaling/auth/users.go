package auth

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	// newCost is the bcrypt cost of passwords set here: about 60 ms of one core.
	newCost = 10
	// minCost and maxCost are what a users file may hold: below, a stolen file
	// is guessed too fast; above, one login occupies a core for seconds.
	minCost, maxCost = 10, 16
	// maxPassword is where bcrypt stops reading, in bytes.
	maxPassword = 72
)

// Account is one line of the users file, `name:bcrypt:role`.
type Account struct {
	Name string
	Hash string // bcrypt
	Role string // RoleUser or RoleAdmin
}

// LoadUsers reads a users file. Its error is that of ParseUsers.
func LoadUsers(path string) ([]Account, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("failed to read the users file: %w", err)
	}
	return ParseUsers(path, data)
}

// ParseUsers reads the content of a users file; name stands in its errors.
// Blank lines and lines that start with # are comments. The error joins one for
// each bad line, which names it.
func ParseUsers(name string, data []byte) ([]Account, error) {
	f, err := parseUsersFile(name, data)
	if err != nil {
		return nil, err
	}
	var out []Account
	for _, l := range f.lines {
		if l.form != "" {
			out = append(out, l.account)
		}
	}
	return out, nil
}

// usersFile is a users file with its comments, so that an edit keeps them.
type usersFile struct {
	lines []usersLine
}

type usersLine struct {
	text    string // of a comment
	form    string // comparison form of the account's name; "" for a comment
	account Account
}

func (l usersLine) String() string {
	if l.form == "" {
		return l.text
	}
	return l.account.Name + ":" + l.account.Hash + ":" + l.account.Role
}

func parseUsersFile(name string, data []byte) (*usersFile, error) {
	f := &usersFile{}
	text := strings.TrimSuffix(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	if text == "" {
		return f, nil
	}
	var bad []error
	for i, raw := range strings.Split(text, "\n") {
		line, err := parseUsersLine(raw)
		if err == nil && line.form != "" && f.index(line.form) >= 0 {
			err = fmt.Errorf("the name %q stands here twice: remove one of the lines", line.account.Name)
		}
		if err != nil {
			bad = append(bad, fmt.Errorf("%s:%d: %w", name, i+1, err))
			continue
		}
		f.lines = append(f.lines, line)
	}
	return f, errors.Join(bad...)
}

func parseUsersLine(raw string) (usersLine, error) {
	trimmed := strings.TrimSpace(raw)
	if trimmed == "" || trimmed[0] == '#' {
		return usersLine{text: raw}, nil
	}
	field := strings.Split(trimmed, ":")
	if len(field) != 3 {
		return usersLine{}, fmt.Errorf("a line is name:bcrypt:role, this one has %d fields", len(field))
	}
	return newUsersLine(Account{Name: field[0], Hash: field[1], Role: field[2]})
}

// newUsersLine checks an account whatever it came from.
func newUsersLine(a Account) (usersLine, error) {
	name, form, err := accountName(a.Name)
	if err != nil {
		return usersLine{}, err
	}
	if err := checkHash(a.Hash); err != nil {
		return usersLine{}, fmt.Errorf("%w: set the password again with parley user passwd %s", err, name)
	}
	if a.Role != RoleUser && a.Role != RoleAdmin {
		return usersLine{}, fmt.Errorf("the role %q is unknown: write user or admin", a.Role)
	}
	return usersLine{form: form, account: Account{Name: name, Hash: a.Hash, Role: a.Role}}, nil
}

// accountName adds to the rules on names what the file's format asks.
func accountName(raw string) (name, form string, err error) {
	name, form, err = cleanName(raw)
	if err != nil {
		return "", "", fmt.Errorf("the name %q cannot be used: 1 to 32 characters, no control or invisible characters", raw)
	}
	if strings.Contains(name, ":") || name[0] == '#' {
		return "", "", fmt.Errorf("the name %q cannot be used: no colon, and no # at the start", raw)
	}
	return name, form, nil
}

func checkHash(hash string) error {
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil || len(hash) != 60 {
		return fmt.Errorf("this is no bcrypt hash")
	}
	if cost < minCost || cost > maxCost {
		return fmt.Errorf("the bcrypt cost is %d, it must be %d to %d", cost, minCost, maxCost)
	}
	return nil
}

func (f *usersFile) index(form string) int {
	for i, l := range f.lines {
		if l.form == form {
			return i
		}
	}
	return -1
}
