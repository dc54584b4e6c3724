// Package domain holds Canopy's vocabulary: its entities with their rules, the
// permission catalogue, filters and pages, and typed errors. It imports the
// standard library only and does no input or output; it has no clock, no random
// numbers and no tags, so that every other package can speak in its words.
//
// One word per idea, everywhere:
//
//   - environment: a node of the one tree. Environment 1 is the root and its own parent.
//   - organization: an environment marked as the border of a tenant. Organizations may
//     nest. Each environment belongs to the nearest organization on its way up, itself
//     included; the root is the operator's own organization.
//   - home: the environment a user belongs to; it also fixes the user's organization.
//   - group: a node of the group tree with a permission mask. It belongs to an
//     organization; the root's groups can be used everywhere.
//   - permission: one named bit of the 49 of a mask.
//   - role: user < power < oadmin < superUser.
//   - allowed, blocked: environments listed on a user; each means the whole subtree below.
//   - reach: the environments in which a user's role works: home or organization by
//     role, plus allowed, minus blocked.
//   - current environment: the environment a request is made in.
//   - principal: who acts. Subject is the part of a principal that decides what they reach.
//   - scope: the proof that a principal may use one permission in a set of environments
//     (package tenancy).
//   - object: something a user owns in an environment. Its kind says what belongs to it.
//   - level: how far somebody's rights on one object go: none < read < write < admin.
//   - surface: one product's API. A wire is a surface's JSON shape.
//
// Decisions:
//
//   - An environment's path (1/19/25) orders the tree and is never shown. What people
//     read and write is the alias path (Acme/Prod), and it is cut where the reader's
//     reach ends, so that a name above it is never told.
//   - Names are compared by Fold, Unicode simple case folding done here, because the two
//     database engines disagree on case.
package domain
