package console

import (
	"context"
	"strings"

	"canopy/app/directory"
	"canopy/domain"
)

// A choiceOf is what a picker offers: value is what its field takes, and note tells it from others like it.
type choiceOf struct{ value, text, note string }

// finders are what pickers look for, by how they ask for it. Each returns up to domain.MaxFound.
var finders = map[string]func(*Surface, context.Context, *visit, string) ([]choiceOf, error){
	"place": (*Surface).findPlaces, "group": (*Surface).findGroups, "person": (*Surface).findPeople,
	"permission": (*Surface).findPermissions,
}

// find is a part of a page: what begins as somebody has typed, for them to choose from.
func (s *Surface) find(ctx context.Context, v *visit) (answer, error) {
	finder := finders[v.query("kind")]
	if finder == nil {
		return answer{}, domain.ErrNotFound
	}
	var found []choiceOf
	if typed := strings.TrimSpace(v.query("q")); typed != "" {
		var err error
		if found, err = finder(s, ctx, v, typed); err != nil {
			return answer{}, err
		}
	}
	return shown(foundPart(v, found))
}

// findPlaces looks for the last part of a path that somebody types.
func (s *Surface) findPlaces(ctx context.Context, v *visit, typed string) ([]choiceOf, error) {
	all, err := s.uses.Environments.Search(ctx, v.caller,
		directory.SearchEnvironments{Prefix: typed[strings.LastIndexByte(typed, '/')+1:]})
	if err != nil {
		return nil, err
	}
	found := make([]choiceOf, len(all))
	paths := make(map[string]int)
	for i := range all {
		paths[all[i].ShownPath]++
	}
	for i := range all {
		e := &all[i]
		found[i] = choiceOf{value: placeRef(e.ShownPath), text: e.ShownPath, note: e.Code}
		if paths[e.ShownPath] > 1 { // they lie in parts of the tree whose way up is not shown
			found[i].value, found[i].note = numberOf(e.ID), numberOf(e.ID)
		}
	}
	return found, nil
}

// placeRef returns a path as it is typed so that it names nothing else.
func placeRef(shownPath string) string { return "/" + strings.TrimPrefix(shownPath, "/") }

func (s *Surface) findGroups(ctx context.Context, v *visit, typed string) ([]choiceOf, error) {
	all, err := s.uses.Groups.Search(ctx, v.caller, strings.TrimPrefix(typed, "/"))
	if err != nil {
		return nil, err
	}
	found := make([]choiceOf, len(all))
	for i := range all {
		g := &all[i]
		found[i] = choiceOf{value: g.Alias, text: g.Alias, note: g.Description}
		switch g.Organization {
		case domain.RootOrganization:
			found[i].value = "/" + g.Alias
		case v.caller.Organization:
		default: // its alias may be that of another one too
			found[i].value = numberOf(g.ID)
		}
	}
	return found, nil
}

func (s *Surface) findPeople(ctx context.Context, v *visit, typed string) ([]choiceOf, error) {
	list, err := s.uses.Users.List(ctx, v.caller, directory.ListUsers{Everywhere: true,
		Filter: domain.UserFilter{Prefix: typed, Order: domain.AliasOrder}, Page: domain.Page{Limit: domain.MaxFound}})
	if err != nil {
		return nil, err
	}
	var found []choiceOf
	for u, err := range list.Items {
		if err != nil {
			return nil, err
		}
		found = append(found, choiceOf{value: u.Alias, text: fullName(&u.User), note: u.Alias})
	}
	return found, nil
}

// findPermissions looks for a permission by its code or a word of what it is called.
func (s *Surface) findPermissions(_ context.Context, v *visit, typed string) ([]choiceOf, error) {
	var found []choiceOf
	for _, p := range domain.Catalogue {
		name := v.permission(p.Permission)
		if len(found) < domain.MaxFound && (strings.Contains(p.Code(), strings.ToLower(typed)) ||
			strings.Contains(domain.Fold(name), domain.Fold(typed))) {
			found = append(found, choiceOf{value: p.Code(), text: name, note: p.Code()})
		}
	}
	return found, nil
}
