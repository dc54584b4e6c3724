package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence"
)

// signInsTold returns how often each kind of sign-in is in the audit trail that somebody reads, by
// action and name.
func signInsTold(t *testing.T, w *running, caller domain.Principal) map[string]int64 {
	t.Helper()
	list, err := w.directory.Audit.List(t.Context(), caller,
		directory.ListAudit{Filter: domain.AuditFilter{Action: domain.SignInKind}})
	require.NoError(t, err)
	told := make(map[string]int64)
	for e, err := range list.Items {
		require.NoError(t, err)
		told[e.Action+" "+e.Target.Name] += e.Times
	}
	return told
}

// TestSignInsAreInTheAuditTrail holds that whoever may read the trail of a user's place sees their
// sign-ins and those who failed to be them, that others see nothing of it, and that a name which
// nobody has is told only where that says nothing about who there is.
func TestSignInsAreInTheAuditTrail(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		signIn := func(login, password string) {
			_, _ = w.directory.Sessions.SignIn(t.Context(),
				accounts.SignIn{Login: login, Password: password, Address: "192.0.2.1"})
		}
		as := func(login string) domain.Principal {
			account, err := persistence.NewAccountStore(w.directory.DB).ByLogin(t.Context(), login)
			require.NoError(t, err)
			return account.Principal
		}
		signIn("acme.user", testPassword)
		signIn("acme.user", "wrong")
		signIn("ACME.USER", "wrong")
		signIn("nobody\x01\u202e", "wrong")
		signIn("bolt.user", "wrong")

		require.Equal(t, map[string]int64{"signin:success acme.user": 1, "signin:failure acme.user": 2},
			signInsTold(t, w.running, as("acme.admin")))
		require.Equal(t, map[string]int64{"signin:failure bolt.user": 1}, signInsTold(t, w.running, as("bolt.admin")))
		all := map[string]int64{"signin:success acme.user": 1, "signin:failure acme.user": 2, "signin:failure bolt.user": 1,
			"signin:failure nobody": 1}
		require.Equal(t, all, signInsTold(t, w.running, as("admin")))

		// Who cannot see all people could tell from the missing name that somebody has it.
		bolt := domain.EnvironmentRef("Bolt")
		_, err := w.directory.Users.Create(t.Context(), w.operator(t),
			directory.UserPatch{Alias: new("half"), FirstName: new("Half"), Home: new(domain.EnvironmentRef("/")),
				Role: new(domain.RoleOAdmin), Group: new(domain.GroupRef("Admin")), Blocked: &[]domain.EnvironmentRef{bolt}})
		require.NoError(t, err)
		half := signInsTold(t, w.running, as("half"))
		require.NotContains(t, half, "signin:failure nobody")
		require.NotContains(t, half, "signin:failure bolt.user")
		require.Contains(t, half, "signin:failure acme.user")
	})
}
