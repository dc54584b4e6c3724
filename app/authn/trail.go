package authn

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"canopy/domain"
)

// trail counts sign-ins for the audit trail, and writes down what it counted when it is told to: a
// sign-in waits for nothing, and many that are alike are one entry. It is safe for concurrent use.
type trail struct {
	accounts Accounts
	now      func() time.Time

	flushing sync.Mutex
	mu       sync.Mutex
	counted  map[domain.UUID]*domain.SignIns
	// told are the failures of the hour that have entries of their own, by organization, 0 for names
	// that nobody has.
	told map[domain.OrganizationID]map[domain.UUID]bool
	hour time.Time
}

const (
	// successWindow and failureHour are how long sign-ins are counted together.
	successWindow = time.Minute
	failureHour   = time.Hour
	// toldApart is how many entries an organization has in an hour for names and networks of failed
	// sign-ins. From then on networks are no longer told apart, for names that nobody has the
	// names; and beyond toldAtAll neither are.
	toldApart = 500
	toldAtAll = 2000
)

// signedIn counts a sign-in of account, and gavePassword one that has still to be proved by a second factor.
func (t *trail) signedIn(ctx context.Context, account *domain.Account, address string) {
	t.right(ctx, domain.SignInSuccess, account, address)
}

func (t *trail) gavePassword(ctx context.Context, account *domain.Account, address string) {
	t.right(ctx, domain.SignInPassword, account, address)
}

func (t *trail) right(ctx context.Context, action string, account *domain.Account, address string) {
	now := t.now().UTC().Truncate(time.Millisecond)
	s := t.of(ctx, account, account.Alias, address, now)
	s.Action, s.Begun = action, now.Truncate(successWindow)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count(s)
}

// failed counts a sign-in that was refused. account is the one the login names, nil for none.
func (t *trail) failed(ctx context.Context, login string, account *domain.Account, address string) {
	now := t.now().UTC().Truncate(time.Millisecond)
	s := t.of(ctx, account, domain.CleanName(login), address, now)
	s.Action, s.Begun = domain.SignInFailure, now.Truncate(failureHour)
	less, least := s, s
	less.Network = domain.Others
	if account == nil {
		less.Network, less.Name = s.Network, domain.Others
	}
	least.Network, least.Name = domain.Others, domain.Others
	if account != nil {
		least.User.User, least.Home = 0, account.OrganizationPath()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.hour.Equal(s.Begun) {
		t.hour, t.told = s.Begun, make(map[domain.OrganizationID]map[domain.UUID]bool)
	}
	told := t.told[s.User.Organization]
	if told == nil {
		told = make(map[domain.UUID]bool)
		t.told[s.User.Organization] = told
	}
	for _, try := range []struct {
		domain.SignIns
		most int
	}{{s, toldApart}, {less, toldAtAll}} {
		if id := try.ID(); told[id] || len(told) < try.most {
			told[id] = true
			t.count(try.SignIns)
			return
		}
	}
	t.count(least)
}

// of returns one sign-in.
func (t *trail) of(ctx context.Context, account *domain.Account, name, address string, now time.Time) domain.SignIns {
	s := domain.SignIns{Name: name, Network: domain.CleanName(domain.NetworkOf(address)), Surface: domain.RequestFrom(ctx).
		Surface,
		First: now, Last: now, Times: 1}
	if account != nil {
		s.User, s.Home, s.Name = account.UserKey(), account.Home, account.Alias
	}
	return s
}

// count adds s to what is to be written down.
func (t *trail) count(s domain.SignIns) {
	id := s.ID()
	if t.counted == nil {
		t.counted = make(map[domain.UUID]*domain.SignIns)
	}
	counted := t.counted[id]
	if counted == nil {
		t.counted[id] = &s
		return
	}
	counted.Times += s.Times
	if s.First.Before(counted.First) {
		counted.First = s.First
	}
	if s.Last.After(counted.Last) {
		counted.Last = s.Last
	}
}

// flush writes down what was counted. What cannot be written is kept for the next time.
func (t *trail) flush(ctx context.Context) error {
	t.flushing.Lock()
	defer t.flushing.Unlock()
	t.mu.Lock()
	counted := t.counted
	t.counted = nil
	t.mu.Unlock()
	if len(counted) == 0 {
		return nil
	}
	err := t.accounts.NoteSignIns(ctx, slices.Collect(maps.Values(counted)))
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		for _, s := range counted {
			t.count(*s)
		}
	}
	return err
}
