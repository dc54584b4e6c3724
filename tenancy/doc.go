// Package tenancy turns the tree of environments into answers: what a principal reaches
// (Reach), the proof that they may use a permission there (Scope, WriteScope), and the
// one issuer of such proofs (Gate). It also keeps what was read of environments and
// groups (Documents). It knows no database and no surface; it reads the directory
// through Source.
//
// The way to any stored row leads through a scope, and only a Gate makes scopes. The
// zero Scope reaches nothing.
//
// Everything remembered is keyed by what it was computed from: a user's reach by the
// user's epoch, the generation of their organization and what the root's groups give, an
// organization's documents by its generation. The versions are read at the beginning of
// a request, before anything is looked up, and a change bumps them in its own
// transaction; so an old entry is never found again, and nothing is invalidated by hand.
//
// Decisions:
//
//   - Of an organization only the groups are kept in memory whole. Environments are kept
//     one by one, by organization, generation and number, and those that are missing are
//     read in one statement a page. A change to
//     one environment of an organization with 100,000 then costs the next request a few
//     rows instead of the whole tree, and memory is bounded by entries, not by the size
//     of the largest tenant.
//   - A reach is two sorted lists of subtrees, the ones in it and the ones cut out of it,
//     each without overlaps, so that for any place at most one entry of each list can
//     speak: the greatest not above it. Deciding and explaining are the same two binary
//     searches.
//   - The root's generation counts nearly every change of the tree, because everything lies
//     below the root. A reach depends on no more of the root than its groups, so when its
//     generation is another one these are read, once for everybody, and a reach that was
//     remembered stays as long as they give the same.
//   - Whether an environment is inactive is read when a reach is computed, not kept in a
//     tree: whoever changes it bumps the generation of every organization above and
//     below it and the epoch of every user who was allowed an environment there.
package tenancy
