// Package openid speaks with identity providers as their relying party: OpenID Connect by the code flow with PKCE.
//
// Decisions:
//
//   - What a provider's address leads to is the input of an administrator, so a request goes to no address that is
//     private, of this machine or of this network, whatever a name resolves to at that moment, unless the server was
//     told that providers may be there. Proxies of the environment are not used: they would do the looking up.
//   - An answer is read for a few seconds and up to a megabyte, and leads to no other host. What a provider publishes
//     is fetched a few times in a row at most, so that tokens with made-up keys cause no traffic.
//   - Each provider has its own memory and its own places for requests: a slow one delays nobody but its organization.
//   - Only signatures by a key of the provider's own count: no "none", and no secret in place of a key.
package openid
