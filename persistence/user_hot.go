package persistence

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// What most requests ask about users is text that is kept prepared: a page of their list, and one of them.

// Get returns the user that ref names, or ErrUserNotFound if there is none in sc.
func (s *UserStore) Get(ctx context.Context, sc tenancy.Scope, ref domain.UserRef) (domain.User, error) {
	u, err := s.find(ctx, sc, ref)
	if other := ref.Other(); domain.ErrUserNotFound.Is(err) && other != (domain.UserRef{}) {
		return s.find(ctx, sc, other)
	}
	return u, err
}

// namedUser returns the condition that ref names a user. Whose an alias is becomes a constant of the
// statement, so that the user is found by key in the largest scope. An alias that nobody has is looked for
// by key too: one that is somebody's outside of the scope takes no other time.
func namedUser(ref domain.UserRef) db.Predicate {
	switch {
	case ref.ID != 0:
		return db.Where("u.id = ?", int64(ref.ID))
	case ref.UUID != "":
		return db.Where("u.uuid = ?", string(ref.UUID))
	}
	name := domain.Fold(ref.Alias)
	return db.Where(`u.organization_id = coalesce((SELECT n.organization_id FROM login_names n WHERE n.name = ?), 0)
		AND u.id = coalesce((SELECT n.user_id FROM login_names n WHERE n.name = ?), 0)`, name, name)
}

// namedIn returns the condition that ref names a user in sc. The one organization that it lies in has the aliases of
// its own users, whatever those of others are called. No index serves the places of the scope there: a
// planner that knows too little of the table would read all of the scope by it.
func namedIn(sc tenancy.Scope, ref domain.UserRef) db.Predicate {
	named := namedUser(ref)
	if o, one := sc.Organization(); one {
		if ref.ID == 0 && ref.UUID == "" {
			named = db.Where("u.alias_key = ?", domain.Fold(ref.Alias))
		}
		named = named.And("u.organization_id = ?", int64(o))
	}
	return named.Also(db.Unindexed(db.Account(sc)))
}

// around narrows a scope of very many places, which would make a long statement, to the place where the user lives
// whom ref names. It returns ErrUserNotFound if that is not in the scope, in the time that it takes for nobody.
func (s *UserStore) around(ctx context.Context, sc tenancy.Scope, ref domain.UserRef) (tenancy.Scope, error) {
	if !db.Many(sc.Ranges()) {
		return sc, nil
	}
	named := namedUser(ref)
	rows, err := s.db.HotRows(ctx, "SELECT u.environment_path FROM users u WHERE "+named.Text(), named.Args...)
	path, err := db.Only(rows, err, db.Scalar[string], domain.ErrUserNotFound)
	if err == nil && !sc.Covers(domain.EnvironmentPath(path)) {
		err = domain.ErrUserNotFound
	}
	return sc.Only(domain.EnvironmentPath(path)), err
}

// find reads the user in sc whom ref names.
func (s *UserStore) find(ctx context.Context, sc tenancy.Scope, ref domain.UserRef) (domain.User, error) {
	sc, err := s.around(ctx, sc, ref)
	if err != nil {
		return domain.User{}, err
	}
	columns, args := userColumnsIn(sc)
	where := namedIn(sc, ref)
	rows, err := s.db.HotRows(ctx, "SELECT "+columns+" FROM users u WHERE "+where.Text(), append(args, where.Args...)...)
	return db.Only(rows, err, db.Weighed(ctx, scanUser), domain.ErrUserNotFound)
}

// usersWith reads the users in sc with these numbers, whom a query finds, too: one by text that is kept prepared.
func (t *Tx) usersWith(sc tenancy.Scope, ids []domain.UserID, query func() *bun.SelectQuery) ([]domain.User, error) {
	if len(ids) > 1 || db.Many(sc.Ranges()) {
		return readUsers(t.Ctx, sc, query())
	}
	columns, args := userColumnsIn(sc)
	where := namedIn(sc, domain.UserRef{ID: ids[0]})
	rows, err := t.HotRows("SELECT "+columns+" FROM users u WHERE "+where.Text(), append(args, where.Args...)...)
	return db.Collect(rows, err, db.Weighed(t.Ctx, scanUser))
}

// addParts reads what users have in tables of its own and what is no list, of one by text that is kept prepared.
func (t *Tx) addParts(users []*domain.User) error {
	if len(users) > 1 {
		if err := t.addPictureTags(users); err != nil {
			return err
		}
		return addAttributes(t.Ctx, t.Bun, users...)
	}
	u := users[0]
	rows, err := t.HotRows("SELECT p.tag FROM user_pictures p WHERE p.organization_id = ? AND p.user_id = ?",
		int64(u.Organization), int64(u.ID))
	if u.Picture.Tag, err = db.OnlyIf(rows, err, db.Scalar[string]); err != nil {
		return err
	}
	rows, err = t.HotRows("SELECT a.user_id, a.name, a.value FROM user_attributes a "+
		"WHERE a.organization_id = ? AND a.user_id = ?", int64(u.Organization), int64(u.ID))
	attributes, err := db.Collect(rows, err, db.Weighed(t.Ctx, scanAttribute))
	if err != nil {
		return err
	}
	u.Attributes = byUser(attributes)[u.ID]
	return nil
}

