package persistence

import (
	"context"
	"strconv"

	"github.com/uptrace/bun"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// With says what is saved together with a user, who has their numbers.
type With = func(u *domain.User) (domain.Enclosure, error)

// InsertWith is Insert, with what goes with the user in the same transaction.
func (s *UserStore) InsertWith(ctx context.Context, w tenancy.WriteScope, u domain.User, hash domain.PasswordHash, with With) (domain.User, error) {
	return s.register(ctx, w, domain.Registration{User: u, Hash: hash}, with)
}

// InsertFirst is Insert for the first user of the directory, under the rule of Register.
func (s *UserStore) InsertFirst(ctx context.Context, w tenancy.WriteScope, u domain.User, hash domain.PasswordHash) (domain.User, error) {
	return s.register(ctx, w, domain.Registration{User: u, Hash: hash, First: true}, enclosesNothing)
}

// Register adds the newcomer as r says, in one transaction with what goes with them. A
// registration code is used up and decides the home, and is ErrRegistrationCode if it is
// not open or its environment is not in w. The first of a directory is ErrNotFirst if
// somebody is there who is verified, and takes the place of a superUser who is not. The accounts
// that make room must be unverified still, else it is ErrUserMailTaken. Otherwise the errors are
// those of Insert.
func (s *UserStore) Register(ctx context.Context, w tenancy.WriteScope, r domain.Registration, with With) (domain.User, error) {
	return s.register(ctx, w, r, with)
}

func (s *UserStore) register(ctx context.Context, w tenancy.WriteScope, r domain.Registration, with With) (domain.User, error) {
	u := r.User
	if err := u.Validate(); err != nil {
		return u, err
	}
	id, err := s.db.NextID(ctx, db.UserNumbers)
	if err != nil {
		return u, err
	}
	person, err := s.db.NextID(ctx, db.PersonNumbers)
	if err != nil {
		return u, err
	}
	u.ID, u.Person.ID, u.UUID = domain.UserID(id), domain.PersonID(person), db.NewUUID()
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		if r.First {
			if err := s.holdEmpty(ctx, tx, w); err != nil {
				return err
			}
		}
		if r.Code != "" {
			if err := s.useCode(ctx, tx, w, r.Code, &u); err != nil {
				return err
			}
		}
		if err := s.makeRoom(ctx, tx, w, &r); err != nil {
			return err
		}
		if err := s.insert(ctx, tx, w, &u, r.Hash); err != nil {
			return err
		}
		enclosure, err := with(&u)
		if err != nil {
			return err
		}
		return enclose(ctx, s.db, tx, u.Key(), enclosure)
	})
	if err == nil {
		s.db.SignalPosted()
	}
	return u, err
}

