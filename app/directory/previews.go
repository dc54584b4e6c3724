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
	shares    *lru.Cache[domain.OrganizationID, *share]
	users     *lru.Cache[domain.UserKey, *rate.Limiter]
	// issued are the hashes of previews whose plans were not carried out yet.
	issued *lru.Cache[string, struct{}]
}

// PreviewLimits bound what previews take from others.
type PreviewLimits struct {
	// People is how many a preview may concern.
	People int
	// Share is which part of the time the previews of a user may take, in the long run; 1 is all of it. Those of an
	// organization's users may take three times as much together, and run one at a time.
	Share float64
}

// share is what the previews of an organization take.
type share struct {
	turn   chan struct{}
	bucket *rate.Limiter
}

// rehearsals is how many run at once: each takes two connections to the database, of which a few are left
// for everybody else.
const rehearsals = 2

// A bucket has as many milliseconds as previews may take at once, and is filled by the share. What it owes is filled
// within previewsWait. There are as many as are remembered: one that is forgotten begins anew with a full one.
const (
	previewsAtOnce = 5000
	previewsWait   = 5 * time.Minute
	ofOrganization = 3 // times as much as of a user
	previewBuckets = 4 << 10
)

// NewPreviews returns the use cases of previews, which tell of changes what audit would.
func NewPreviews(gate *tenancy.Gate, documents *tenancy.Documents, audit *Audit, limits PreviewLimits,
	now func() time.Time) *Previews {
	p := &Previews{gate: gate, documents: documents, audit: audit, limits: limits, now: now,
		turns: make(chan struct{}, rehearsals)}
	// These fail for sizes below 1 only.
	p.shares, _ = lru.New[domain.OrganizationID, *share](previewBuckets)
	p.users, _ = lru.New[domain.UserKey, *rate.Limiter](previewBuckets)
	p.issued, _ = lru.New[string, struct{}](previewBuckets)
	return p
}

// remembered returns what a cache has of a key, or keeps what is made for it.
func remembered[K comparable, V any](cache *lru.Cache[K, V], key K, made func() V) V {
	if v, ok := cache.Get(key); ok {
		return v
	}
	v := made()
	if before, there, _ := cache.PeekOrAdd(key, v); there {
		return before
	}
	return v
}

// bucket returns a full bucket of so many times a user's. It counts in real time: what is bounded is work, whatever the
// directory's clock says.
func (p *Previews) bucket(times int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(1000*p.limits.Share*float64(times)), previewsAtOnce*times)
}

func (p *Previews) shareOf(o domain.OrganizationID) *share {
	return remembered(p.shares, o, func() *share { return &share{make(chan struct{}, 1), p.bucket(ofOrganization)} })
}

func (p *Previews) bucketOf(u domain.UserKey) *rate.Limiter {
	return remembered(p.users, u, func() *rate.Limiter { return p.bucket(1) })
}

// Spend takes what a preview of a user took out of their bucket and their organization's, which may owe it afterwards.
func (p *Previews) Spend(u domain.UserKey, took time.Duration) {
	for _, bucket := range []*rate.Limiter{p.bucketOf(u), p.shareOf(u.Organization).bucket} {
		least := -previewsWait.Seconds() * float64(bucket.Limit())
		for left := min(int(took.Milliseconds()), int(bucket.Tokens()-least)); left > 0; left -= bucket.Burst() {
			bucket.ReserveN(time.Now(), min(left, bucket.Burst()))
		}
	}
}

func (r *rehearsal) spend(took time.Duration) { r.Spend(r.caller.UserKey(), took) }

// owed returns domain.ErrTooMany where the previews of a user, or of their organization, took more than their share.
func (p *Previews) owed(u domain.UserKey) error {
	for i, bucket := range []*rate.Limiter{p.bucketOf(u), p.shareOf(u.Organization).bucket} {
		if owed := -bucket.Tokens(); owed > 0 {
			after := int(owed/float64(bucket.Limit())) + 1
			if i == 0 {
				return domain.ErrTooMany.Saying("Your previews took much time, which others wait for. Ask again in %d seconds.",
					after).After(after)
			}
			return domain.ErrTooMany.Saying("The previews of your organization took much time, which others wait for. "+
				"Ask again in %d seconds.", after).After(after)
		}
	}
	return nil
}

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
	r, err := p.begin(ctx, &caller, false)
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
	p.issued.Add(r.hash, struct{}{})
	return r.document(ctx)
}

// CarryOut makes a change if it would still do what the preview with that hash said. Otherwise it returns
// domain.ErrPlanChanged.
func (p *Previews) CarryOut(ctx context.Context, caller domain.Principal, hash string,
	change func(context.Context) error) error {
	r, err := p.begin(ctx, &caller, p.issued.Remove(hash))
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
// previews took more than their share, unless this is of a plan that was asked for before that.
func (p *Previews) begin(ctx context.Context, caller *domain.Principal, planned bool) (r *rehearsal, err error) {
	r = &rehearsal{Previews: p, caller: caller, turn: p.shareOf(caller.Organization).turn}
	if r.people, err = p.gate.Enter(ctx, caller, domain.UserRead, tenancy.Anywhere()); err != nil &&
		!domain.ErrForbidden.Is(err) {
		return nil, err
	}
	if r.sight, err = p.gate.Sight(ctx, caller); err != nil {
		return nil, err
	}
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, domain.ErrOverloaded.Because(ctx.Err())
	}
	if !planned {
		if err := p.owed(caller.UserKey()); err != nil {
			<-r.turn
			return nil, err
		}
	}
	select {
	case p.turns <- struct{}{}:
	case <-ctx.Done():
		<-r.turn
		return nil, domain.ErrOverloaded.Because(ctx.Err())
	}
	return r, nil
}

func (r *rehearsal) end() {
	<-r.turns
	<-r.turn
}

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
