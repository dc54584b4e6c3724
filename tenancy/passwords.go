package tenancy

import (
	"context"

	"canopy/domain"
)

// OrganizationAlias returns the alias of the organization that an environment is of, empty if it is gone. It is not to
// be shown, for no reach was asked.
func (g *Gate) OrganizationAlias(ctx context.Context, o domain.OrganizationID,
	p domain.EnvironmentPath) (string, error) {
	found, err := g.source.At(ctx, []domain.EnvironmentPath{p.UpTo(o.Environment())})
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0].Alias, nil
}
