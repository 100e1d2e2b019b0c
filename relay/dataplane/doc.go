// Package dataplane moves packets between TURN clients and their peers.
//
// A Plane holds two tables: clients by their five-tuple and relay sockets by
// port. A Relay is one relay socket with the permissions and channels of its
// allocation; whoever keeps the allocations (package relay) creates and removes
// them, the plane keeps no clocks of its own. What is neither permitted nor
// bound is dropped and counted, never answered and never logged.
//
// This is the portable plane: one goroutine reads each relay socket, and
// packets from clients are sent by the goroutine that read them. Packets
// between two relays of the same plane never reach the network.
//
// A Plane's methods may be called from any goroutine. No method calls out of
// the package while it holds a lock.
package dataplane
