// Package oauth is what programs ask about tokens in the standards' own words: the public keys
// that check them (RFC 7517), what there is (RFC 8414), what a token is worth (RFC 7662) and
// its end (RFC 7009). Getting tokens is each product's own business.
//
// Decisions:
//
//   - It is a surface of its own, because its clients know an envelope and addresses that no
//     product has. Its addresses are below /.well-known and /oauth.
//   - Who asks says who they are as at rest: by an API key, a token that names this surface, or
//     HTTP Basic. Programs have no other accounts than people have.
//   - A token that the caller may know nothing of is answered as what is no token.
//   - The metadata has no token_endpoint, which RFC 8414 requires of a server that grants anything
//     but implicitly: no grant is offered here, and an address that answers none would mislead
//     more than its absence. So response_types_supported and grant_types_supported are empty lists,
//     where the RFC (3.2) leaves empty ones out: left out, the latter would mean two grants. A
//     client that insists on grants finds out at once that it can have none.
//   - A token names the surfaces on which it is good, and each surface looks for its own name. One of
//     a sign-in that says no audience, as all of Tellius do, names every surface that reads tokens:
//     it gives no more than the same name and password give on each of them.
//   - A field that is not known is passed over, and one that comes twice refused, as RFC 6749
//     says (3.2); a query is refused, because queries are written into logs.
package oauth
