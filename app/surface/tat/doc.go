// Package tat is the surface of Tat's users API: /user…, /users, and of what clients of Tat
// touch beside it: topics, groups, presences, version and capabilities. It translates and
// decides nothing.
//
// The published document is the contract, with the engine's own spelling and texts where
// the document is silent or the two differ. Both ways to write a request are taken.
//
// What differs from the document on purpose is a table at the head of openapi.yaml.
//
// Decisions:
//
//   - A password that is made here is shorter than the engine's 128 characters, and as hard to guess
//     as 128 bits.
//   - A topic's lists are shown to whoever may administer it.
//   - A group's own admins are chosen by whoever may write the group, and do not choose one another.
//   - A callback leads where its writer wants, and GET of /user/verify acts, as the document says. A
//     letter without a callback is ours, and programs that look at mail follow links, so it leads to a
//     page where the person has the password made by pressing a button.
package tat
