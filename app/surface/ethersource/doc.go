// Package ethersource is the surface of Gavagai's Ethersource users API, at
// /ethersource/rest/v2/users and, for requests with HTTP Basic or an apiKey, at /users. It
// translates and decides nothing.
//
// The published document is the contract: its addresses, parameters and statuses. It shows
// no bodies ("custom"), so their keys are those of the product's other resources.
//
// What differs from the document on purpose is a table at the head of openapi.yaml.
//
// Decisions:
//
//   - A userId is the login name: it is chosen by whoever creates the user, cannot be
//     modified, and is what clients send with HTTP Basic.
//   - The API key of a user is their oldest. Users who came by another way get one when it is
//     asked for, so that no account is without.
//   - The statuses of failures are the document's 400, 401, 403 and 404, so a conflict is 400;
//     beside them only what concerns no request in particular (405, 413, 415, 429, 5xx).
//   - Statistics cover the time from the one rounded end to the other, in months of UTC. Both
//     are in the answer; a period that is rounded to nothing has no statistics.
package ethersource
