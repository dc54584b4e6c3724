package app

import (
	"context"
	"errors"
	"time"

	"canopy/domain"
	"canopy/tenancy"
)

// job is something the server does by itself from time to time.
type job struct {
	name  string
	every time.Duration
	run   func(context.Context) error
}

func (d *Directory) jobs() []job {
	return []job{
		{"activity", 15 * time.Second, d.activity.Flush},
		{"usage", 5 * time.Second, d.usage.Flush},
		{"copy requests", time.Hour, func(ctx context.Context) error {
			return d.copies.Sweep(ctx, tenancy.Operator("(sweep)", domain.ObjectManage), d.config.Now())
		}},
		{"sweep", time.Hour, func(ctx context.Context) error {
			now := d.config.Now()
			return errors.Join(d.accounts.Sweep(ctx, now.Add(-24*time.Hour), now.AddDate(0, 0, -90)), d.accounts.SweepSessions(ctx, now), d.Accounts.Sweep(ctx))
		}},
	}
}

// runJobs runs all jobs until ctx ends. A job that fails is tried again at its next time.
func (d *Directory) runJobs(ctx context.Context) {
	for _, j := range d.jobs() {
		go func() {
			tick := time.NewTicker(j.every)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				run := domain.WithRequest(ctx, domain.Request{ID: "job " + j.name})
				if err := j.run(run); err != nil && ctx.Err() == nil {
					d.config.Log.Warn("a job failed", "job", j.name, "error", err)
				}
			}
		}()
	}
}
