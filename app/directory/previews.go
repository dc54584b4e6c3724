package directory

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"canopy/domain"
	"canopy/tenancy"
)

// Previews say what a change would do to who may do what, and carry out what was previewed.
type Previews struct {
	gate      *tenancy.Gate
	documents *tenancy.Documents
	audit     *Audit
	now       func() time.Time
	turns     chan struct{}
	limits    PreviewLimits
	buckets   *lru.Cache[domain.OrganizationID, *rate.Limiter]
}

// PreviewLimits bound what previews take from others.
type PreviewLimits struct {
	// People is how many a preview may concern.
	People int
	// Share is which part of the time the previews of an organization's people may take; 1 is all of it.
	Share float64
}

// rehearsals is how many run at once: each takes two connections to the database, of which a few are left
// for everybody else.
const rehearsals = 2

// An organization's bucket has as many milliseconds as its previews may take at once, and is filled by its share.
// There are as many as are remembered: one that is forgotten begins anew with a full one.
const (
	previewsAtOnce = 5000
	previewBuckets = 4 << 10
)

// NewPreviews returns the use cases of previews, which tell of changes what audit would.
func NewPreviews(gate *tenancy.Gate, documents *tenancy.Documents, audit *Audit, limits PreviewLimits,
	now func() time.Time) *Previews {
	p := &Previews{gate: gate, documents: documents, audit: audit, limits: limits, now: now,
		turns: make(chan struct{}, rehearsals)}
	p.buckets, _ = lru.New[domain.OrganizationID, *rate.Limiter](previewBuckets) // fails for sizes below 1 only
	return p
}

// bucket returns the bucket of an organization. It counts in real time: what is bounded is work, whatever the
// directory's clock says.
func (p *Previews) bucket(o domain.OrganizationID) *rate.Limiter {
	bucket, ok := p.buckets.Get(o)
	if !ok {
		bucket = rate.NewLimiter(rate.Limit(1000*p.limits.Share), previewsAtOnce)
		if before, there, _ := p.buckets.PeekOrAdd(o, bucket); there {
			bucket = before
		}
	}
	return bucket
}

// Spend takes what previews of an organization took out of its bucket, which may owe it afterwards.
func (p *Previews) Spend(o domain.OrganizationID, took time.Duration) {
	bucket := p.bucket(o)
	for left := int(took.Milliseconds()); left > 0; left -= previewsAtOnce {
		bucket.ReserveN(time.Now(), min(left, previewsAtOnce))
	}
}

func (r *rehearsal) spend(took time.Duration) { r.Spend(r.caller.Organization, took) }

// PreviewDocument is what a change would do, as far as its reader sees it.
type PreviewDocument struct {
	// Hash is of the change and of all that is told of it; CarryOut takes it.
	Hash string
	// Changes are the entries that the audit trail would have, each with what it is about and its fields.
	Changes []AuditDocument
	// Gains and Losses count for each permission and place the people who gain or lose it there: for a person
	// who is changed, each place at which that begins; for an environment that is made, moved, switched or
	// deleted, it and all below it; for a group, all that its members reach, by their organization. They are of the
	// first PreviewPlaces places in tree order; MorePlaces is how many more there are.
	Gains, Losses []PreviewCount
	MorePlaces    int
	// Gaining and Losing are how many people gain or lose anything, Affected how many either of it. The first
	// PreviewPeople of them, by organization and number, are People.
	Gaining, Losing, Affected int
	People                    []PreviewPerson
	// SessionsEnding is how many sessions of those who are changed end.
	SessionsEnding int64
	Warnings       []PreviewWarning
	// LeftOut says that there is more, about people or places that the reader does not see.
	LeftOut bool
}

// PreviewPeople is how many people a preview names, PreviewPlaces how many places, and PreviewParts how many of these
// for each of the people.
const (
	PreviewPeople = 50
	PreviewPlaces = 100
	PreviewParts  = 20
)

// PreviewCount is how many people gain or lose a permission somewhere.
type PreviewCount struct {
	Permission domain.Permission
	PreviewPlace
	People int
}

// PreviewPlace is where that is. Without an environment it is the person's own account. An environment to be
// has no number.
type PreviewPlace struct {
	Environment *EnvironmentDocument
	Extent      domain.Extent
}

// PreviewPerson is somebody who gains or loses permissions, where they do first in tree order, and at how many more
// places. A user to be has no number.
type PreviewPerson struct {
	User      UserDocument
	Parts     []PreviewPart
	MoreParts int
}

// PreviewPart is what somebody gains and loses at a place.
type PreviewPart struct {
	PreviewPlace
	Gained, Lost domain.Mask
}

// PreviewWarning is what should be known before the change is carried out. Environment is what it is about,
// nil if that is the change itself.
type PreviewWarning struct {
	Code        domain.WarningCode
	Environment *EnvironmentDocument
}

