package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
)

// program makes the account of a program, and returns its key.
func (w *twoTenants) program(t *testing.T, home domain.EnvironmentRef, role domain.Role, group domain.GroupRef) string {
	t.Helper()
	alias := "program of " + string(home)
	made, err := w.directory.Accounts.CreateProgram(t.Context(), w.operator(t), accounts.NewProgram{
		User: directory.UserPatch{Alias: &alias, FirstName: &alias, Home: &home, Role: &role, Group: &group},
		Key:  accounts.NewAPIKey{Name: "key", Expires: w.clock.now().Add(24 * time.Hour)}})
	require.NoError(t, err)
	return string(made.Key.Text)
}

// An API key asks for more and never for less, a program's neither: it proves nobody anew. And it takes nobody's factor.
func TestKeysDoNotWeakenSignIns(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		for _, key := range []string{w.newKey(t, "acme.admin", accounts.NewAPIKey{}),
			w.program(t, "Acme", domain.RoleOAdmin, "Admin")} {
			set := func(path, body string) (int, string) {
				t.Helper()
				return w.withKey(t, "apiKey", key, "PUT", "/rest/environments/Test/signin"+path, body)
			}
			status, answer := set("", `{"minPassword": 20, "proofAge": 3600}`)
			require.Equal(t, 200, status, answer)
			for _, less := range []string{`{"minPassword": 19}`, `{"minPassword": 25, "minPasswordWithFactor": 8}`,
				`{"proofAge": 0}`} {
				status, answer = set("", less)
				require.Equal(t, 403, status, less)
				require.Contains(t, answer, "key_proves_nobody")
			}
			_, err := w.directory.Environments.UpdateSignInRules(t.Context(), w.principal(t, "acme.admin"),
				directory.SignInRulesPatch{Environment: "Test", MinPassword: new(int), ProofAge: new(time.Duration)})
			require.NoError(t, err, "somebody who signed in")
		}
		key := w.principal(t, "acme.admin")
		key.ByKey = true
		require.ErrorIs(t, w.directory.Factors.Remove(t.Context(), key, accounts.Fresh[accounts.OfUser[domain.UUID]]{
			In: accounts.OfUser[domain.UUID]{User: domain.UserRef{Alias: "acme.user"}, In: "any"}}), domain.ErrKeyWeakens)
	})
}

// What somebody who stands above a branch asks of it, its own administrators make stricter and do not take back, also not
// by another role than the one that stands there.
func TestRulesFromAboveHold(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		labs := domain.NumberRef(w.principal(t, "acme.labs").Home.ID())
		ask := func(p domain.Principal, least int) error {
			in := directory.SignInRulesPatch{Environment: labs, MinPassword: &least}
			_, preview := w.directory.Environments.PreviewSignInRules(t.Context(), p, in)
			_, err := w.directory.Environments.UpdateSignInRules(t.Context(), p, in)
			require.Equal(t, preview, err)
			return err
		}
		root, branch, below := w.operator(t), w.principal(t, "acme.admin"), w.principal(t, "acme.labs")
		require.NoError(t, ask(below, 8))
		require.NoError(t, ask(below, 7), "their own")
		require.NoError(t, ask(branch, 12))
		err := ask(below, 11)
		require.ErrorIs(t, err, domain.ErrRulesHeld)
		require.Equal(t, "min_password", domain.AsError(err).Field)
		require.NoError(t, ask(below, 13))
		require.NoError(t, ask(branch, 12))
		require.NoError(t, ask(root, 16))
		require.ErrorIs(t, ask(branch, 15), domain.ErrRulesHeld)
		require.NoError(t, ask(branch, 17))
		rules, err := w.directory.Environments.SignInRules(t.Context(), branch, labs)
		require.NoError(t, err)
		require.Equal(t, 2, rules.Own.FromAbove)
		require.NoError(t, ask(root, 0))
		require.NoError(t, ask(below, 1))
		require.NoError(t, ask(below, 0))
	})
}

// A password that an administrator sets keeps to --min-password-length alone, unless an environment asks for more: then it
// must be as long, and none that others would guess.
func TestPasswordsThatAreSetKeepToTheRules(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		w := newTwoTenants(t, engine)
		admin := w.newKey(t, "acme.admin", accounts.NewAPIKey{})
		change := func(password string) (int, string) {
			return w.withKey(t, "apiKey", admin, "PUT", "/rest/users/acme.user", `{"password":"`+password+`"}`)
		}
		create := func(alias, password string) (int, string) {
			return w.withKey(t, "apiKey", admin, "POST", "/rest/users", `{"alias":"`+alias+`","password":"`+password+
				`","group":{"id":2},"envId":"Prod","person":{"firstname":"A","lastname":"B","mailaddress":"`+alias+`@example.org"}}`)
		}
		status, answer := change("abcdef")
		require.Equal(t, 200, status, answer)
		status, answer = create("one", "abcdef")
		require.Equal(t, 200, status, answer)
		least := 10
		_, err := w.directory.Environments.UpdateSignInRules(t.Context(), w.operator(t),
			directory.SignInRulesPatch{Environment: "Acme", MinSetPassword: &least})
		require.NoError(t, err)
		for password, says := range map[string]string{"x7!kP2mQ9": "At least 10 characters", "1234567890": "guessed first",
			"Acme-2026!": "made of names"} {
			for _, set := range []func() (int, string){
				func() (int, string) { return change(password) }, func() (int, string) { return create("two", password) }} {
				status, answer = set()
				require.Equal(t, 400, status, password)
				require.Contains(t, answer, says)
			}
		}
		status, answer = change("x7!kP2mQ9#")
		require.Equal(t, 200, status, answer)
		status, answer = create("two", "x7!kP2mQ9#")
		require.Equal(t, 200, status, answer)
		status, _ = w.withKey(t, "apiKey", w.newKey(t, "bolt.admin", accounts.NewAPIKey{}), "PUT", "/rest/users/bolt.user",
			`{"password":"abcdef"}`)
		require.Equal(t, 200, status, "elsewhere")
		t.Run("also of somebody who is moved away with it", func(t *testing.T) {
			_, err := w.directory.Environments.UpdateSignInRules(t.Context(), w.operator(t),
				directory.SignInRulesPatch{Environment: "Acme", MinSetPassword: new(int)})
			require.NoError(t, err)
			_, err = w.directory.Environments.UpdateSignInRules(t.Context(), w.operator(t),
				directory.SignInRulesPatch{Environment: "Acme/Prod", MinSetPassword: &least})
			require.NoError(t, err)
			status, _ := w.withKey(t, "apiKey", admin, "PUT", "/rest/users/acme.user", `{"password":"abcdef","envId":"Test"}`)
			require.Equal(t, 400, status)
		})
	})
}
