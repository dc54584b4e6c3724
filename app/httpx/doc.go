// Package httpx is what all surfaces share of HTTP: the adapter from a use case to a
// handler, readers that copy what Fiber would reuse, strict JSON in and out, answers that
// stream, and the status of each kind of error. It knows no product's dialect: names,
// envelopes and leniency belong to the surfaces.
//
// Decisions:
//
//   - Only this package calls Fiber's raw readers (Params, Query, Get, Body). Their strings
//     live in a buffer of the connection; kept past the handler they would turn into
//     another request's.
//   - JSON is written with Writer, field by field in the document's order: it is several
//     times faster than reflection on long lists and shows the order where it is made.
//   - A list is answered whole, with a length, while it fits into one buffer, and streamed
//     beyond that. An error in the middle of a stream ends the connection without the
//     last chunk, so that no client takes half a list for a whole one.
//   - What a page of another site asks for is told by the browser's Sec-Fetch-Site. Browsers do
//     not send it over plain HTTP, and old ones never: then Origin has to be ours. Ours is the
//     Host of the request with the scheme that the client speaks, the same with the
//     X-Forwarded-Host of a trusted proxy, which a page cannot set without asking first, and the
//     origin of --public-url for proxies that nobody declared trusted.
//   - GET and HEAD change nothing: their context says so, and a store fails that is to write a change
//     under it. A GET that a product's document wants to act is marked by Acts, and its HEAD runs
//     nothing: programs that look at mail follow its links.
//   - A request's id is made here: what a client chooses could be another request's. Theirs is
//     kept beside it.
//   - What clients can make the server hold, however slowly they read, is bounded (budget.go):
//     a small answer by the number of connections, a large one by the budget of answers, of which
//     each user and each network has a share. While a client reads, nothing is held but what
//     is being sent and one page of the list; no turn and no connection to the database.
package httpx
