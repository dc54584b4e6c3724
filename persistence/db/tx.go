package db

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"
	"modernc.org/sqlite"
)

// attempts is how often a transaction is run before its error is returned.
const attempts = 6

// InTx runs work in a transaction and commits it. Work is run again, whole, when the
// database says that another try may succeed, so it must do nothing but work on the
// database. A commit whose outcome is unknown is not tried again.
func (d *DB) InTx(ctx context.Context, work func(context.Context, bun.Tx) error) error {
	return d.repeat(ctx, func() error { return d.TryTx(ctx, work) })
}

// Alone runs a statement that changes several rows and is a transaction of its own, again where
// inTx would: whoever changes several rows can meet somebody who does so in another order.
func (d *DB) Alone(ctx context.Context, statement func() error) error {
	return d.repeat(ctx, func() error {
		if err := statement(); err != nil {
			return commitError{err}
		}
		return nil
	})
}

func (d *DB) repeat(ctx context.Context, try func() error) error {
	for n := 1; ; n++ {
		err := try()
		if err == nil || n == attempts || !repeatable(err) {
			return Translate(err)
		}
		pause := time.Duration(1<<n) * (2*time.Millisecond + rand.N(6*time.Millisecond))
		select {
		case <-ctx.Done():
			return Translate(err)
		case <-time.After(pause):
		}
	}
}

func (d *DB) TryTx(ctx context.Context, work func(context.Context, bun.Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	if err := work(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return commitError{err}
	}
	return nil
}

// commitError is the error of a commit, after which a lost connection leaves the outcome
// unknown.
type commitError struct{ error }

func (e commitError) Unwrap() error { return e.error }

// repeatable reports whether err left nothing behind and may not come again.
func repeatable(err error) bool {
	var commit commitError
	committing := errors.As(err, &commit)
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01" || !committing && passing(pg.Code)
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return busy(lite)
	}
	return !committing && disconnected(err)
}
