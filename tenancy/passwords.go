package tenancy

import (
	"context"

	"canopy/domain"
)

// OrganizationAlias returns the alias of an organization, empty if it is gone. It is not to be shown, for no reach was
// asked.
func (g *Gate) OrganizationAlias(ctx context.Context, o domain.OrganizationID) (string, error) {
	found, err := g.source.Environments(ctx, []EnvironmentKey{{o, o.Environment()}})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].Alias, nil
}
