// Package app puts Canopy together: it opens the directory, wires stores, use cases and
// surfaces, and runs the server with its jobs. Nothing is decided here and nothing is
// translated; what it knows is which part needs which.
//
// surfaces.go is the list of surfaces; a new one is a line there. arch_test.go holds the
// rules that keep the layers apart.
//
// Tests that need the whole server are here, by what they hold: accounts_ (how people come, prove their
// address and are told), signin_ (sessions, tokens, keys), rules_ (who may do what, and what is named to
// whom), model_ (random worlds against an oracle), fairness_ (what one client costs the others), faults_
// (a database or a disk that fails), surface_ (what one product's clients see, or all alike), contract_
// (the stories of each surface's testdata/contract), openapi_ (routes and descriptions), console_ (the
// pages of people), server_ and bench_. What they share is in helper_; surface_zoo_test.go has one of each thing
// that can exist.
//
// Decisions:
//
//   - Each surface is a Fiber application of its own under one fasthttp server, which
//     chooses by path (server.go). Fiber's mounting would answer errors by the longest
//     prefix and read the limits of the outermost application only.
//   - What clients can make the server hold is bounded before anybody is known: connections
//     (door.go) and what of bodies is large (body.go), in all and for one network. Small bodies
//     need no part of the budget, so that people can sign in while it is used up. Connections of
//     trusted proxies have no share: many clients are behind each. A few connections beyond the
//     bound are answered that there are too many, the others closed.
package app
