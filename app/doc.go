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
//     prefix and read the limits of the outermost application only (2026-11-22).
package app
