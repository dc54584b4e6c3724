package objects

import (
	"context"
	"sync"
	"time"

	"canopy/app/directory"
	"canopy/domain"
	"canopy/tenancy"
)

// UsageCounter counts how often objects are used, and writes the counts down together. It is safe for concurrent use.
// Up to the time between two flushes is lost if the process is killed, nothing if it ends with a flush.
type UsageCounter struct {
	store UsageStore

	mu     sync.Mutex
	counts map[domain.UsageKey]int64
	// flushing lets one flush run at a time.
	flushing sync.Mutex
}

// maxCounts bounds how many counts wait to be written.
const maxCounts = 100_000

// NewUsageCounter returns a counter with nothing counted.
func NewUsageCounter(store UsageStore) *UsageCounter {
	return &UsageCounter{store: store, counts: make(map[domain.UsageKey]int64)}
}

// UsageStore keeps how often objects were used: of those the scope covers, and of those that the viewer owned when
// they were used, as far as the place and the kind are covered.
type UsageStore interface {
	// Usage returns one page by object, month and owner, and the cursor of the next page.
	Usage(ctx context.Context, sc tenancy.Scope, f domain.UsageFilter,
		p domain.Page) ([]domain.Usage, domain.Cursor, error)
	// AddUsage adds counts, leaving out objects that are gone: all of them or, with an error, none.
	AddUsage(ctx context.Context, w tenancy.WriteScope, counts map[domain.UsageKey]int64) error
}

// add counts n uses. It is TooMany if too many counts wait to be written.
func (u *UsageCounter) add(k domain.UsageKey, n int64) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, there := u.counts[k]; !there && len(u.counts) >= maxCounts {
		return domain.ErrTooMany.After(5)
	}
	u.counts[k] += n
	return nil
}

// Flush writes down what was counted. What could not be written is kept for the next time.
func (u *UsageCounter) Flush(ctx context.Context) error {
	u.flushing.Lock()
	defer u.flushing.Unlock()
	u.mu.Lock()
	counts := u.counts
	u.counts = make(map[domain.UsageKey]int64)
	u.mu.Unlock()
	err := u.store.AddUsage(ctx, tenancy.Operator("(usage)", domain.ObjectManage), counts)
	if err != nil {
		u.mu.Lock()
		defer u.mu.Unlock()
		for k, n := range counts {
			u.counts[k] += n
		}
	}
	return err
}

// RecordUsage names an object that was used a number of times.
type RecordUsage struct {
	Object domain.ObjectRef
	Count  int64
}

// RecordUsage counts that an object was used, from 1 to domain.MaxUsage times, in this month and while it is its
// owner's, and returns the number. It needs the kind's permission to write and LevelWrite. It is written down with
// the next flush.
func (b *Objects) RecordUsage(ctx context.Context, caller domain.Principal, in RecordUsage) (int64, error) {
	o, w, err := b.enter(ctx, &caller, in.Object)
	if err != nil {
		return 0, err
	}
	if w.Level(&o) < domain.LevelWrite {
		return 0, domain.ErrForbidden
	}
	if in.Count < 1 || in.Count > domain.MaxUsage {
		return 0, domain.InvalidField("count", "Give a number from 1 to %d.", domain.MaxUsage)
	}
	return in.Count, b.usage.add(domain.UsageKey{Organization: o.Organization, Object: o.ID, Owner: o.Owner,
		Month: domain.MonthOf(b.now())}, in.Count)
}

// UsageDocument is usage as far as the reader may see it: of whose it was they are told whether it was their own.
type UsageDocument struct {
	domain.Usage
	Own bool
}

// ListUsage asks for usage by object and month.
type ListUsage struct {
	Object domain.ObjectRef // empty keeps all
	// Own asks for what was used while it was the caller's, whoever owns it now.
	Own    bool
	Filter domain.UsageFilter
	Page   domain.Page
}

// Usage returns how often objects were used, by object, month and whose they were then: of objects that the caller
// may read, and of what was the caller's own, as far as its place is still in the caller's reach. It returns NotFound
// for an Object that the caller may not read.
func (b *Objects) Usage(ctx context.Context, caller domain.Principal,
	in ListUsage) (list directory.Listed[UsageDocument], err error) {
	sc, err := b.gate.EnterObjects(ctx, &caller, tenancy.Anywhere())
	if err != nil {
		return list, err
	}
	if in.Object != "" {
		o, err := b.store.Get(ctx, sc, in.Object)
		if err != nil {
			return list, err
		}
		in.Filter.Object = o.ID
	}
	if in.Own {
		in.Filter.Owner = caller.UserKey()
	}
	return readList(ctx, in.Page, func(ctx context.Context, p domain.Page) ([]domain.Usage, domain.Cursor, error) {
		return b.usage.store.Usage(ctx, sc, in.Filter, p)
	}, func(u domain.Usage) UsageDocument { return UsageDocument{u, u.Owner == caller.UserKey()} })
}

// UsageStatistics asks for usage in a period whose ends are rounded to the nearest month.
type UsageStatistics struct {
	Begin, End time.Time
	Kinds      []domain.ObjectKind // none keeps all
}

// UsageReport is what was used from the beginning of one month to the beginning of another.
type UsageReport struct {
	Begin, End time.Time
	Usage      directory.Listed[UsageDocument]
}

// Statistics returns how often objects were used while they were the caller's, whoever owns them now. It returns
// Invalid for a period that ends before it begins; one that is rounded to nothing is a report of nothing.
func (b *Objects) Statistics(ctx context.Context, caller domain.Principal, in UsageStatistics) (UsageReport, error) {
	if in.End.Before(in.Begin) {
		return UsageReport{}, domain.InvalidField("end", "The end must not be before the beginning.")
	}
	begin, end := domain.NearestMonth(in.Begin), domain.NearestMonth(in.End)
	list, err := b.Usage(ctx, caller, ListUsage{Own: true,
		Filter: domain.UsageFilter{Kinds: in.Kinds, From: begin, Until: end.Before()}})
	return UsageReport{Begin: begin.Start(), End: end.Start(), Usage: list}, err
}
