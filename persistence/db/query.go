package db

import (
	"context"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/tenancy"
)

// Scoped is a row of a table that is a tenant's. Its fields are the list of the table's columns.
type Scoped interface {
	// Within returns the condition that a row lies in sc, with the alias of the row's table.
	Within(sc tenancy.Scope) Predicate
}

// Reader is what a query runs on: the database, or a transaction of it.
type Reader interface {
	NewSelect() *bun.SelectQuery
}

// NewSelect begins a query outside of a transaction, of a table that is no tenant's. A tenant's is
// read with From.
func (d *DB) NewSelect() *bun.SelectQuery { return d.read.NewSelect() }

// NewInsert, NewUpdate and NewDelete begin a change that is one statement and a transaction of its own, of
// rows whose keys the caller has.
func (d *DB) NewInsert() *bun.InsertQuery { return d.write.NewInsert() }

// NewUpdate is described at NewInsert.
func (d *DB) NewUpdate() *bun.UpdateQuery { return d.write.NewUpdate() }

// NewDelete is described at NewInsert.
func (d *DB) NewDelete() *bun.DeleteQuery { return d.write.NewDelete() }

// From returns the query that reads the rows in sc into rows. Whatever is added to it narrows it.
func From[R Scoped](r Reader, sc tenancy.Scope, rows *[]R) *bun.SelectQuery {
	var row R
	within := row.Within(sc)
	return r.NewSelect().Model(rows).Where(within.Text(), within.Args...)
}

// Locked reads the row with that number in the transaction's scope, or returns missing, and locks
// it. A lock names both columns of the key: where the scope spans organizations, the row is asked
// for its own first.
func Locked[R Scoped](t *Tx, lock string, id int64, missing error) (R, error) {
	var rows []R
	sc := t.Scope()
	if _, one := sc.Organization(); !one && t.DB.For(lock) != "" {
		var organizations []domain.OrganizationID
		err := From(t, sc, &rows).Column("organization_id").Where("?TableAlias.id = ?", id).Scan(t.Ctx, &organizations)
		organization, err := First(organizations, err, missing)
		if err != nil {
			var none R
			return none, err
		}
		sc = sc.Of(organization)
	}
	err := From(t, sc, &rows).Where("?TableAlias.id = ?", id).Apply(t.For(lock)).Scan(t.Ctx)
	return First(rows, err, missing)
}

// First returns the first of the rows that a query read, or missing if there is none.
func First[R any](rows []R, err error, missing error) (R, error) {
	if err == nil && len(rows) > 0 {
		return rows[0], nil
	}
	var none R
	if err == nil {
		err = missing
	}
	return none, Translate(err)
}

// Weigh counts a row of Bun into the weight of the page that is read in ctx, and returns
// domain.ErrHeavy past that. A row struct whose size is anybody's choice calls it in its AfterScanRow,
// with the number of its columns and their texts.
func Weigh(ctx context.Context, columns int, texts ...string) error {
	bytes := valueBytes * columns
	for _, text := range texts {
		bytes += len(text)
	}
	return domain.WeightFrom(ctx).Add(bytes)
}
