package app_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/directory"
	"canopy/app/objects"
	"canopy/domain"
	"canopy/persistence"
)

// TestUsageSurvivesAStop holds that what was counted and acknowledged is written down when
// the directory is closed, also if a flush before failed, and that nothing is counted twice.
func TestUsageSurvivesAStop(t *testing.T) {
	cfg := testConfig(t)
	path := filepath.Join(cfg.Data, "canopy.db")
	open := func() *app.Directory {
		db, err := app.OpenDatabase(t.Context(), &cfg)
		require.NoError(t, err)
		return openDirectory(t, db)
	}
	d := open()
	admin := func() domain.Principal {
		a, err := persistence.NewAccountStore(d.DB).ByLogin(t.Context(), "admin")
		require.NoError(t, err)
		return a.Principal
	}
	o, err := d.Objects.Create(t.Context(), admin(), objects.NewObject{Kind: domain.KindObserver, Name: "Watch"})
	require.NoError(t, err)
	ref, who := domain.NumberedObject(o.ID), admin()
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			if _, err := d.Objects.RecordUsage(t.Context(), who, objects.RecordUsage{Object: ref, Count: 2}); err != nil {
				t.Error(err)
			}
			if i%16 == 0 {
				ended, cancel := context.WithCancel(t.Context())
				cancel()
				_ = d.FlushUsage(ended) // fails, or has nothing to write
				if err := d.FlushUsage(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, n := range []int64{0, -1, domain.MaxUsage + 1} {
		_, err := d.Objects.RecordUsage(t.Context(), who, objects.RecordUsage{Object: ref, Count: n})
		require.ErrorIs(t, err, domain.ErrInvalid)
	}
	require.NoError(t, d.Close())
	require.FileExists(t, path)
	d = open()
	defer d.Close()
	list, err := d.Objects.Usage(t.Context(), admin(), objects.ListUsage{Object: ref})
	require.NoError(t, err)
	total := int64(0)
	for u, err := range list.Items {
		require.NoError(t, err)
		require.True(t, u.Own)
		total += u.Count
	}
	require.EqualValues(t, 128, total)
}

// TestHandOverAll holds the rules of giving somebody everything of somebody else's.
func TestHandOverAll(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		ctx := t.Context()
		user := func(alias string) domain.UserRef { return domain.UserRef{Alias: alias} }
		all := objects.HandOverAll{From: user("acme.user"), To: user("acme.power")}
		_, err := w.directory.Objects.HandOverAll(ctx, w.principal(t, "acme.user"), all)
		require.Error(t, err, "a user manages nothing")
		_, err = w.directory.Objects.HandOverAll(ctx, w.principal(t, "acme.power"), all)
		require.ErrorIs(t, err, domain.ErrForbidden)
		_, err = w.directory.Objects.HandOverAll(ctx, w.principal(t, "bolt.admin"), all)
		require.ErrorIs(t, err, domain.ErrUserNotFound)
		require.Equal(t, "from", domain.AsError(err).Field)
		_, err = w.directory.Objects.HandOverAll(ctx, w.principal(t, "acme.admin"),
			objects.HandOverAll{From: all.From, To: user("bolt.user")})
		require.ErrorIs(t, err, domain.ErrUserNotFound)
		require.Equal(t, "to", domain.AsError(err).Field)
		n, err := w.directory.Objects.HandOverAll(ctx, w.principal(t, "acme.admin"), all)
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
		list, err := w.directory.Objects.List(ctx, w.principal(t, "acme.power"),
			objects.ListObjects{Owner: user("acme.power"), Everywhere: true, Total: true})
		require.NoError(t, err)
		require.EqualValues(t, 1, list.Total)
	})
}

