// Package usecase holds what can be done with the directory, whichever surface asks:
// authorize, then load and change, then save. It speaks domain and tenancy only; it
// knows no HTTP, no JSON, no SQL and no Casbin, and it never asks which surface calls.
//
// A method takes the context, the principal and one input struct, enters the gate and
// hands the scope to a store. What a user may be given is asked of a tenancy.Giver inside
// the store's transaction, on the row as it is then.
//
// Decisions:
//
//   - Whoever cannot see a user cannot tell whether they exist: a change first reads its
//     target in the scope of user:read, and only what is seen there can be Forbidden
//     (2026-11-22).
//   - Lists on a user (envs, envsbloque) show a reader only what the reader reaches, and a
//     reader replaces only what they are shown; the rest stays (2026-11-22).
//   - What a reader does not reach is not told beside what they do: the owner of an object, who
//     made a code, a group or an organization of somebody else's, the environment above, each
//     number in the audit trail. One's own home and organization everybody knows, and the root's
//     groups. A name of an entry that is left out stays out, also of one's own organization
//     (2026-11-24).
//   - What somebody could give they may take away, and nothing more: a user is changed, deleted
//     or impersonated by who has everything the user has, a group by who has everything it gives,
//     whoever its members are, and the root's groups, used everywhere, by superUsers only. Oneself
//     nobody changes but by the profile, a superUser excepted (2026-11-24).
//   - What happens to a whole subtree, a move, a switch, the end of an organization, is for who
//     has all of it, active or not. A name, a code and the like are the one environment's own,
//     though the alias path of what lies below follows; and only an empty environment is deleted
//     (2026-11-24).
//   - An environment directly below the root is an organization unless the contrary is said, in
//     an import too. In the root's organization only somebody at home in the root is an oadmin.
//     Who was made one elsewhere in it by an earlier rule, or is lifted to one by a group, acts as
//     power; their row stays as it is and can be changed in everything else (2026-11-24).
//   - Objects are worked with within reach, like everything else, with one exception as for
//     groups: what an organization keeps at its own place is there for its members wherever in
//     it they work, as far as the object's owner, access list or visibility says (2026-11-22).
//   - People who work in an environment can name each other there to share an object, hand it
//     over or offer a copy, whether or not they may list users; whoever works elsewhere does not
//     exist for them (2026-11-22).
//   - Usage is counted for whoever owned the object when it was used, so that neither a change
//     of owner nor of month has to be divided later. Counts wait in memory for some seconds; a
//     clean stop writes them down, a kill loses them (2026-11-22).
//   - The directory document leaves objects out (2026-11-22).
//   - A mail address is changed at once where a product's document answers with the new one, by
//     oneself (axway's currentuser, rest's own user) as by administrators; the address before is
//     told in the same transaction, so that nobody loses an account in silence. Where a document
//     has a confirmation (ethersource), the address changes with the secret that was sent to the
//     new one (2026-11-22).
//   - Two registrations with one address that overlap leave no password: who proves the address
//     cannot be told from who chose a password first (2026-11-22).
//   - Mail that strangers cause is limited by where they are first, then by address and overall,
//     and what is refused uses up nothing further. An address that had enough is passed over in
//     silence where the address is the account's own (2026-11-22).
//   - A group can have admins of its own, people of its organization who put others into it and take
//     them out. That is a relation, not a role: what it permits is domain.GroupMembers, which the
//     policy gives where people work, and both of the rules that bind whoever changes users. So it
//     gives nobody anything that its holder does not have, and one's own groups stay for others to
//     change. Who may write the group says who its admins are; they do not themselves (2026-11-24).
package usecase
