package persistence

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// What a condition keeps of users an index finds, also where that is nobody: a list would else look at everybody to say
// so. An index may find more than the condition keeps, never less.

// A part is what one index finds of users u, in an order that it has: the planners take it by that and by the bound.
type part struct {
	where db.Predicate
	order string
}

// meetsEmpty reports whether an empty text meets a condition on a text.
func meetsEmpty(c *domain.Condition) bool {
	switch c.Is {
	case domain.Equal:
		return slices.Contains(c.Texts, "")
	case domain.NotEqual:
		return !slices.Contains(c.Texts, "")
	case domain.Greater:
		return false
	case domain.Less:
		return c.Texts[0] != ""
	case domain.AtMost:
		return true
	}
	return c.Texts[0] == ""
}

// stretch returns the conditions that a column has the values of a condition, each in a form that an index serves;
// none for one that leaves out several values.
func stretch(column string, c *domain.Condition) []db.Predicate {
	values := folded(c.Texts)
	switch c.Is {
	case domain.Equal:
		return []db.Predicate{db.Where(column+" IN (?)", db.In(values))}
	case domain.NotEqual:
		if len(values) > 1 {
			return nil
		}
		return []db.Predicate{db.Where(column+" < ?", values[0]), db.Where(column+" > ?", values[0])}
	case domain.Between:
		return []db.Predicate{db.Where(column+" >= ? AND "+column+" <= ?", values[0], values[1])}
	case domain.Contains:
		return nil
	}
	return []db.Predicate{db.Where(column+" "+signs[c.Is]+" ?", values[0])}
}

// parts returns what indexes on texts of users find for a condition, none if they do not help.
func parts(c *domain.Condition) (all []part) {
	switch c.Field {
	case domain.UserAlias:
		for _, p := range stretch("u.alias_key", c) {
			all = append(all, part{p, "u.alias_key"})
		}
	case domain.UserMail:
		for _, p := range stretch("u.mail_key", c) {
			all = append(all, part{p, "u.mail_key"})
		}
	case domain.UserPhone:
		if meetsEmpty(c) {
			return nil
		}
		for _, p := range stretch("u.phone_key", c) {
			all = append(all, part{p.And("u.phone_key <> ''"), "u.phone_key"})
		}
	case domain.UserSurname:
		for _, p := range stretch("u.last_name_key", c) {
			all = append(all, part{p.And("u.last_name_key > ''"), "u.last_name_key, u.first_name_key"})
		}
		for _, p := range stretch("u.first_name_key", c) {
			all = append(all, part{p.And("u.last_name_key = ''"), "u.first_name_key"})
		}
	}
	return all
}

// details are the texts that have an index of their own.
var details = map[domain.ListField]db.Detail{
	domain.UserPhone: db.Phone, domain.UserMobile: db.Mobile, domain.UserDescription: db.Description,
}

// conditionIndexes returns the indexes that find whom the conditions keep: one for each condition where all of them
// must hold, and one for all where any does.
func (s *UserStore) conditionIndexes(ctx context.Context, sc tenancy.Scope, cs *domain.Conditions) ([]db.Index, error) {
	var all []db.Index
	o, _ := sc.Organization()
	for i := range cs.All {
		index, ok, err := s.conditionIndex(ctx, sc, &cs.All[i])
		if needles := needlesIn(&cs.All[i]); err == nil && cs.Any && !ok && len(needles) > 0 {
			index, ok, err = s.db.Having(ctx, db.Needles{needles}, db.Haystack{Organization: o, Path: above(sc.Ranges())})
		}
		if err != nil || cs.Any && !ok {
			return nil, err
		}
		if ok {
			all = append(all, index)
		}
	}
	if !cs.Any || len(all) == 0 {
		return all, nil
	}
	keys := make([]db.Predicate, len(all))
	for i := range all {
		keys[i] = s.db.Lazily(all[i].Keys, mostAsked)
	}
	either := union(keys)
	return []db.Index{{Keys: either, Probe: either}}, nil
}

