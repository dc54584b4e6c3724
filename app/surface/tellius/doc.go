// Package tellius is the surface of Tellius' users and groups API: sign-in at /api/login,
// /users, /groups and /assignUserObjects. It translates and decides nothing.
//
// Users and groups are known by their UUID. What the document calls a superUser or admin is
// whoever acts as an oadmin or superUser, within their reach; the others may sign in and are
// refused everything else.
//
// Decisions:
//
//   - Answers have the keys that the document shows, which are fewer on an update and in the
//     list than on a creation. GET /users/{id}, which it does not have, shows all of them.
//   - The roles below power differ in what people see in the product, not in what they may
//     do here: they act as user, and the word is kept as the attribute tellius.role. A role
//     that was changed elsewhere meanwhile is shown, not the word.
//   - The default group of assignDefaultGroup is the built-in one that fits the role, User or
//     Admin, which groups does not list. An admin is always in it: the word means that they
//     may keep users and groups. The first group in groups is the one other surfaces show.
//   - A group's role counts for its members as soon as they are in it. It is given when the
//     group is created and stays; the document does not change it either.
//   - The document says nothing of refreshing: POST /api/refresh takes the refreshToken and
//     answers as the sign-in does. Nor does it show how members are added and removed: POST
//     and DELETE of /groups/{id}/users take the users' ids.
//   - The newer page's "session": true asks for a cookie. It is refused: its clients get on
//     with the token, and a cookie would need protection that its requests have no room for.
package tellius
