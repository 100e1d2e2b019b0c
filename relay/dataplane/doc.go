// Package dataplane moves packets between TURN clients and their peers.
//
// A Plane holds two tables: clients by their five-tuple and relay sockets by
// port. A Relay is one relay socket with the permissions and channels of its
// allocation; whoever keeps the allocations (package relay) creates and removes
// them, the plane keeps no clocks of its own. What is neither permitted nor
// bound is dropped and counted, never answered and never logged.
//
// Packets are handled in rounds: read what is there, look each packet up, put
// packets of one flow and length together, send all of it. Nothing waits for
// more to come. A round holds the plane's read lock from its first look into
// the tables to its last send, and every change of the tables takes the write
// lock, so that no packet passes once the removal of a relay, channel or
// permission has returned. Packets between two relays of the same plane never
// reach the network.
//
// On Linux a UDP listener has one socket and one goroutine for each core, relay
// sockets are watched by one goroutine for each core, and both use batched
// system calls and segmentation offload. While packets come faster than they
// are read, everybody else on the core has a turn between any two rounds
// (pause_linux.go). Elsewhere (portable.go) each socket
// has a goroutine and each packet a call.
//
// A Plane's methods may be called from any goroutine, except from Allowed, Tap
// and Stream.Queue, which rounds call with the lock held.
package dataplane
