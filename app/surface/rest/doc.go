// Package rest is the surface of iXPath's users API, /auth and /rest/…, with our own
// additions in the same envelope: environments, groups, permissions, the own account,
// invitations, newcomers and forgotten passwords, explanations and the audit trail. It
// translates and decides nothing.
//
// The published document is the contract, key for key; what it leaves open is lenient in
// what is accepted (numbers and flags as text, environments and groups by number, alias or
// as the objects of our answers) and strict in what is answered. Keys of our own come
// behind the documented ones.
//
// What differs from the document on purpose is a table at the head of openapi.yaml.
package rest