// kept runs a statement that is kept prepared, unless sc has very many places: it is long then, and no one else's.
func (s *UserStore) kept(ctx context.Context, sc tenancy.Scope, query string, args ...any) (db.Rows, error) {
	if db.Many(sc.Ranges()) {
		return s.db.QueryContext(ctx, query, args...)
	}
	return s.db.HotRows(ctx, query, args...)
}

// number runs a statement of one number, as kept does.
func (s *UserStore) number(ctx context.Context, sc tenancy.Scope, query string, args ...any) (int64, error) {
	rows, err := s.kept(ctx, sc, query, args...)
	return db.OnlyIf(rows, err, db.Scalar[int64])
}

// ofUsers reads user_id and other columns of a table x of what users have, as far as it is of those with these numbers
// who lie in sc.
func (s *UserStore) ofUsers(ctx context.Context, sc tenancy.Scope, table, columns string,
	ids []domain.UserID) (db.Rows, error) {
	known := knownIn(sc)
	query := "SELECT x.user_id, " + columns + " FROM " + table + " x " +
		"JOIN users u ON u.organization_id = x.organization_id AND u.id = x.user_id WHERE " + known.Text() +
		" AND u.id IN (?)"
	if len(ids) == 1 {
		return s.kept(ctx, sc, query, append(known.Args, int64(ids[0]))...)
	}
	return s.db.QueryContext(ctx, query, append(known.Args, db.In(ids))...)
}

// inTreeOrder reads up to n users in tree order.
func (s *UserStore) inTreeOrder(ctx context.Context, sc tenancy.Scope, f domain.UserFilter, after domain.Cursor,
	n int) ([]domain.User, error) {
	var path domain.EnvironmentPath
	var id domain.UserID
	continued, err := readCursor(after, userList(domain.TreeOrder), &id, &path)
	if err != nil {
		return nil, err
	}
	if _, self := sc.Self(); self {
		return readUsers(ctx, sc, usersIn(s.db, sc).Where("u.id > ?", int64(id)).Apply(filtered(sc, f).Narrow))
	}
	stretches := sc.Ranges()
	if continued {
		stretches = beyond(stretches, path)
	}
	if f.Plain() {
		return s.page(ctx, sc, stretches, db.Predicate{}, spot{path, id}, n)
	}
	return s.narrowed(ctx, sc, stretches, &f, spot{path, id}, n)
}

// narrowed reads up to n users of the stretches whom the filter keeps, behind a spot.
func (s *UserStore) narrowed(ctx context.Context, sc tenancy.Scope, stretches []tenancy.Range, f *domain.UserFilter,
	from spot, n int) ([]domain.User, error) {
	keeps := onTheWay(filtered(sc, *f))
	var users []domain.User
	last := from
	l := listing{sc: sc, keeps: filtered(sc, *f), by: treeOrder, behind: &listed{key: domain.UserKey{User: from.id},
		at: []any{string(from.path)}}}
	all, ok, err := s.byFound(ctx, sc, treeOrder, func() ([]domain.UserKey, bool, error) {
		return s.known(ctx, &l, f, stretches, n)
	})
	if ok || err != nil {
		return all, err
	}
	for _, p := range s.patience.growing(f) {
		for width := p.near; ; width *= 8 {
			ahead := beyond(stretches, last.path)
			next, more, err := s.treeKey(ctx, sc, ahead, last, width)
			if err != nil {
				return nil, err
			}
			until := db.Predicate{}
			if more {
				ahead, until = before(ahead, next.path), next.until()
			}
			some, err := s.page(ctx, sc, ahead, until.Also(keeps), last, n-len(users))
			if err != nil {
				return nil, err
			}
			if users = append(users, some...); !more || len(users) == n {
				return users, nil
			}
			last = next
			if width > p.near || 8*len(users) < n { // where some are there may be enough a bit further on
				break
			}
		}
		all, ok, err := s.byFound(ctx, sc, treeOrder, func() ([]domain.UserKey, bool, error) {
			return s.first(ctx, &l, f, n, p.found)
		})
		if ok || err != nil {
			return all, err
		}
	}
	rest, err := s.page(ctx, sc, beyond(stretches, last.path), keeps, last, n-len(users))
	return append(users, rest...), err
}

// known returns the keys of the first n users in stretches whom a list in tree order has, and false where nobody knows
// an index that finds them better than looking around: there is one for a whole name, and for who is blocked at home.
func (s *UserStore) known(ctx context.Context, l *listing, f *domain.UserFilter, stretches []tenancy.Range,
	n int) ([]domain.UserKey, bool, error) {
	named := f.Mail != ""
	for _, c := range f.Conditions.All {
		named = named || !f.Conditions.Any && c.Is == domain.Equal &&
			(c.Field == domain.UserAlias || c.Field == domain.UserMail)
	}
	if named {
		return s.first(ctx, l, f, n, s.patience.found)
	}
	if f.BlockedHome != nil && *f.BlockedHome {
		return s.blockedAlong(ctx, l, stretches, n, s.patience.growing(f)[1].found)
	}
	return nil, false, nil
}

