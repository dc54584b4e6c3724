package app_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence"
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

// The strength of a branch has its emergency accounts, and names the places where nobody gets in without the provider, on
// pages and to programs alike.
func TestStrengthHasTheEmergencyAccounts(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		g, programs := r.visitAs(t, "admin"), basicCaller(r.Address(), "admin", demoPassword)
		_, err := r.directory.Environments.UpdateSignInRules(t.Context(), mustOperator(t, r), directory.SignInRulesPatch{
			Environment: "Acme", OnlyProvider: new(true), BreakGlass: &[]domain.UserRef{{Alias: "radia.perlman"}}})
		require.NoError(t, err)
		unguarded := func() (shown []string) {
			t.Helper()
			page := g.get(t, "strength?env=Acme")
			status, d := programs.call(t, "GET", "/rest/environments/Acme/strength", "")
			require.Equal(t, 200, status)
			require.EqualValues(t, 1, d.find(t, "data", "emergency", "count"))
			require.Equal(t, false, d.find(t, "data", "moreUnguarded"))
			require.Equal(t, "1", factsOf(t, page)[6])
			require.Equal(t, []string{"radia.perlman"}, logins(t, g.get(t, "people?env=Acme&emergency=true")))
			for _, place := range d.find(t, "data", "unguarded").([]any) {
				shown = append(shown, place.(map[string]any)["path"].(string))
			}
			require.Equal(t, len(shown) > 0, strings.Contains(page.text, "Nobody gets in when the provider does not answer"))
			return shown
		}
		require.Empty(t, unguarded())
		status, _ := programs.call(t, "PUT", "/rest/users/"+numberIn(t, programs, "radia.perlman"), `{"active":false}`)
		require.Equal(t, 200, status)
		require.Equal(t, []string{"Acme"}, unguarded())
		all := logins(t, g.get(t, "people?env=Acme"))
		require.Len(t, logins(t, g.get(t, "people?env=Acme&emergency=false")), len(all)-1)
	})
}

// Who is about to take the factor from an emergency account without which it cannot sign in, its owner or an
// administrator, on pages or by a program, is told first; so is who is about to demand what it does not have.
func TestWhatLosesAnEmergencyAccountIsSaidBefore(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		c := newClock(time.Now())
		r := openConsole(t, engine, func(cfg *app.Config) {
			cfg.Now = c.now
			cfg.Previews.People = 3 // fewer than are at home there: rules move nobody's rights
		})
		g, admin := r.visitAs(t, "radia.perlman"), r.visitAs(t, "admin")
		programs := basicCaller(r.Address(), "admin", demoPassword)
		g.addCode(t, c, "phone")
		c.set(c.now().Add(time.Minute))
		rules := func(people domain.Proof) {
			t.Helper()
			_, err := r.directory.Environments.UpdateSignInRules(t.Context(), mustOperator(t, r), directory.SignInRulesPatch{
				Environment: "Acme", People: &people, OnlyProvider: new(true),
				BreakGlass: &[]domain.UserRef{{Alias: "radia.perlman"}}})
			require.NoError(t, err)
		}
		warnings := func(method, path, body string) any {
			t.Helper()
			status, d := programs.call(t, method, path, body)
			require.Equal(t, 200, status, d)
			return d.find(t, "data", "warnings")
		}
		lost := func() (n int) {
			t.Helper()
			require.NoError(t, r.directory.DB.Pool().QueryRowContext(t.Context(),
				"SELECT count(*) FROM audit WHERE action = '"+domain.EmergencyLost+"'").Scan(&n))
			return n
		}
		const warning = "An emergency account could no longer sign in"
		warned := []any{map[string]any{"code": "emergency", "envId": nil, "path": nil,
			"text": domain.WarnEmergency.Sentence()}}

		rules(domain.ByPassword)
		for demand, want := range map[string][]any{"otp": {}, "passkey": warned} {
			require.Equal(t, want, warnings("POST", "/rest/environments/Acme/signin/preview", `{"people":"`+demand+`"}`))
			shown := admin.press(t, admin.get(t, "place?id=Acme&tab=signin"), "place-signin", map[string]string{"people": demand})
			require.Equal(t, 200, shown.status)
			require.Equal(t, len(want) > 0, strings.Contains(shown.text, warning), demand)
		}
		require.Zero(t, lost())

		person := "person?id=" + numberIn(t, programs, "radia.perlman") + "&tab=sessions"
		factor := fieldsOf(formDoing(t, admin.get(t, person), "factor")).Get("factor")
		path := "/rest/users/" + numberIn(t, programs, "radia.perlman") + "/factors/" + factor
		require.Empty(t, warnings("DELETE", path+"?dryRun=true", ""), "the password is enough")
		rules(domain.ByCode)
		require.Equal(t, warned, warnings("DELETE", path+"?dryRun=true", ""))
		page := admin.do(t, admin.get(t, person), "factor", nil)
		require.Contains(t, page.text, warning)
		own := g.press(t, g.get(t, "my-factors"), "my-factor-remove", map[string]string{"password": demoPassword})
		require.Contains(t, own.text, warning)
		require.Contains(t, g.get(t, "my-factors").text, "phone", "it was only tried")
		require.Zero(t, lost())
		wrong := g.press(t, own, "my-factor-remove", map[string]string{"password": "wrong"})
		require.Equal(t, 403, wrong.status)
		removed := g.press(t, own, "my-factor-remove", map[string]string{"password": demoPassword})
		require.Equal(t, "/console/sign-in", removed.at.Path, removed.text)
		require.Equal(t, 1, lost())
		require.NotContains(t, g.get(t, person).text, "phone")
	})
}

// Previews that others made, and took more than their share, keep nobody from removing a factor that was stolen, say: it
// is only not told before.
func TestPreviewsOfOthersKeepNoFactor(t *testing.T) {
	c := newClock(time.Now())
	r := openConsole(t, "sqlite", func(cfg *app.Config) { cfg.Now = c.now })
	g := r.visitAs(t, "radia.perlman")
	g.addCode(t, c, "phone")
	c.set(c.now().Add(time.Minute))
	colleague, err := persistence.NewAccountStore(r.directory.DB).ByLogin(t.Context(), "grace.hopper")
	require.NoError(t, err)
	r.directory.Previews.Spend(colleague.UserKey(), time.Hour)
	removed := g.press(t, g.get(t, "my-factors"), "my-factor-remove", map[string]string{"password": demoPassword})
	require.Equal(t, "/console/sign-in", removed.at.Path, removed.text)
}
