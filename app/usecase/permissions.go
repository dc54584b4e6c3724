package usecase

import (
	"context"

	"canopy/domain"
)

// Permissions returns the catalogue, in the order of the bits. Everybody may see it.
func Permissions(context.Context, domain.Principal) ([]domain.PermissionInfo, error) {
	return domain.Catalogue, nil
}
