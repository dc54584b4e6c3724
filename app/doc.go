// Package app puts Canopy together: it opens the directory, wires stores, use cases and
// surfaces, and runs the server with its jobs. Nothing is decided here and nothing is
// translated; what it knows is which part needs which.
//
// surfaces.go is the list of surfaces; a new one is a line there. arch_test.go holds the
// rules that keep the layers apart. contract_test.go runs each surface's contract files, in
// its folder testdata/contract, and openapi_test.go holds routes and description together.
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