// TestNamesOfTopics holds who may give topics other names, and that those of people's own topics
// are nobody's to give or take.
func TestNamesOfTopics(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		ctx := t.Context()
		admin, user := s.as(t, "acme.admin"), s.as(t, "acme.user")
		_, err := s.People.Check(ctx, admin, directory.CheckUser{Alias: "acme.user", FixTopic: true})
		require.NoError(t, err)
		private, err := s.Objects.Get(ctx, user, "/Private/acme.user")
		require.NoError(t, err)
		create := func(who domain.Principal, name string, parent domain.ObjectRef) (objects.ObjectDocument, error) {
			return s.Objects.Create(ctx, who, objects.NewObject{Kind: domain.KindTopic, Name: name, Parent: parent})
		}
		notes, err := create(user, "notes", domain.NumberedObject(private.ID))
		require.NoError(t, err)
		talk, err := create(admin, "Talk", "")
		require.NoError(t, err)
		below, err := create(admin, "Below", domain.NumberedObject(talk.ID))
		require.NoError(t, err)
		grant := func(o objects.ObjectDocument, level domain.Level) {
			_, err := s.Objects.Grant(ctx, admin,
				objects.GrantObject{Object: domain.NumberedObject(o.ID), User: domain.UserRef{Alias: "acme.user"}, Level: level})
			require.NoError(t, err)
		}
		grant(talk, domain.LevelAdmin)
		grant(below, domain.LevelWrite)

		for _, c := range []struct {
			who   domain.Principal
			topic objects.ObjectDocument
			name  string
			want  error
		}{
			{user, private, "Private", domain.ErrForbidden},
			{user, private, "Mine", domain.ErrForbidden},
			{user, private, "Private/acme.admin", domain.ErrForbidden},
			{admin, private, "Private/else", domain.ErrForbidden},
			{user, notes, "Notes", nil},
			{user, notes, "a/b", domain.ErrInvalid},
			{user, talk, "Talks", domain.ErrForbidden},
			{user, below, "Beneath", domain.ErrForbidden},
			{admin, talk, "Private", domain.ErrForbidden},
			{admin, talk, "private/zoe", domain.ErrForbidden},
			{admin, talk, "private/acme.user/zoe", domain.ErrForbidden},
			{admin, talk, "Rooms/Talk", nil},
			{admin, below, "x/y", domain.ErrInvalid},
		} {
			_, err := s.Objects.Update(ctx, c.who,
				objects.UpdateObject{Object: domain.NumberedObject(c.topic.ID), Name: &c.name})
			if c.want == nil {
				require.NoError(t, err, c.name)
			} else {
				require.ErrorIs(t, err, c.want, c.name)
			}
		}
		grant(below, domain.LevelAdmin)
		name := "Beneath"
		renamed, err := s.Objects.Update(ctx, user,
			objects.UpdateObject{Object: domain.NumberedObject(below.ID), Name: &name})
		require.NoError(t, err)
		require.Equal(t, "/Rooms/Talk/Beneath", renamed.FullName)
		for _, name := range []string{"Private", "PRIVATE/zoe", "Private/acme.user/more"} {
			_, err := create(admin, name, "")
			require.ErrorIs(t, err, domain.ErrForbidden, name)
		}
		_, err = create(user, "x/y", domain.NumberedObject(private.ID))
		require.ErrorIs(t, err, domain.ErrInvalid)

		// Somebody else's topic with the right name is not the user's own.
		_, err = s.Objects.HandOver(ctx, admin,
			objects.ObjectTo{Object: domain.NumberedObject(private.ID), To: domain.UserRef{Alias: "acme.admin"}})
		require.NoError(t, err)
		checked, err := s.People.Check(ctx, admin, directory.CheckUser{Alias: "acme.user"})
		require.NoError(t, err)
		require.False(t, checked.TopicThere)
		_, err = s.People.Check(ctx, admin, directory.CheckUser{Alias: "acme.user", FixTopic: true})
		require.ErrorIs(t, err, domain.ErrObjectNameTaken)
	})
}

