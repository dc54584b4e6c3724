package app_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/directory"
	"canopy/app/mail/mailtest"
	"canopy/domain"
)

// TestPeopleAreRemindedOfADemand holds that whoever lacks what will be demanded is told, by a mail at a real mail
// server, in their language and once, and on the pages until they have it; and that programs and those who have it are
// not.
func TestPeopleAreRemindedOfADemand(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		sink := mailtest.New(t, mailtest.Options{})
		r := openConsole(t, engine, func(cfg *app.Config) {
			cfg.SMTPURL, cfg.MailFrom = "smtp://"+sink.Address, "canopy@example.org"
		})
		r.having(t, "radia.perlman", domain.CodeFactor)
		r.exec(t, "UPDATE users SET system = TRUE WHERE alias = 'rob.pike'")
		r.exec(t, "UPDATE users SET language = 'fr' WHERE alias = 'alan.turing'")
		g, ada := r.visitAs(t, "grace.hopper"), r.visitAs(t, "ada.lovelace")
		require.NoError(t, r.directory.RunJobs(t.Context()))
		before := len(sink.All())
		require.NotContains(t, ada.get(t, "home").text, "asks for a second factor")

		tab := g.get(t, linkTo(t, g.get(t, "place?id=Acme"), "Sign-in"))
		require.Contains(t, tab.text, "told by mail")
		day := time.Now().UTC().Add(40 * 24 * time.Hour)
		saved := g.press(t, g.press(t, tab, "place-signin", map[string]string{"people": "otp",
			"grace": day.Format(time.DateOnly)}), "place-signin", nil)
		require.Contains(t, saved.text, "Saved.")
		for range 2 { // once
			require.NoError(t, r.directory.RunJobs(t.Context()))
		}
		var told []string
		for _, m := range sink.All()[before:] {
			told = append(told, strings.TrimSuffix(m.To, "@acme.example"))
			subject := "Your organization asks for a second factor from "
			if strings.HasPrefix(m.To, "alan.turing@") {
				subject = "Votre organisation exige un second facteur à partir du "
			}
			require.Equal(t, subject+day.Format(time.DateOnly), strings.TrimSuffix(m.Subject, " on"), m.To)
			require.Contains(t, m.Text, publicURL+"/console/my-factors\n")
		}
		slices.Sort(told)
		require.Equal(t, logins(t, g.get(t, "people?env=Acme&weakerThan=otp&active=true&state=approved&programs=false")), told)
		require.Contains(t, told, "ada.lovelace")

		home := ada.get(t, "home")
		require.Contains(t, home.text, "Your organization asks for a second factor from "+day.Format("2 Jan 2006")+" on.")
		require.Equal(t, "/console/my-factors", ada.get(t, linkTo(t, home, "Add one")).at.Path)
		r.having(t, "ada.lovelace", domain.CodeFactor)
		r.exec(t, "UPDATE sessions SET proof = 1")
		require.NotContains(t, ada.get(t, "home").text, "asks for a second factor")
	})
}

// TestRemindersLeaveRoomForOtherMail holds that no more than 500 mails wait by reminders, and that the rest is told when
// there is room.
func TestRemindersLeaveRoomForOtherMail(t *testing.T) {
	r := openConsole(t, "sqlite", func(cfg *app.Config) {
		cfg.SMTPURL, cfg.MailFrom = "smtp://127.0.0.1:1", "canopy@example.org" // where nothing answers
	})
	fill := func(n int) {
		t.Helper()
		_, err := r.directory.DB.Writer().ExecContext(t.Context(), "DELETE FROM outbox")
		require.NoError(t, err)
		r.exec(t, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < `+strconv.Itoa(n)+`)
			INSERT INTO outbox (organization_id, id, user_id, kind, state, attempts, created_at, next_at, claimed_by, done_at,
				error, letter) SELECT 2, 'waits ' || i, 0, 'invite', 0, 0, 0, 99999999999999, '', 0, '', '' FROM n`)
	}
	waiting := func() (all, asked int) {
		t.Helper()
		require.NoError(t, r.directory.RunJobs(t.Context()))
		require.NoError(t, r.directory.DB.Pool().QueryRowContext(t.Context(), "SELECT count(*), "+
			"count(CASE WHEN kind = 'factor_asked' THEN 1 END) FROM outbox WHERE state = 0").Scan(&all, &asked))
		return all, asked
	}
	people, day := domain.ByCode, time.Now().UTC().Add(40*24*time.Hour)
	_, err := r.directory.Environments.UpdateSignInRules(t.Context(), mustOperator(t, r),
		directory.SignInRulesPatch{Environment: "Acme", People: &people, Grace: &day})
	require.NoError(t, err)
	fill(500)
	all, asked := waiting()
	require.Equal(t, 500, all)
	require.Zero(t, asked)
	fill(498)
	all, asked = waiting()
	require.Equal(t, 500, all)
	require.Equal(t, 2, asked)
	fill(1)
	_, asked = waiting()
	require.Greater(t, asked, 2, "the others")
}

// TestRemindersAreOfWhatIsDemandedNow holds that a server that has found something to tell tells nobody of it where
// another one began to tell of what was demanded since.
func TestRemindersAreOfWhatIsDemandedNow(t *testing.T) {
	r := openConsole(t, "postgres", func(cfg *app.Config) {
		cfg.SMTPURL, cfg.MailFrom = "smtp://127.0.0.1:1", "canopy@example.org" // where nothing answers
	})
	people, day := domain.ByCode, time.Now().UTC().Add(40*24*time.Hour)
	rules, err := r.directory.Environments.UpdateSignInRules(t.Context(), mustOperator(t, r),
		directory.SignInRulesPatch{Environment: "Acme", People: &people, Grace: &day})
	require.NoError(t, err)
	asked := func() (n int) {
		t.Helper()
		require.NoError(t, r.directory.DB.Pool().QueryRowContext(t.Context(),
			"SELECT count(*) FROM outbox WHERE kind = 'factor_asked'").Scan(&n))
		return n
	}
	require.NoError(t, meanwhile(t, r.directory.DB, fmt.Sprintf(`INSERT INTO sign_in_reminders (organization_id,
		environment_id, people, admins, grace_until, begun_at, stage, after_path, after_id, done)
		VALUES (%d, %d, %d, 0, %d, %d, 0, '', 0, false)`, rules.Environment.Organization, rules.Environment.ID,
		domain.ByPasskey, day.Add(time.Hour).UnixMilli(), time.Now().UnixMilli()),
		func() error { return r.directory.RunJobs(t.Context()) }))
	require.Zero(t, asked())
	r.exec(t, fmt.Sprintf("UPDATE sign_in_reminders SET begun_at = begun_at - %d", (25*time.Hour).Milliseconds()))
	require.NoError(t, r.directory.RunJobs(t.Context()))
	require.Positive(t, asked(), "a day later it is told")
}