// Run returns what change would do, which is tried with the context it is given and undone again. It takes
// what the change takes, and returns the errors of the change.
func (p *Previews) Run(ctx context.Context, caller domain.Principal,
	change func(context.Context) error) (PreviewDocument, error) {
	r, err := p.begin(ctx, &caller)
	if err != nil {
		return PreviewDocument{}, err
	}
	defer r.end()
	err = change(tenancy.WithReview(domain.WithRehearsal(ctx), &tenancy.Review{Rehearsal: true, Held: r.spend,
		Look: func(ctx context.Context, t *tenancy.Trial) error {
			began := time.Now()
			defer func() { r.spend(time.Since(began)) }()
			return r.look(ctx, t)
		}}))
	if err == nil {
		err = domain.ErrInternal.Because(errors.New("a change that was to be tried was made without a transaction"))
	}
	if !domain.ErrRehearsed.Is(err) {
		return PreviewDocument{}, err
	}
	return r.document(ctx)
}

// CarryOut makes a change if it would still do what the preview with that hash said. Otherwise it returns
// domain.ErrPlanChanged.
func (p *Previews) CarryOut(ctx context.Context, caller domain.Principal, hash string,
	change func(context.Context) error) error {
	r, err := p.begin(ctx, &caller)
	if err != nil {
		return err
	}
	defer r.end()
	return change(tenancy.WithReview(ctx, &tenancy.Review{Held: r.spend,
		Look: func(ctx context.Context, t *tenancy.Trial) error {
			if err := r.look(ctx, t); err != nil {
				return err
			}
			if r.hash != hash {
				return domain.ErrPlanChanged
			}
			return nil
		}}))
}

// begin waits for a turn, which end gives back, and finds out what the caller sees. It returns domain.ErrTooMany where
// the previews of the caller's organization took more than their share.
func (p *Previews) begin(ctx context.Context, caller *domain.Principal) (r *rehearsal, err error) {
	r = &rehearsal{Previews: p, caller: caller}
	if r.people, err = p.gate.Enter(ctx, caller, domain.UserRead, tenancy.Anywhere()); err != nil &&
		!domain.ErrForbidden.Is(err) {
		return nil, err
	}
	if r.sight, err = p.gate.Sight(ctx, caller); err != nil {
		return nil, err
	}
	select {
	case p.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, domain.ErrOverloaded.Because(ctx.Err())
	}
	if owed := -p.bucket(caller.Organization).Tokens(); owed > 0 {
		r.end()
		after := int(owed/(1000*p.limits.Share)) + 1
		return nil, domain.ErrTooMany.Saying("The previews of your organization took much time, which others wait for. "+
			"Ask again in %d seconds.", after).After(after)
	}
	return r, nil
}

func (r *rehearsal) end() { <-r.turns }

// document describes what look found, as the reader may see it.
func (r *rehearsal) document(ctx context.Context) (PreviewDocument, error) {
	d := PreviewDocument{Hash: r.hash, Gaining: r.gaining, Losing: r.losing, Affected: r.affected,
		SessionsEnding: r.ending, LeftOut: r.leftOut}
	counted, more := r.counted()
	d.MorePlaces = more
	for _, k := range counted {
		n := PreviewCount{Permission: k.permission, PreviewPlace: r.described(k.place), People: r.counts[k]}
		if k.gained {
			d.Gains = append(d.Gains, n)
		} else {
			d.Losses = append(d.Losses, n)
		}
	}
	for _, w := range r.warnings {
		d.Warnings = append(d.Warnings, PreviewWarning{w.code, r.environments[w.at]})
	}
	var err error
	if d.People, err = r.describePeople(ctx); err != nil {
		return d, err
	}
	d.Changes, err = r.audit.told(ctx, r.caller, r.sight, r.entries)
	return d, err
}

// counted returns what was counted at the first PreviewPlaces places, by place and permission, and at how many more
// something was.
func (r *rehearsal) counted() (keys []countKey, more int) {
	keys = slices.SortedFunc(maps.Keys(r.counts), func(a, b countKey) int {
		return cmp.Or(a.place.compare(b.place), cmp.Compare(a.permission, b.permission))
	})
	places, told := 0, len(keys)
	for i := range keys {
		if i > 0 && keys[i].place == keys[i-1].place {
			continue
		}
		if places++; places == PreviewPlaces+1 {
			told = i
		}
	}
	return keys[:told], max(places-PreviewPlaces, 0)
}

func (r *rehearsal) described(p placeKey) PreviewPlace {
	return PreviewPlace{Environment: r.environments[p.at], Extent: p.extent}
}

func (r *rehearsal) describePeople(ctx context.Context) ([]PreviewPerson, error) {
	users := make([]domain.User, len(r.first))
	for i := range r.first {
		users[i] = r.first[i].user
	}
	described, err := describeUsers(ctx, r.documents, r.sight, users)
	if err != nil {
		return nil, err
	}
	people := make([]PreviewPerson, len(described))
	for i := range described {
		people[i].User = described[i]
		parts := r.first[i].parts
		told := min(len(parts), PreviewParts)
		people[i].MoreParts = len(parts) - told
		for _, part := range parts[:told] {
			people[i].Parts = append(people[i].Parts,
				PreviewPart{PreviewPlace: r.described(part.placeKey), Gained: part.gained, Lost: part.lost})
		}
	}
	return people, nil
}
