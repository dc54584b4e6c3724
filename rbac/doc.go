// Package rbac asks Casbin whether the policy permits something, behind one typed
// function. It is the only package that imports casbin. It knows roles, permissions and
// positions, and nothing of environments, users or tenants: package tenancy turns the
// tree into a position before it asks.
//
// Decisions:
//
//   - An Engine never changes. Casbin memoises role links inside a compiled matcher and
//     its CachedEnforcer keeps answers after a role assignment went away, so a policy is
//     loaded once into an enforcer that nobody mutates; another policy is another Engine
//     with a cache of its own. The policy version is thereby part of every cache key
//     (2026-11-22).
//   - The cache is keyed by whether the mask has the permission's bit instead of the whole
//     mask, because nothing else of the mask enters the question (2026-11-22).
package rbac
