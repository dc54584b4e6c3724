package tellius

import (
	"slices"
	"strings"

	"canopy/domain"
)

// The attributes in which the surface keeps what only its clients know.
const (
	attributeRole   = "tellius.role"
	attributeConfig = "tellius.config"
)

type roleWord struct {
	word string
	role domain.Role
}

// roles are the words for roles, and the role somebody of each acts with. Of those with the
// same role the first is its name.
var roles = []roleWord{
	{"superUser", domain.RoleSuperUser},
	{"admin", domain.RoleOAdmin},
	{"power", domain.RolePower},
	{"user", domain.RoleUser},
	{"interactive", domain.RoleUser},
	{"view", domain.RoleUser},
	{"explorer", domain.RoleUser},
	{"discoverer", domain.RoleUser},
	{"explorerDiscoverer", domain.RoleUser},
}

// titled is a role with the word that was sent for it, unless that is the role's name.
type titled struct {
	role  domain.Role
	title string
}

// parseRole returns the role that a word means.
func parseRole(word string) (titled, error) {
	for _, r := range roles {
		if r.word != word {
			continue
		}
		if nameOf(r.role) == word {
			return titled{role: r.role}, nil
		}
		return titled{r.role, word}, nil
	}
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = r.word
	}
	return titled{}, domain.InvalidField("role", "Give one of %s.", strings.Join(words, ", "))
}

// nameOf returns the name of a role. None is that of a user: it gives nothing more.
func nameOf(role domain.Role) string {
	for _, r := range roles {
		if r.role == max(role, domain.RoleUser) {
			return r.word
		}
	}
	return ""
}

// wordOf returns the word for a role that was once called title.
func wordOf(role domain.Role, title string) string {
	if slices.Contains(roles, roleWord{title, max(role, domain.RoleUser)}) {
		return title
	}
	return nameOf(role)
}
