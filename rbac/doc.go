// Package rbac asks Casbin whether the policy permits something, behind one typed
// function. It is the only package that imports casbin. It knows roles, permissions and
// positions, and nothing of environments, users or tenants: package tenancy turns the
// tree into a position before it asks.
//
// Decisions:
//
//   - An Engine asks Casbin every question there is when it is made, a few hundred, and keeps
//     the verdicts in a table; a decision is an index. So a policy that cannot be decided, or a
//     row that decides nothing, is found before anything is served, and Casbin's traps at run
//     time (role links memoised inside a compiled matcher, a cache that outlives a role
//     assignment) cannot matter. Another policy is another Engine.
//   - Of the mask only whether it has the permission's bit enters a question.
package rbac
