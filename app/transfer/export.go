package transfer

import (
	"context"
	"iter"

	"canopy/app/directory"
	"canopy/app/transfer/document"
	"canopy/domain"
	"canopy/tenancy"
)

// ExportOptions say what is exported.
type ExportOptions struct {
	// Organization is the complete alias path of an organization, which is exported with
	// everything below it; empty exports the whole directory.
	Organization string
	// Hashes adds what opens something: the hashes of passwords, API keys, registration codes.
	Hashes bool
}

// Export yields the organizations of the directory in tree order, as Import takes them. It
// is ErrEnvironmentNotFound if there is no organization of that name.
func (d *Directory) Export(ctx context.Context, o ExportOptions) (document.Document, error) {
	sc := tenancy.Operator(d.operator, domain.OrganizationRead).Read()
	x := &export{ctx: ctx, store: d.store, sc: sc, options: o, paths: make(map[domain.EnvironmentID]string)}
	found := o.Organization == ""
	for e, err := range d.store.Environments(ctx, sc) {
		if err != nil {
			return nil, err
		}
		x.paths[e.ID] = completePath(&e)
		if e.IsOrganization && domain.PathKey(e.AliasPath) == domain.PathKey(o.Organization) {
			x.sc, found = sc.Below(e.Path), true
		}
	}
	if !found {
		return nil, domain.ErrEnvironmentNotFound.On("organization").Saying("There is no organization %q.", o.Organization)
	}
	groups, err := d.store.Groups(ctx, sc)
	x.groups = groups
	return x, err
}

func completePath(e *domain.Environment) string {
	if e.Path == domain.RootPath {
		return "/"
	}
	return e.AliasPath
}

// export is a directory as a document.
type export struct {
	ctx     context.Context
	store   DirectoryStore
	sc      tenancy.Scope
	options ExportOptions
	paths   map[domain.EnvironmentID]string
	groups  []domain.Group
}

// Sections implements Document.
func (x *export) Sections() iter.Seq2[*document.Section, error] {
	return func(yield func(*document.Section, error) bool) {
		sections := make(map[domain.OrganizationID]*document.Section)
		var order []*document.Section
		for e, err := range x.store.Environments(x.ctx, x.sc) {
			if err != nil {
				yield(nil, err)
				return
			}
			s := sections[e.Organization]
			if s == nil {
				s = &document.Section{Path: x.paths[e.Organization.Environment()], Groups: x.groupsOf(e.Organization),
					Users: x.usersOf(e.Organization)}
				sections[e.Organization] = s
				order = append(order, s)
			}
			s.Environments = append(s.Environments, x.environment(&e))
		}
		for _, s := range order {
			if !yield(s, nil) {
				return
			}
		}
		for l := range domain.DirectoryLists {
			info := &domain.DirectoryLists[l]
			if info.Secret && !x.options.Hashes {
				continue
			}
			if !yield(&document.Section{List: info, Users: document.NoUsers, Rows: x.rowsOf(info)}, nil) {
				return
			}
		}
	}
}

func (x *export) rowsOf(info *domain.ListInfo) iter.Seq2[document.ListRecord, error] {
	return func(yield func(document.ListRecord, error) bool) {
		for row, err := range x.store.List(x.ctx, x.sc, info) {
			if err == nil && astray(info, row) {
				continue
			}
			if !yield(document.ListRecord{ListRow: row}, err) || err != nil {
				return
			}
		}
	}
}

// astray reports whether a row names somebody or something that is gone.
func astray(info *domain.ListInfo, row domain.ListRow) bool {
	for i, c := range info.Columns {
		_, gone := row.Values[i].(int64)
		if row.Values[i] == nil && !c.Optional || gone &&
			(c.Type == domain.UserColumn && !c.Gone || c.Type == domain.PlaceColumn) {
			return true
		}
	}
	return false
}

