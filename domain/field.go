package domain

import "slices"

// fieldNames are the words by which errors and the audit trail name fields, the same ones whatever
// a surface calls them. Attributes are named "attributes.mobile", by the names they have.
var fieldNames = []string{
	// of users
	"alias", "password", "home", "role", "group", "groups", "allowed", "blocked", "state", "active",
	"person.first_name", "person.last_name", "person.mail", "person.phone", "person.job_title", "person.department",
	"language", "time_zone", "default_page", "first_access", "password_delay", "revoke_delay", "last_password",
	"archived", "claims", "lists_users", "system", "picture", "attributes", "id", "organization", "old_password",
	"new_password",
	// of environments
	"parent", "code", "send_url", "git_repository",
	// of groups; permission is a mask or one permission
	"permission", "description", "users",
	// of objects; home is the environment that one lies in
	"name", "kind", "owner", "visibility", "uses", "access", "level", "user", "object", "recursive",
	"from", "to", "copy_request", "copy_to", "count", "end",
	// of sign-ins, sessions and API keys; current is the current environment
	"current", "session", "sessions", "network", "key", "expires", "environment", "token", "audience",
	// of what environments ask of sign-ins
	"min_password", "min_password_with_factor", "password_days", "people", "admins", "above", "proof_age", "grace",
	"programs_exempt", "only_provider", "break_glass", "min_set_password", "from_above", "key.expires",
	// of factors; code is a one-time code
	"factor", "passkey", "recovery_codes",
	// of sign-up and what is sent by mail
	"expiry", "max_users", "left", "enabled", "secret", "link", "purpose", "subject", "body", "confirm",
	// of what people keep for themselves
	"tag", "topic", "status",
	// of lists
	"limit", "after", "skip", "sort", "filter", "field", "op", "value", "pattern", "part", "path",
	// of identity providers and what they say
	"issuer", "client_id", "client_secret", "scopes", "domains", "trusts_strong", "newcomers", "rules",
	"provider", "domain", "proved", "confirmed",
	// of previews, imports, and of what is made together
	"plan", "file", "addresses", "admin.alias",
	// of requests that are sent again
	"idempotency_key",
}

// FieldNames returns the words by which errors and the audit trail name fields.
func FieldNames() []string { return slices.Clone(fieldNames) }
