package app_test

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/directory"
	"canopy/domain"
)

// Who makes an emergency account useless is told before, and the administrators who reach it are told after, by mail and
// in the history.
func TestAnEmergencyAccountIsLost(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		w.addUser(t, "acme.night", "Acme/Prod", domain.RoleUser, "User")
		w.give(t, "acme.night", "another good password", false)
		w.only(t, "Acme", true, "acme.user", "acme.night")
		root := w.principal(t, "admin")
		root.Proved.At = w.clock.now()
		told := func() (mails, noted int) {
			t.Helper()
			pool := w.directory.DB.Pool()
			require.NoError(t, pool.QueryRowContext(t.Context(),
				"SELECT count(*) FROM outbox WHERE kind = 'emergency_lost'").Scan(&mails))
			require.NoError(t, pool.QueryRowContext(t.Context(),
				"SELECT count(*) FROM audit WHERE action = '"+domain.EmergencyLost+"'").Scan(&noted))
			return mails, noted
		}
		update := func(alias string, patch directory.UserPatch) func(context.Context) error {
			return func(ctx context.Context) error {
				_, err := w.directory.Users.Update(ctx, root,
					directory.UpdateUser{User: domain.UserRef{Alias: alias}, UserPatch: patch})
				return err
			}
		}
		warned := func(change func(context.Context) error) (string, bool) {
			t.Helper()
			d, err := w.directory.Previews.Run(t.Context(), root, change)
			require.NoError(t, err)
			return d.Hash, slices.ContainsFunc(d.Warnings,
				func(w directory.PreviewWarning) bool { return w.Code == domain.WarnEmergency })
		}
		off, on, phone := false, true, "+41 1"
		for _, harmless := range []func(context.Context) error{update("acme.night", directory.UserPatch{Phone: &phone}),
			update("acme.power", directory.UserPatch{Active: &off})} {
			_, is := warned(harmless)
			require.False(t, is)
			require.NoError(t, harmless(t.Context()))
		}
		closing := update("acme.night", directory.UserPatch{Active: &off})
		hash, is := warned(closing)
		require.True(t, is)
		mails, noted := told()
		require.Zero(t, mails+noted, "it was only tried")
		require.NoError(t, w.directory.Previews.CarryOut(t.Context(), root, hash, closing))
		mails, noted = told()
		require.Equal(t, 1, noted)
		require.Positive(t, mails)
		w.block(t, "acme.admin", "Acme/Prod")
		require.NoError(t, update("acme.night", directory.UserPatch{Active: &on})(t.Context()))
		require.NoError(t, w.directory.Users.Delete(t.Context(), root,
			directory.DeleteUser{User: domain.UserRef{Alias: "acme.night"}}))
		after, noted := told()
		require.Equal(t, 2, noted)
		require.Equal(t, mails, after, "nobody else reaches it")
	})
}
