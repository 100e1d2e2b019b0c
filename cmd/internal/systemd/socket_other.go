//go:build !unix

package systemd

import "errors"

// isStream is for systems whose descriptors programs inherit by number.
func isStream(int) (bool, error) { return false, errors.ErrUnsupported }