func (x *export) environment(e *domain.Environment) document.EnvironmentRecord {
	return document.EnvironmentRecord{Path: x.paths[e.ID], Number: int64(e.ID), UUID: e.UUID,
		EnvironmentPatch: directory.EnvironmentPatch{
			Alias: &e.Alias, Code: &e.Code, SendURL: &e.SendURL, Active: &e.Active, TimeZone: &e.TimeZone,
			GitRepository: &e.GitRepository, IsOrganization: &e.IsOrganization,
		}}
}

func (x *export) groupsOf(o domain.OrganizationID) []document.GroupRecord {
	var records []document.GroupRecord
	for _, g := range x.groups {
		if g.Organization == o {
			parent := x.groupRef(o, g.Parent)
			records = append(records, document.GroupRecord{Number: int64(g.ID), UUID: g.UUID,
				GroupPatch: directory.GroupPatch{Alias: &g.Alias, Parent: &parent, Mask: &g.Mask,
					Role: some(g.Role), RoleTitle: some(g.RoleTitle), Description: some(g.Description)}, Created: &g.Created})
		}
	}
	return records
}

// some returns nil for the zero value, which need not be written.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// groupRef names a group for members of organization o: the root's with a slash.
func (x *export) groupRef(o domain.OrganizationID, id domain.GroupID) domain.GroupRef {
	for _, g := range x.groups {
		if g.ID != id {
			continue
		}
		if g.Organization == domain.RootOrganization && o != domain.RootOrganization {
			return domain.GroupRef("/" + g.Alias)
		}
		return domain.GroupRef(g.Alias)
	}
	return ""
}

func (x *export) usersOf(o domain.OrganizationID) iter.Seq2[document.UserRecord, error] {
	return func(yield func(document.UserRecord, error) bool) {
		for u, err := range x.store.Users(x.ctx, x.sc, o) {
			if err != nil {
				yield(document.UserRecord{}, err)
				return
			}
			if !yield(x.user(&u), nil) {
				return
			}
		}
	}
}

func (x *export) user(u *domain.StoredUser) document.UserRecord {
	home := domain.EnvironmentRef(x.paths[u.Home])
	allowed, blocked := x.places(u.Allowed), x.places(u.Blocked)
	var group domain.GroupRef
	groups := []domain.GroupRef{}
	for i, id := range u.Groups {
		if i == 0 {
			group = x.groupRef(u.Organization, id)
		} else {
			groups = append(groups, x.groupRef(u.Organization, id))
		}
	}
	r := document.UserRecord{Number: int64(u.ID), Person: int64(u.Person.ID), UserPatch: directory.UserPatch{
		Alias: &u.Alias, Home: &home, Role: &u.Role, Group: &group, Groups: &groups, Allowed: &allowed, Blocked: &blocked,
		State: &u.State, Active: &u.Active, FirstName: &u.Person.FirstName, LastName: &u.Person.LastName,
		Mail:  &u.Person.Mail,
		Phone: &u.Person.Phone, JobTitle: &u.Person.JobTitle, Department: &u.Person.Department, Language: &u.Language,
		TimeZone: &u.TimeZone, DefaultPage: &u.DefaultPage, FirstAccess: &u.FirstAccess, PasswordDelay: &u.PasswordDelay,
		RevokeDelay: &u.RevokeDelay, Archived: &u.Archived, System: &u.System, ListsUsers: &u.ListsUsers,
		Attributes: u.Attributes,
	}, UUID: &u.UUID, Claims: &u.Claims, Created: &u.Created, LastPassword: &u.LastPassword,
		LastConnected: &u.LastConnected, LastSeen: &u.LastSeen, IdleSince: &u.IdleSince}
	if x.options.Hashes {
		r.Hash = &u.Hash
	}
	return r
}

// places returns the complete paths of grants. One that is gone is left out.
func (x *export) places(grants []domain.Grant) []domain.EnvironmentRef {
	refs := make([]domain.EnvironmentRef, 0, len(grants))
	for _, g := range grants {
		if path, ok := x.paths[g.Environment]; ok {
			refs = append(refs, domain.EnvironmentRef(path))
		}
	}
	return refs
}