// page reads the first n users of the stretches who meet a condition, behind a spot.
func (s *UserStore) page(ctx context.Context, sc tenancy.Scope, stretches []tenancy.Range, keeps db.Predicate,
	from spot, n int) ([]domain.User, error) {
	if keeps.Raw != "" && len(stretches) > s.patience.across {
		return s.pageAcross(ctx, sc, stretches, keeps, from, n)
	}
	columns, args := userColumnsIn(sc)
	organization, of := db.InOrganization(sc, "u.organization_id")
	args = append(args, of...)
	one := UserPage(columns, organization, keeps.Further())
	return walk(stretches, n, func(part []tenancy.Range, n int) ([]domain.User, error) {
		query, values := chain(part, one, "environment_path, id", n, func(r tenancy.Range) []any {
			values := append(args[:len(args):len(args)], from.in(r)...)
			return append(append(values, keeps.Args...), n)
		})
		if keeps.Raw != "" { // there are too many of such statements to keep them prepared
			rows, err := s.db.QueryContext(ctx, query, values...)
			return db.CollectUpTo(n, rows, err, db.Weighed(ctx, scanUser))
		}
		rows, err := s.db.HotRows(ctx, query, values...)
		return db.CollectUpTo(n, rows, err, db.Weighed(ctx, scanUser))
	})
}

// pageAcross is page for a condition in so many stretches that one statement for each would be long: keys are found
// across all of them.
func (s *UserStore) pageAcross(ctx context.Context, sc tenancy.Scope, stretches []tenancy.Range, keeps db.Predicate,
	from spot, n int) ([]domain.User, error) {
	behind := db.Unindexed(db.Where("(u.environment_path, u.id) > (?, ?)", string(from.path), int64(from.id)))
	some := s.db.Along(stretches, "users u", "u.environment_path, u.id",
		db.Pinned(sc, s.db.Aside("u.organization_id")).Also(behind).Also(keeps), n)
	users, _, err := s.byFound(ctx, sc, treeOrder, func() ([]domain.UserKey, bool, error) {
		rows, err := s.db.QueryContext(ctx, "SELECT u.organization_id, u.id FROM "+some.Raw, some.Args...)
		keys, err := db.Collect(rows, err, scanKey)
		return keys, true, err
	})
	return users, err
}

// byFound reads the users whose keys find returns, in an order, and returns what find does where it has none to say.
// If somebody goes away in between it finds anew.
func (s *UserStore) byFound(ctx context.Context, sc tenancy.Scope, by userOrder,
	find func() ([]domain.UserKey, bool, error)) (users []domain.User, ok bool, err error) {
	for {
		keys, ok, err := find()
		if err != nil || !ok {
			return nil, false, err
		}
		users, err := s.byKeys(ctx, sc, by, keys)
		if err != nil || len(users) == len(keys) {
			return users, true, err
		}
	}
}

func scanKey(r db.Row) (k domain.UserKey, err error) {
	err = r.Scan((*int64)(&k.Organization), (*int64)(&k.User))
	return k, err
}

// newestPage reads n people of a list that keeps all who are not archived, behind the first skip of them.
func (s *UserStore) newestPage(ctx context.Context, l *listing, skip, n int) ([]domain.User, error) {
	columns, args := userColumnsIn(l.sc)
	where := db.Unindexed(db.Account(l.sc)).Also(l.keeps).Also(db.Pinned(l.sc, "u.organization_id"))
	if l.behind != nil {
		where = where.And(l.by.behind(), append(l.behind.at[:1:1], int64(l.behind.key.User))...)
	}
	rows, err := s.kept(ctx, l.sc, "SELECT "+columns+" FROM users u WHERE "+where.Text()+" ORDER BY "+l.by.by(true)+
		limitMark+" OFFSET ? + 0", append(append(args, where.Args...), n, skip)...)
	return db.CollectUpTo(n, rows, err, db.Weighed(ctx, scanUser))
}

// UserColumns are those of the list. They are exported for benchmarks, as UserPage is.
const UserColumns = userColumns

// UserPage is the statement that reads a page of one stretch of the tree: the directory's
// hottest. Its values are those of columns and organization, a path and number to start behind, the
// path to end before, those of filter, and a limit. It is exported for benchmarks that
// compare the way around it with the bare driver.
func UserPage(columns, organization, filter string) string {
	return "SELECT " + columns + " FROM users u WHERE " + organization +
		"(u.environment_path, u.id) > (?, ?) AND u.environment_path < ?" + filter + " ORDER BY u.environment_path, u.id" +
		limitMark
}
