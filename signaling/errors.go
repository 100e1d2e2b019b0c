package signaling

import (
	"errors"
	"net/http"
	"time"
)

// Close codes of the protocol (section 10) beside those of RFC 6455.
const (
	closeProtocol = 4000
	closeReplaced = 4001
	closeLogin    = 4003
	closeFlood    = 4008
	closeVersion  = 4009
	closeShutdown = 4010
	closeTooBig   = 1009
	closeBinary   = 1003
	closeInternal = 1011
	closeLater    = 1013 // of RFC 6455's registry: there is no room for this session now, try again later
)

// refusal is an error that the client is told: a code of section 10 and a
// sentence that says what to do.
type refusal struct {
	code, message string
	retry         time.Duration
	knock         bool // the room's host may be asked
	fault         bool // the frame itself was wrong: who keeps on is closed 4008
}

func (r *refusal) Error() string             { return r.code + ": " + r.message }
func (r *refusal) Code() string              { return r.code }
func (r *refusal) RetryAfter() time.Duration { return r.retry }

func refuse(code, message string) *refusal {
	return &refusal{code: code, message: message}
}

// fault is a refusal of a frame that a correct client would not have sent.
func fault(code, message string) *refusal {
	return &refusal{code: code, message: message, fault: true}
}

// asRefusal makes any error tellable. What an injected function did not mean
// for the client becomes "internal".
func asRefusal(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	var c Coded
	if errors.As(err, &c) {
		return &refusal{code: c.Code(), message: c.Error(), retry: c.RetryAfter()}
	}
	return refuse("internal", "Something went wrong on the server. Try again.")
}

// closeCode is the close code after a refusal of hello.
func (r *refusal) closeCode() int {
	switch r.code {
	case "bad_message":
		return closeProtocol
	case "version":
		return closeVersion
	case "draining":
		return closeShutdown
	case "server_full", "rate_limited", "internal":
		return closeLater
	}
	return closeLogin
}

// httpStatus is the status of a refusal before the upgrade.
func (r *refusal) httpStatus() int {
	switch r.code {
	case "unauthorized", "wrong_credentials":
		return http.StatusUnauthorized
	case "forbidden", "bad_origin":
		return http.StatusForbidden
	case "name_taken":
		return http.StatusConflict
	case "rate_limited":
		return http.StatusTooManyRequests
	case "server_full", "draining":
		return http.StatusServiceUnavailable
	case "internal":
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}
