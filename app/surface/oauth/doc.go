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
//   - A field that is not known is passed over, and one that comes twice refused, as RFC 6749
//     says (3.2); a query is refused, because queries are written into logs.
package oauth
