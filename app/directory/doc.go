// Package directory holds what can be done with the tree and the people in it, whichever surface
// asks: users, people, memberships, groups, environments, organizations, the audit trail, one's own
// account, and why somebody may do something. A method authorizes, then loads and changes, then
// saves. It takes the context, the caller and one input struct, enters the gate and hands the scope
// to a store; what a user may be given is asked of a tenancy.Giver inside the store's transaction,
// on the row as it is then.
//
// It speaks domain and tenancy only: it knows no HTTP, no JSON, no SQL and no Casbin, and never asks
// which surface calls. How accounts are made and opened is for package accounts, what people own for
// package objects, whole organizations for package transfer. They build on this one and never the
// other way round: what it needs of them comes in as a function or a port.
//
// Decisions:
//
//   - Whoever cannot see a user cannot tell whether they exist: a change first reads its
//     target in the scope of user:read, and only what is seen there can be Forbidden.
//   - The allowed and blocked environments of a user show a reader only what the reader reaches, and
//     a reader replaces only what they are shown; the rest stays.
//   - What a reader does not reach is not told beside what they do: the owner of an object, who
//     made a code, a group or an organization of somebody else's, the environment above, each
//     number in the audit trail. One's own home and organization everybody knows, and the root's
//     groups. A name of an entry that is left out stays out, also of one's own organization.
//   - What somebody could give they may take away, and nothing more: a user is changed, deleted
//     or impersonated by who has everything the user has, a group by who has everything it gives,
//     whoever its members are, and the root's groups, used everywhere, by superUsers only. Oneself
//     nobody changes but by the profile, a superUser excepted.
//   - What happens to a whole subtree, a move, a switch, the end of an organization, is for who
//     has all of it, active or not. A name, a code and the like are the one environment's own,
//     though the alias path of what lies below follows; and only an empty environment is deleted.
//   - To move people to where less is asked of their sign-ins is to ask for less, so it is for who could do that
//     where they are: looked at in the transaction that moves them, whichever way that is, and written with the
//     move into the audit trail. What is announced and does not count yet is held as well.
//   - An environment directly below the root is an organization unless the contrary is said. In the
//     root's organization only somebody at home in the root is an oadmin. Who was made one elsewhere
//     in it by an earlier rule, or is lifted to one by a group, acts as power; their row stays as it
//     is and can be changed in everything else.
//   - A mail address is changed at once where a product's document answers with the new one, by
//     oneself as by administrators; the address before is told in the same transaction, so that
//     nobody loses an account in silence.
//   - A group can have admins of its own, people of its organization who put others into it and take
//     them out. That is a relation, not a role: what it permits is domain.GroupMembers, which the
//     policy gives where people work, and both of the rules that bind whoever changes users. So it
//     gives nobody anything that its holder does not have, and one's own groups stay for others to
//     change. Who may write the group says who its admins are; they do not themselves.
package directory
