// Package tat is the surface of Tat's users API: /user…, /users, and of what clients of Tat
// touch beside it: topics, groups, presences, version and capabilities. It translates and
// decides nothing.
//
// The published document is the contract, with the engine's own spelling and texts where
// the document is silent or the two differ. Both ways to write a request are taken.
//
// Where ours differs on purpose (2026-11-22):
//
//   - A client's mistake that the engine answers with 500 has the fitting 4xx and the same
//     text; one that it answers with {"error":{}} has a sentence. A malformed body is 400 and
//     does nothing.
//   - Whether there is an account of a name and mail address is not told when somebody asks
//     for another password; a taken mail address is not told at sign-up.
//   - An ordinary user lists nobody but themselves, as on every surface; contacts are people
//     who are at home where one works.
//   - convert and resetsystem answer 201 as all other changes, which is what clients expect.
//   - Names of persons need not be unique. The password is shorter than the engine's 128
//     characters, and as hard to guess as 128 bits.
//   - Somebody has one level on a topic, not a place on each of three lists: to add never lowers it,
//     to remove takes away the level it names. The owner has all rights and is shown among rwUsers
//     (2026-11-24).
//   - A topic's lists are shown to who may administer it; getForTatAdmin shows an admin what they
//     manage, and nobody else more than before (2026-11-24).
//   - A group's own admins are chosen by who may write the group, and let in whom they reach; they do
//     not choose one another (2026-11-24).
//   - There are no messages: what is unread is where one never was (2026-11-24).
//   - A callback leads where its writer wants, and GET of /user/verify acts, as the document says. A
//     letter without a callback is ours, and programs that look at mail follow links, so it leads to a
//     page where the person has the password made by pressing a button (2026-11-24).
//   - An _id is the number of the user, group or topic, written with 24 hexadecimal digits.
package tat
