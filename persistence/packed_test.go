package persistence_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/persistence/storetest"
)

// TestNoTextEndsAPackedValue holds that no text of a user has what stands between the values of a packed row, and
// that all of them come back as they are.
func TestNoTextEndsAPackedValue(t *testing.T) {
	texts := func(u *domain.User) map[string]*string {
		return map[string]*string{"alias": &u.Alias, "first name": &u.Person.FirstName, "last name": &u.Person.LastName,
			"mail": &u.Person.Mail, "phone": &u.Person.Phone, "job title": &u.Person.JobTitle,
			"department": &u.Person.Department, "language": &u.Language, "time zone": &u.TimeZone, "claims": &u.Claims}
	}
	storetest.Each(t, func(t *testing.T, d *db.DB) {
		w, ctx := storetest.NewWorld(t, d), t.Context()
		all := storetest.Everything(domain.UserUpdate)
		now := func() domain.User {
			u, err := w.Users.Get(ctx, all.Read(), domain.UserRef{Alias: "acme.user"})
			require.NoError(t, err)
			return u
		}
		before := now()
		for name := range texts(&before) {
			_, err := w.Users.Update(ctx, all, before.Key(), "", func(u *domain.User) error {
				text := texts(u)[name]
				*text = strings.TrimSuffix(*text, "m") + db.Separator + "m"
				return nil
			})
			require.Error(t, err, name)
			require.Equal(t, domain.Invalid, domain.AsError(err).Kind, "%s: %v", name, err)
		}
		require.Equal(t, before, now())
	})
}
