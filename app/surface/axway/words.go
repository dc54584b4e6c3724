package axway

import (
	"slices"
	"strings"

	"canopy/domain"
)

// word is a name that clients know, and what it means of ours: what is sent becomes the first.
type word[T domain.Role | domain.UserState] struct {
	name  string
	means []T
}

type words[T domain.Role | domain.UserState] []word[T]

var wireRoles = words[domain.Role]{
	{"user", []domain.Role{domain.RoleUser, domain.RolePower}},
	{"oadmin", []domain.Role{domain.RoleOAdmin}},
	{"admin", []domain.Role{domain.RoleSuperUser}},
}

// wireStates are the names of states; who has not proven an address or accepted an invitation yet is
// pending too.
var wireStates = words[domain.UserState]{
	{"approved", []domain.UserState{domain.Approved}},
	{"pending", []domain.UserState{domain.Pending, domain.Unverified, domain.Invited}},
}

// of returns the name of a value.
func (ws words[T]) of(value T) string {
	return ws[slices.IndexFunc(ws, func(w word[T]) bool { return slices.Contains(w.means, value) })].name
}

// parse returns what a name means, and an Invalid error for any other.
func (ws words[T]) parse(name string) ([]T, error) {
	i := slices.IndexFunc(ws, func(w word[T]) bool { return w.name == name })
	if i < 0 {
		return nil, domain.ErrInvalid.Saying("Give one of %s.", ws.names(" and "))
	}
	return ws[i].means, nil
}

// numbers returns the values a name means as a filter compares them.
func (ws words[T]) numbers(name string) (numbers []int64, known bool) {
	means, err := ws.parse(name)
	for _, value := range means {
		numbers = append(numbers, int64(value))
	}
	return numbers, err == nil
}

// names lists the names, the last one behind link.
func (ws words[T]) names(link string) string {
	names := make([]string, len(ws))
	for i := range ws {
		names[i] = ws[i].name
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + link + names[last]
}
