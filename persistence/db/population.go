package db

import (
	"context"
	"time"

	"canopy/domain"
)

// population is a number of users and when they were counted.
type population struct {
	users float64
	at    time.Time
}

// Population returns about how many users the directory has, for choosing a way to read them:
// it is counted once a minute, because that takes longer the more organizations there are.
func (d *DB) Population(ctx context.Context) (float64, error) {
	if p := d.people.Load(); p != nil && time.Since(p.at) < time.Minute {
		return p.users, nil
	}
	rows, err := d.read.QueryContext(ctx, "SELECT coalesce(sum(users), 0) FROM organization_counts")
	users, err := Only(rows, err, Scalar[float64], domain.ErrInternal)
	if err == nil {
		d.people.Store(&population{users, time.Now()})
	}
	return users, err
}
