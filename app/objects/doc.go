// Package objects holds what people own and keep in an environment: objects with the copies that are
// offered, bookmarks and usage of them, and topics with favourites, contacts and presences. It builds
// on package directory, whose users own them.
//
// Decisions:
//
//   - Objects are worked with within reach, like everything else, with one exception as for
//     groups: what an organization keeps at its own place is there for its members wherever in
//     it they work, as far as the object's owner, access list or visibility says.
//   - People who work in an environment can name each other there to share an object, hand it
//     over or offer a copy, whether or not they may list users; whoever works elsewhere does not
//     exist for them.
//   - Usage is counted for whoever owned the object when it was used, so that neither a change
//     of owner nor of month has to be divided later. Counts wait in memory for some seconds; a
//     clean stop writes them down, a kill loses them.
package objects
