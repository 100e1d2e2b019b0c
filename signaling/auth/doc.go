// Package auth answers one question: who is this request?
//
// A sign-in makes a [Login]. It is sealed with the key in data_dir/session-key
// and handed out twice with the same value: as a cookie for the page and as a
// bearer token for everybody else. The server keeps no table of logins, so a
// restart forgets nobody. What has been ended before its time stands in
// data_dir/ended, and the same list refuses TURN credentials.
//
// Four ways lead to a login: a free name (mode open), a shared password (mode
// password), an account of the users file (mode users), and in every mode a
// signed token: an invite of this server, or a JWT of an application whose key
// is configured.
//
// A [Service] starts no goroutine. All its methods may be called at any time
// from any goroutine, until Close.
package auth