// conditionIndex returns the index that finds whom a condition keeps, and false if there is none.
func (s *UserStore) conditionIndex(ctx context.Context, sc tenancy.Scope, c *domain.Condition) (db.Index, bool, error) {
	organization, of := db.InOrganization(sc, "u.organization_id")
	if detail, is := details[c.Field]; is && c.Is == domain.Contains {
		o, _ := sc.Organization()
		index, ok, err := s.db.HavingDetail(ctx, detail, domain.Fold(c.Texts[0]), o)
		if ok || err != nil {
			return index, ok, err
		}
	}
	var keys db.Predicate
	switch c.Field {
	case domain.UserApplication, domain.UserAPI:
		if c.Is == domain.Equal {
			keys = givenTo(sc, c)
		}
	case domain.UserMobile, domain.UserDescription:
		if !meetsEmpty(c) {
			keys = db.Where("SELECT u.organization_id, u.user_id AS id FROM user_attributes u WHERE "+organization+
				"u.name = ?", append(of, string(details[c.Field]))...)
		}
	default:
		limit := ", u.id LIMIT " + strconv.Itoa(mostAsked)
		var each []db.Predicate
		for _, p := range parts(c) {
			each = append(each, db.Where("SELECT u.organization_id, u.id FROM users u WHERE "+organization+p.where.Text()+
				" ORDER BY "+p.order+limit, slices.Concat(of, p.where.Args)...))
		}
		keys = union(each)
	}
	return db.Index{Keys: keys, Probe: keys}, keys.Raw != "", nil
}

// givenTo returns the statement that reads the keys of whom given says.
func givenTo(sc tenancy.Scope, c *domain.Condition) db.Predicate {
	objects := sc.Beside()
	ids := make([]string, len(c.Texts))
	for i, text := range c.Texts {
		ids[i] = strings.ToLower(text)
	}
	named := objectsIn(objects).And("o.uuid IN (?)", db.In(ids))
	if c.Field == domain.UserAPI {
		apis := named.And("o.kind = ?", string(domain.KindAPI))
		named = objectsIn(objects).And(`(o.organization_id, o.id) IN (SELECT x.organization_id, x.object_id FROM objects o
			JOIN object_uses x ON x.organization_id = o.organization_id AND x.used_id = o.id
				WHERE `+apis.Text()+")", apis.Args...)
	}
	named = named.And("o.kind = ?", string(domain.KindApplication))
	viewer, _, _, _ := objects.Objects()
	seen := viewed(objects, domain.LevelAdmin)
	p := db.Where("SELECT o.owner_organization_id AS organization_id, o.owner_id AS id FROM objects o WHERE " +
		named.Text() + ` UNION SELECT s.subject_organization_id, s.subject_id FROM objects o
		JOIN object_access s ON s.organization_id = o.organization_id AND s.object_id = o.id AND s.subject_kind = 1
		WHERE ` + named.Text() + " AND (" + seen.Text() + " OR s.subject_organization_id = ? AND s.subject_id = ?)")
	p.Args = slices.Concat(named.Args, named.Args, seen.Args,
		[]any{int64(viewer.User.Organization), int64(viewer.User.User)})
	return p
}

// union returns the statement that reads the keys of all of the statements, each once.
func union(all []db.Predicate) db.Predicate { return united(all, " UNION ") }

// unionAll is union with a key as often as it is read, which sorts none.
func unionAll(all []db.Predicate) db.Predicate { return united(all, " UNION ALL ") }

func united(all []db.Predicate, by string) db.Predicate {
	if len(all) == 1 {
		return all[0]
	}
	var p db.Predicate
	var text strings.Builder
	for i, part := range all {
		text.WriteString(either(i > 0, by, ""))
		text.WriteString("SELECT organization_id, id FROM (" + part.Raw + ") AS p" + strconv.Itoa(i))
		p.Args = append(p.Args, part.Args...)
	}
	p.Raw = text.String()
	return p
}
