// Package policies holds the access policy as data: the Casbin model, the policy rows,
// and the truth table that says what they must amount to. Nothing else lives here; the
// package rbac reads it.
package policies

import _ "embed"

var (
	// Model is the Casbin model.
	//go:embed model.conf
	Model string
	// Policy holds the policy rows and the role inheritance.
	//go:embed policy.csv
	Policy string
	// Matrix is the truth table: role, permission, position, allow or deny, for a
	// principal who holds the permission. Without it everything is denied.
	//go:embed matrix.csv
	Matrix string
)
