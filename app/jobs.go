package app

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"canopy/app/mail"
	"canopy/domain"
	"canopy/tenancy"
)

// job is something the server does by itself from time to time.
type job struct {
	name  string
	every time.Duration
	run   func(context.Context) error
	// wake has a signal when the job is to run at once; nil for never.
	wake <-chan struct{}
}

// outboxKept is how long it can be seen what became of a mail.
const outboxKept = 30 * 24 * time.Hour

func (d *Directory) jobs() []job {
	return []job{
		{"activity", 15 * time.Second, d.activity.Flush, nil},
		{"sign-ins", 2 * time.Second, d.passwords.Flush, nil},
		{"usage", 5 * time.Second, d.usage.Flush, nil},
		{"copy requests", time.Hour, func(ctx context.Context) error {
			return d.copies.Sweep(ctx, tenancy.Operator("(sweep)", domain.ObjectManage), d.config.Now())
		}, nil},
		{"sweep", time.Hour, func(ctx context.Context) error {
			now := d.config.Now()
			return errors.Join(d.accounts.Sweep(ctx, now.Add(-24*time.Hour), now.AddDate(0, 0, -90)), d.accounts.SweepSessions(ctx, now), d.Accounts.Sweep(ctx),
				d.outbox.SweepOutbox(ctx, now.Add(-outboxKept)), mail.SweepFiles(filepath.Join(d.config.Data, mailFolder), now.Add(-outboxKept)))
		}, nil},
		{"mail", 5 * time.Second, d.mailer.Run, d.outbox.Posted()},
	}
}

// runJobs runs all jobs until ctx ends. A job that fails is tried again at its next time.
// It returns what waits for those that are under way, for stopWithin at most.
func (d *Directory) runJobs(ctx context.Context) (wait func()) {
	var running sync.WaitGroup
	for _, j := range d.jobs() {
		running.Go(func() {
			tick := time.NewTicker(j.every)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				case <-j.wake:
				}
				run := domain.WithRequest(ctx, domain.Request{ID: "job " + j.name})
				if err := j.run(run); err != nil && ctx.Err() == nil {
					d.config.Log.Warn("a job failed", "job", j.name, "error", err)
				}
			}
		})
	}
	return func() {
		finished := make(chan struct{})
		go func() {
			running.Wait()
			close(finished)
		}()
		select {
		case <-finished:
		case <-time.After(stopWithin):
			d.config.Log.Warn("a job was still under way when the server stopped; mail that was being sent is sent again")
		}
	}
}
