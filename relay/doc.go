// Package relay serves STUN (RFC 8489) and TURN (RFC 8656) over UDP, TCP and
// TLS on sockets that the caller has opened, and tells clients how to reach it
// (the iceServers value).
//
// Three layers share the work:
//
//   - The guard (guard.go, methods.go, stream.go) frames, parses, limits and
//     authenticates everything that arrives. It writes every answer itself and
//     keeps nothing about a client before the client has proved who it is.
//   - pion/turn (pion.go) keeps permissions and channels and their timers, and so
//     the allocations that have any. It sees only requests that the guard wrote
//     and signed afresh, through a virtual packet connection, one at a time.
//   - The data plane (package relay/dataplane) moves ChannelData and
//     indications. It learns permissions and channels from pion's events.
//
// A Server owns the relay sockets and the goroutines that read them (see
// dataplane), those that read a UDP listener and one for its requests, one for
// each stream and one more while its client is slow to read, one of pion's and
// one of housekeeping; it does not own the listening sockets until they are
// passed to ServeUDP, ServeTCP, ServeTLS or ServeConn, which close them.
// Close ends all of it and waits. All exported methods may be called from any
// goroutine.
package relay
