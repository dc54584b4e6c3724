// Package httpx is what all surfaces share of HTTP: the adapter from a use case to a
// handler, readers that copy what Fiber would reuse, strict JSON in and out, answers that
// stream, and the status of each kind of error. It knows no product's dialect: names,
// envelopes and leniency belong to the surfaces.
//
// Decisions:
//
//   - Only this package calls Fiber's raw readers (Params, Query, Get, Body). Their strings
//     live in a buffer of the connection; kept past the handler they would turn into
//     another request's (2026-11-22).
//   - JSON is written with Writer, field by field in the document's order: it is several
//     times faster than reflection on long lists and shows the order where it is made
//     (2026-11-22).
//   - A list is answered whole, with a length, while it fits into one buffer, and streamed
//     beyond that. An error in the middle of a stream ends the connection without the
//     last chunk, so that no client takes half a list for a whole one (2026-11-22).
//   - What a page of another site asks for is told by the browser's Sec-Fetch-Site. Origin
//     alone is not looked at, since proxies change the Host it would be compared with; over
//     plain HTTP browsers send neither to be trusted (2026-11-22).
//   - GET and HEAD change nothing: their context says so, and a store fails that is to write a change
//     under it. A GET that a product's document wants to act is marked by Acts, and its HEAD runs
//     nothing: programs that look at mail follow its links (2026-11-24).
package httpx
