package console

import (
	"context"
	"slices"

	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/domain"
)

// roleRoutes lists the page of what roles permit.
func (s *Surface) roleRoutes(r fiber.Router) {
	r.Get(Base+"/roles", s.on(s.roles))
}

// roles is the page of what the policy permits to whom.
func (s *Surface) roles(ctx context.Context, v *visit) (answer, error) {
	all, err := s.uses.Explain.Permissions(ctx, v.caller)
	if err != nil {
		return answer{}, err
	}
	return shown(rolesPage(v, all))
}

// among returns those of all that are about an area.
func among(all []directory.PermissionDocument, area permissionArea) []directory.PermissionDocument {
	return slices.DeleteFunc(slices.Clone(all), func(d directory.PermissionDocument) bool {
		return areasOf[d.Object] != area
	})
}

// permits says where a role may use a permission that a group gives; empty for nowhere.
func (v *view) permits(d *directory.PermissionDocument, role domain.Role) string {
	w := &v.words.Roles
	own, reach := slices.Contains(d.Own, role), slices.Contains(d.Reach, role)
	switch {
	case own && reach:
		return w.Both
	case own:
		return w.Own
	case reach:
		return w.Reach
	}
	return ""
}
