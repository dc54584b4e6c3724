package persistence

import (
	"context"
	"iter"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// DirectoryStore reads and writes whole organizations at once, for import and export.
type DirectoryStore struct{ db *db.DB }

// NewDirectoryStore returns the store of the whole directory in d.
func NewDirectoryStore(d *db.DB) *DirectoryStore { return &DirectoryStore{d} }

// Environments is part of the port.
func (s *DirectoryStore) Environments(ctx context.Context, sc tenancy.Scope) iter.Seq2[domain.Environment, error] {
	return each(func(after domain.Cursor) ([]domain.Environment, domain.Cursor, error) {
		return NewEnvironmentStore(s.db).List(ctx, sc, domain.Page{Limit: exportPage, After: after})
	})
}

// Groups is part of the port.
func (s *DirectoryStore) Groups(ctx context.Context, sc tenancy.Scope) ([]domain.Group, error) {
	return NewGroupStore(s.db).List(ctx, sc)
}

// Users is part of the port.
func (s *DirectoryStore) Users(ctx context.Context, sc tenancy.Scope,
	o domain.OrganizationID) iter.Seq2[domain.StoredUser, error] {
	var path domain.EnvironmentPath
	var id domain.UserID
	return each(func(domain.Cursor) ([]domain.StoredUser, domain.Cursor, error) {
		within := db.Placed(sc, "u.environment_path", "u.organization_id")
		all, err := storedUsers(ctx, s.db, s.db.NewSelect().TableExpr("users AS u").Where(within.Text(), within.Args...).
			Where("u.organization_id = ? AND (u.environment_path, u.id) > (?, ?)", int64(o), string(path), int64(id)).
			Order("u.environment_path", "u.id").Limit(exportPage))
		if err != nil || len(all) < exportPage {
			return all, "", err
		}
		last := &all[len(all)-1]
		path, id = last.HomePath, last.ID
		return all, "more", nil
	})
}

// exportPage is how many rows an export reads at once.
const exportPage = 500

// storedUsers reads the users u that q finds, with their attributes.
func storedUsers(ctx context.Context, r db.Reader, q *bun.SelectQuery) ([]domain.StoredUser, error) {
	rows, err := q.ColumnExpr("u.password_hash, " + userColumns).Rows(ctx)
	all, err := db.Collect(rows, err, func(r db.Row) (domain.StoredUser, error) {
		var hash string
		u, err := scanUser(scanBehind{r, &hash})
		return domain.StoredUser{User: u, Hash: domain.PasswordHash(hash)}, err
	})
	if err != nil {
		return nil, err
	}
	users := make([]*domain.User, len(all))
	for i := range all {
		users[i] = &all[i].User
	}
	return all, addAttributes(ctx, r, users...)
}

// scanBehind scans a row that has one more column before the others.
type scanBehind struct {
	db.Row
	first *string
}

func (s scanBehind) Scan(dest ...any) error { return s.Row.Scan(append([]any{s.first}, dest...)...) }

// each yields the entries of all pages.
func each[T any](page func(after domain.Cursor) ([]T, domain.Cursor, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for after := domain.Cursor(""); ; {
			entries, next, err := page(after)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, entry := range entries {
				if !yield(entry, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			after = next
		}
	}
}

// Claim is part of the port.
func (s *DirectoryStore) Claim(ctx context.Context, _ tenancy.WriteScope,
	last domain.Numbers) (first domain.Numbers, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		for kind, n := range last {
			var err error
			if first[kind], err = db.NextNumber(ctx, s.db, tx, numberKinds[kind]); err != nil {
				return err
			}
			if n < first[kind] {
				continue
			}
			if err := db.SetNext(ctx, tx, numberKinds[kind], n+1); err != nil {
				return err
			}
		}
		return nil
	})
	return first, err
}

// Reserve is part of the port.
func (s *DirectoryStore) Reserve(ctx context.Context, _ tenancy.WriteScope, kind int,
	n int64) (first int64, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		first, err = reserve(ctx, s.db, tx, kind, n)
		return err
	})
	return first, err
}

func reserve(ctx context.Context, d *db.DB, tx bun.Tx, kind int, n int64) (int64, error) {
	first, err := db.NextNumber(ctx, d, tx, numberKinds[kind])
	if err != nil {
		return 0, err
	}
	return first, db.SetNext(ctx, tx, numberKinds[kind], first+n)
}

// numberKinds names the kinds of numbers in the order of domain.Numbers.
var numberKinds = [...]string{db.EnvironmentNumbers, db.GroupNumbers, db.UserNumbers, db.PersonNumbers,
	db.ObjectNumbers, db.CopyRequestNumbers}
