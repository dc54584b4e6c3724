package directory

import (
	"context"

	"canopy/domain"
)

// PermissionDocument is a permission with the roles that the policy permits it to where a group gives
// it: on one's own account, and within one's reach.
type PermissionDocument struct {
	domain.PermissionInfo
	Own, Reach []domain.Role
}

// Permissions returns the catalogue, in the order of the bits. Everybody may see it.
func (x *Explain) Permissions(context.Context, domain.Principal) ([]PermissionDocument, error) {
	all := make([]PermissionDocument, len(domain.Catalogue))
	for i, info := range domain.Catalogue {
		all[i] = PermissionDocument{info, x.gate.Roles(info.Permission, domain.Self),
			x.gate.Roles(info.Permission, domain.Within)}
	}
	return all, nil
}