// holdEmpty makes sure that nobody of the directory has ever proven who they are, one
// registration at a time. A superUser who has not gives way: whoever lost the link registers
// again.
func (s *UserStore) holdEmpty(ctx context.Context, tx bun.Tx, w tenancy.WriteScope) error {
	if err := s.db.Lock(ctx, tx, "UPDATE", "organizations WHERE organization_id = ?", int64(domain.RootOrganization)); err != nil {
		return db.Translate(err)
	}
	rows, err := tx.QueryContext(ctx, "SELECT 1 FROM users WHERE state <> ? LIMIT 1", int64(domain.Unverified))
	found, err := db.Collect(rows, err, db.Scalar[int])
	if err != nil || len(found) > 0 {
		return orElse(err, domain.ErrNotFirst)
	}
	rows, err = tx.QueryContext(ctx, "SELECT id FROM users WHERE organization_id = ? AND role = ? ORDER BY id", int64(domain.RootOrganization), int64(domain.RoleSuperUser))
	superUsers, err := db.Collect(rows, err, db.Scalar[int64])
	if err != nil {
		return err
	}
	for _, id := range superUsers { // one, as each gives way to the next
		err := s.giveWay(ctx, tx, w, domain.UserKey{Organization: domain.RootOrganization, User: domain.UserID(id)})
		if domain.ErrUserMailTaken.Is(err) {
			return domain.ErrNotFirst // proven meanwhile
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// makeRoom takes away the login name and the mail address of a registration from the unverified
// accounts that have them.
func (s *UserStore) makeRoom(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, r *domain.Registration) error {
	if r.Replaces != (domain.UserKey{}) {
		if err := s.giveWay(ctx, tx, w, r.Replaces); err != nil {
			return err
		}
	}
	if r.Outdoes == (domain.UserKey{}) {
		return nil
	}
	before, err := s.unverified(ctx, tx, w, r.Outdoes)
	if err != nil || before.ID == 0 {
		return err
	}
	after := before.Clone()
	after.Claim()
	return s.saveChange(ctx, tx, w, &before, &after, "")
}

// giveWay removes an unverified account, if it is still there.
func (s *UserStore) giveWay(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, key domain.UserKey) error {
	u, err := s.unverified(ctx, tx, w, key)
	if err != nil || u.ID == 0 {
		return err
	}
	return s.remove(ctx, tx, w, &u)
}

// unverified locks and returns an account that must be unverified still, else it is
// ErrUserMailTaken; the zero one if it went meanwhile.
func (s *UserStore) unverified(ctx context.Context, tx bun.Tx, w tenancy.WriteScope, key domain.UserKey) (domain.User, error) {
	u, err := s.lock(ctx, tx, w, key.User)
	switch {
	case domain.ErrUserNotFound.Is(err):
		return domain.User{}, nil
	case err == nil && (u.State != domain.Unverified || u.Organization != key.Organization):
		err = domain.ErrUserMailTaken
	}
	return u, err
}

// changeWith changes a user and says what goes with the change. It gets the secret that was
// used up, if one was presented.
type changeWith = func(*domain.User, domain.Secret, domain.SuperUsers) (domain.Enclosure, error)

// UpdateWith is Update, with what goes with the user in the same transaction. A presented
// secret is used up first, and is ErrSecret if it does not fit; change gets what it was.
func (s *UserStore) UpdateWith(ctx context.Context, w tenancy.WriteScope, id domain.UserID, hash domain.PasswordHash,
	presented *domain.Presented, change changeWith) (after domain.User, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		after, err = s.update(ctx, tx, w, id, hash, presented, change)
		return err
	})
	if err == nil {
		s.db.SignalPosted()
	}
	return after, err
}

// DeleteWith is Delete, with mail in the same transaction.
func (s *UserStore) DeleteWith(ctx context.Context, w tenancy.WriteScope, id domain.UserID,
	check func(domain.User, domain.SuperUsers) ([]domain.Mail, error)) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx bun.Tx) error {
		u, err := s.lock(ctx, tx, w, id)
		if err != nil {
			return err
		}
		mails, err := check(u, s.superUsers(ctx, tx, id))
		if err != nil {
			return err
		}
		if err := s.remove(ctx, tx, w, &u); err != nil {
			return err
		}
		return post(ctx, s.db, tx, mails)
	})
	if err == nil {
		s.db.SignalPosted()
	}
	return err
}

// Approvers returns up to n users with a mail address who may approve newcomers of
// organization o: its admins, or the superUsers if it has none.
func (s *UserStore) Approvers(ctx context.Context, sc tenancy.Scope, o domain.OrganizationID, n int) ([]domain.User, error) {
	_, self := sc.Self()
	where := db.Account(sc).And("u.organization_id = ? AND u.role = 3 AND u.active AND u.state = 0 AND u.mail <> ''", int64(o))
	admins, err := selectUsers(ctx, s.db, where, " ORDER BY u.id LIMIT "+strconv.Itoa(n))
	if err != nil || len(admins) > 0 {
		return admins, err
	}
	where = db.Account(sc)
	if in := db.Placed(sc, "e.path", "e.organization_id"); !self {
		where = where.And("EXISTS (SELECT 1 FROM environments e WHERE e.organization_id = ? AND e.id = ? AND "+in.Text()+")",
			append([]any{int64(o), int64(o)}, in.Args...)...)
	}
	where = where.And("u.organization_id = ? AND u.role = 4 AND u.active AND u.state = 0 AND u.mail <> ''", int64(domain.RootOrganization))
	return selectUsers(ctx, s.db, where, " ORDER BY u.id LIMIT "+strconv.Itoa(n))
}
