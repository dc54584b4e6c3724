package app_test

import (
	"slices"
	"time"

	"canopy/domain"
)

// signInOracle says how strongly people must have proved who they are. It answers by walking up the tree, each time.
type signInOracle struct {
	*oracle
	now   func() time.Time
	rules map[domain.EnvironmentID]domain.SignInRules
	have  map[domain.UserID][]*oracleFactor
}

// oracleFactor is a factor that somebody has.
type oracleFactor struct {
	proof  domain.Proof // what it gives
	id     domain.UUID
	secret string   // of one-time codes
	key    *passkey // nil for one-time codes
}

// asked is the most that an environment on the way up from somebody's home demands of them: of all its people, or of
// those who are more than users, by themselves or by a group; and whether one lets them in by the provider of their
// organization only, and whether each that does leaves them out. What is announced for later is not asked yet. Nothing
// is asked of a program where whoever asks for anything says so.
func (o *signInOracle) asked(u *domain.User) (domain.Proof, bool, bool) {
	most, only, left, excused := domain.ByPassword, false, true, u.System
	o.up(u.Home, func(e domain.EnvironmentID) bool {
		r := o.rules[e]
		if o.now().Before(r.Grace) {
			return false
		}
		most, only = max(most, r.People), only || r.OnlyProvider
		left = left && (!r.OnlyProvider || slices.Contains(r.BreakGlass[:], u.ID))
		if o.role(u) != domain.RoleUser {
			most = max(most, r.Admins)
		}
		excused = excused && (r.ProgramsExempt || max(r.People, r.Admins) == domain.ByPassword && !r.OnlyProvider)
		return false
	})
	if excused {
		return domain.ByPassword, false, true
	}
	return most, only, left
}

// shut says whether somebody is kept out who did not come from a provider. Who is left out is so in no session.
func (o *signInOracle) shut(u *domain.User, byProvider, session bool) bool {
	_, only, left := o.asked(u)
	return only && !byProvider && !(left && session)
}

// needed is what a request of somebody must have proved: what is demanded, and a factor if they have one. A key is in
// the place of that factor, but not of what is demanded.
func (o *signInOracle) needed(u *domain.User, byKey bool) domain.Proof {
	most, _, _ := o.asked(u)
	if len(o.have[u.ID]) > 0 && !byKey {
		most = max(domain.ByCode, most)
	}
	return most
}

// mayAdd says whether somebody who has proved as much may add a factor: all that they have, if it is not enough, else
// any that they have.
func (o *signInOracle) mayAdd(u *domain.User, proved domain.Proof) bool {
	if len(o.have[u.ID]) > 0 && proved == domain.ByPassword {
		return false
	}
	return proved >= o.needed(u, false) || o.hasNoMore(u, proved)
}

// hasNoMore says whether nothing that somebody has proves more.
func (o *signInOracle) hasNoMore(u *domain.User, proved domain.Proof) bool {
	return !slices.ContainsFunc(o.have[u.ID], func(f *oracleFactor) bool { return f.proof > proved })
}

// stale says whether a proof is too old for what is dangerous: for any environment on the way up from home.
func (o *signInOracle) stale(u *domain.User, proved time.Time) (yes bool) {
	o.up(u.Home, func(e domain.EnvironmentID) bool {
		yes = yes || o.rules[e].ProofAge != 0 && o.now().After(proved.Add(o.rules[e].ProofAge))
		return yes
	})
	return yes
}

// opens says whether somebody who has proved as much reaches an environment: none on its way up, which they are not at
// home in, demands more of whoever comes from elsewhere.
func (o *signInOracle) opens(u *domain.User, e domain.EnvironmentID, proved domain.Proof) bool {
	open := o.reaches(u, e)
	o.up(e, func(at domain.EnvironmentID) bool {
		open = open && (o.rules[at].Above <= proved || o.below(u.Home, at))
		return !open
	})
	return open
}