// TestUnknownOffersTakeNoNumber holds that accepting an offer that is none of the caller's uses up no number of an
// object.
func TestUnknownOffersTakeNoNumber(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		ctx := t.Context()
		user, admin := s.as(t, "acme.user"), s.as(t, "acme.admin")
		create := func() objects.ObjectDocument {
			o, err := s.Objects.Create(ctx, user, objects.NewObject{Kind: domain.KindObserver, Name: "Watch"})
			require.NoError(t, err)
			return o
		}
		o := create()
		offer, err := s.Objects.OfferCopy(ctx, user,
			objects.ObjectTo{Object: domain.NumberedObject(o.ID), To: domain.UserRef{Alias: "acme.admin"}})
		require.NoError(t, err)
		for _, c := range []struct {
			who domain.Principal
			in  objects.AnswerCopy
		}{
			{admin, objects.AnswerCopy{ID: offer.ID + 1}},
			{admin, objects.AnswerCopy{ID: offer.ID, Kind: domain.KindSector}},
			{s.as(t, "bolt.user"), objects.AnswerCopy{ID: offer.ID}},
		} {
			_, err := s.Objects.AcceptCopy(ctx, c.who, c.in)
			require.ErrorIs(t, err, domain.ErrCopyRequestNotFound)
		}
		next := create()
		require.Equal(t, o.ID+1, next.ID)
		copied, err := s.Objects.AcceptCopy(ctx, admin, objects.AnswerCopy{ID: offer.ID})
		require.NoError(t, err)
		require.Equal(t, next.ID+1, copied.ID)
	})
}

// TestGroupsOfOtherOrganizations holds that who works in a part of another organization only
// neither learns of its groups by naming them for an object nor sees their names there.
func TestGroupsOfOtherOrganizations(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		ctx := t.Context()
		dev, team := "Dev", "Team"
		path := domain.EnvironmentRef("Acme")
		e, err := s.Environments.Create(ctx, s.operator(t), directory.EnvironmentPatch{Alias: &dev, Parent: &path})
		require.NoError(t, err)
		admin := s.as(t, "acme.admin")
		group, err := s.Groups.Create(ctx, admin, directory.GroupPatch{Alias: &team})
		require.NoError(t, err)
		allowed := []domain.EnvironmentRef{domain.NumberRef(e.ID)}
		_, err = s.Users.Update(ctx, s.operator(t), directory.UpdateUser{User: domain.UserRef{ID: s.as(t, "bolt.user").User},
			UserPatch: directory.UserPatch{Allowed: &allowed}})
		require.NoError(t, err)
		guest := s.as(t, "bolt.user")
		o, err := s.Objects.Create(ctx, guest,
			objects.NewObject{Kind: domain.KindApplication, Name: "app", Environment: allowed[0]})
		require.NoError(t, err)
		ref := domain.NumberedObject(o.ID)
		number := domain.GroupRef(domain.NumberRef(domain.EnvironmentID(group.ID)))
		grant := func(who domain.Principal, g domain.GroupRef, level domain.Level) error {
			_, err := s.Objects.Grant(ctx, who, objects.GrantObject{Object: ref, Group: g, Level: level})
			return err
		}
		for _, g := range []domain.GroupRef{number, "Team", "99"} {
			require.ErrorIs(t, grant(guest, g, domain.LevelRead), domain.ErrGroupNotFound, g)
		}
		require.NoError(t, grant(guest, "User", domain.LevelRead), "the root's groups are everybody's")
		require.NoError(t, grant(s.as(t, "acme.admin"), number, domain.LevelRead))
		names := func(who domain.Principal) (names []string) {
			o, err := s.Objects.Get(ctx, who, ref)
			require.NoError(t, err)
			for _, a := range o.Access {
				names = append(names, a.Name)
			}
			return names
		}
		require.Equal(t, []string{"User", "Team"}, names(admin))
		require.Equal(t, []string{"User", ""}, names(guest))
		require.NoError(t, grant(guest, number, domain.NoLevel), "what is on the list can be taken off it")
		require.Equal(t, []string{"User"}, names(guest))
	})
}
