// Package signaling is the hub that brings callers together: one JSON protocol,
// parley.v1, over one WebSocket per tab.
//
// # Model
//
// A peer is one tab. It outlives its sockets: what it was sent and has not yet
// acknowledged is kept, so that a new socket goes on where the old one broke.
// Peers meet in rooms. A link, a ring and an offer on the board are three ways
// into a room; inside it there is one message, signal, whose data the hub never
// reads.
//
// # Goroutines and locks
//
// Every socket has one reader goroutine, started by ServeHTTP once hello was
// heard; ServeHTTP then returns so that net/http frees its buffers. A writer goroutine exists only
// while a socket has something to be written that the kernel does not take at
// once: a signal is written by the reader that queued it, without waiting, after
// it has given up its locks. Rooms have no goroutine. Shutdown waits for all of
// them.
//
// The locks, in the order in which they may be taken:
//
//   - peer.turn: held while a frame of that peer is handled or its session is
//     attached or ended; never two of them.
//   - one of Hub.mu, callBook.mu, room.mu, and the smaller ones: never two of
//     these.
//   - peer.mu: a leaf around the peer's bounded queue. Queueing an event under
//     the lock that decided it is what keeps the events of a room in one order
//     for everybody.
//
// No I/O happens and nothing outside the package is called under any of them
// but turn.
package signaling
