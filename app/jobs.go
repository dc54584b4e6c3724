package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"canopy/app/accounts"
	"canopy/app/authn"
	"canopy/app/directory"
	"canopy/app/mail"
	"canopy/app/objects"
	"canopy/domain"
	"canopy/persistence"
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

// background is what the server does beside answering.
type background struct {
	log       *slog.Logger
	now       func() time.Time
	activity  *authn.Activity
	signIns   *authn.Passwords
	usage     *objects.UsageCounter
	things    *persistence.ObjectStore
	leaving   directory.DepartureStore
	accounts  *accounts.Accounts
	providers *accounts.Providers
	reminders *accounts.Reminders // of demands that count later
	outbox    *persistence.OutboxStore
	mailer    *mail.Worker
	folder    string // where mail is written to without a mail server
}

func (b *background) jobs() []job {
	return []job{
		{"activity", 15 * time.Second, b.activity.Flush, nil},
		{"sign-ins", 2 * time.Second, b.signIns.Flush, nil},
		{"usage", 5 * time.Second, b.usage.Flush, nil},
		{"copy requests", time.Hour, func(ctx context.Context) error {
			return b.things.SweepCopyRequests(ctx, tenancy.Operator("(sweep)", domain.ObjectManage), b.now())
		}, nil},
		{"departures", 5 * time.Second, b.depart, nil},
		{"domains", time.Hour, b.providers.AskAgain, nil},
		{"sweep", time.Hour, func(ctx context.Context) error {
			return errors.Join(b.accounts.Sweep(ctx), mail.SweepFiles(b.folder, b.now().Add(-domain.MailKept)))
		}, nil},
		{"reminders", 30 * time.Second, b.reminders.Run, nil},
		{"mail", 5 * time.Second, b.mailer.Run, b.outbox.Posted()},
	}
}

// depart takes away what is left of organizations that are being deleted, and logs now and then how far it is.
func (b *background) depart(ctx context.Context) error {
	var told time.Time
	return directory.Depart(ctx, b.leaving, tenancy.Operator("(departures)", domain.OrganizationWrite), 0,
		func(d domain.Departing) {
			if d.Ended {
				b.log.Info("an organization was deleted", "organization", d.Organization, "users", d.Users)
			} else if now := b.now(); now.Sub(told) >= 10*time.Second {
				told = now
				b.log.Info("an organization is being deleted", "organization", d.Organization, "users", d.Users, "gone", d.Gone)
			}
		})
}

// run runs all jobs until ctx ends. A job that fails is tried again at its next time.
// It returns what waits for those that are under way, for stopWithin at most.
func (b *background) run(ctx context.Context) (wait func()) {
	var running sync.WaitGroup
	for _, j := range b.jobs() {
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
					b.log.Warn("a job failed", "job", j.name, "error", err)
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
			b.log.Warn("a job was still under way when the server stopped; mail that was being sent is sent again")
		}
	}
}

// flush writes down what was only noted so far.
func (b *background) flush() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := b.activity.Flush(ctx); err != nil {
		b.log.Warn("activity could not be written down", "error", err)
	}
	if err := b.signIns.Flush(ctx); err != nil {
		b.log.Error("sign-ins could not be written into the audit trail", "error", err)
	}
	if err := b.usage.Flush(ctx); err != nil {
		b.log.Error("usage of objects could not be written down", "error", err)
	}
}
