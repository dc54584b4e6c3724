package app_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
)

// What a stranger writes is in no mail, whichever field of whichever surface they write it in and
// whichever letter it leads to: not in the words, not in the link.
func TestStrangersWriteNothingIntoMail(t *testing.T) {
	r, s := serveSignUp(t, func(cfg *app.Config) { cfg.AutoApprove = false })
	c := &client{address: r.host()}
	defer c.close()
	send := func(method, target, body, status string) {
		t.Helper()
		s.clock.set(s.clock.now().Add(time.Second))
		got, err := c.send(stranger(method, target, "", body), method)
		require.NoError(t, err)
		require.Contains(t, got.status, status, "%s: %s", target, got.body)
	}
	kinds := map[string]bool{}
	mails := func() []domain.OutgoingMail {
		t.Helper()
		all := s.mails(t)
		require.NotEmpty(t, all)
		for _, m := range all {
			kinds[m.Kind] = true
			text, err := url.QueryUnescape(strings.ReplaceAll(m.Text, "%", "%25"))
			require.NoError(t, err)
			decoded, err := url.PathUnescape(m.Text)
			require.NoError(t, err)
			for _, shown := range []string{m.Subject, m.Text, text, decoded} {
				require.NotContains(t, strings.ToLower(shown), "evil", "%s to %s", m.Kind, m.To)
			}
		}
		return all
	}
	link := func(kind domain.LetterKind) accounts.Redeem {
		t.Helper()
		for _, m := range mails() {
			if m.Kind == string(kind) {
				q := linkSecret.FindStringSubmatch(m.Text)
				require.NotNil(t, q, m.Text)
				return accounts.Redeem{Whose: accounts.Whose{Mail: m.To}, Secret: q[1], Source: "192.0.2.1"}
			}
		}
		require.Fail(t, "no such mail", kind)
		return accounts.Redeem{}
	}
	const words = "evil!call+1-555-0143,now"
	fields := url.Values{"name": {words}, "surname": {words}, "description": {words}, "phone": {words}, "mobile": {words},
		"password": {words + " and more"}, "loginName": {words}, "email": {"ann@example.org"}}
	register := func(change url.Values) {
		t.Helper()
		form := maps.Clone(fields)
		maps.Copy(form, change)
		send("POST", "/api/portal/v1.3/users/register", form.Encode(), "201")
	}

	// Somebody follows the link, waits, is let in, and forgets the password.
	register(nil)
	send("POST", "/rest/accounts/resend", `{"mailaddress":"ann@example.org"}`, "200")
	proven, err := s.Accounts.Verify(t.Context(), link(domain.LetterVerify))
	require.NoError(t, err)
	mails() // to those who approve
	_, err = s.Accounts.Approve(t.Context(), s.as(t, "acme.admin"), domain.UserRef{ID: proven.User.ID})
	require.NoError(t, err)
	mails()
	for _, body := range []string{`{"mailaddress":"ann@example.org"}`, fmt.Sprintf(`{"user":%q}`, words)} {
		send("POST", "/rest/accounts/forgot", body, "200")
	}
	send("POST", "/user/reset",
		fmt.Sprintf(
			`{"username":%q,"email":"ann@example.org","callback":":username, open :scheme://:host::port/user/verify/:username/:token"}`, words), "201")
	mails()
	send("POST", "/api/portal/v1.3/users/forgotpassword", "email=ann@example.org", "201")
	reset := link(domain.LetterForgot)
	_, err = s.Accounts.Reset(t.Context(),
		accounts.Redeem{Whose: reset.Whose, Secret: reset.Secret, Password: "surely long enough", Source: "1"})
	require.NoError(t, err)
	mails()
	_, err = s.Accounts.ResetPassword(t.Context(), s.as(t, "acme.admin"), domain.UserRef{ID: proven.User.ID})
	require.NoError(t, err)
	mails()
	// They want another address, which may be anybody's.
	require.NoError(t, s.Accounts.RequestMailChange(t.Context(), s.as(t, words),
		accounts.RequestMailChange{Mail: "bob@example.org",
			Link: "/mail?user=" + accounts.PlaceAlias + "&secret=" + accounts.PlaceSecret, Lifetime: time.Hour}))
	mails()
	elsewhere := "elsewhere@example.org"
	_, err = s.Users.Update(t.Context(), s.as(t, "acme.admin"),
		directory.UpdateUser{User: domain.UserRef{ID: proven.User.ID}, UserPatch: directory.UserPatch{Mail: &elsewhere}})
	require.NoError(t, err)
	mails()
	// A taken address, a taken name, and a name that two wanted one after the other.
	register(url.Values{"loginName": {words + "2"}, "email": {"acme.admin@example.org"}})
	register(url.Values{"email": {"cleo@example.org"}})
	register(url.Values{"loginName": {words + "3"}, "email": {"cleo@example.org"}})
	mails()
	register(url.Values{"loginName": {words + "4"}, "email": {"cleo@example.org"}})
	proven, err = s.Accounts.Verify(t.Context(), link(domain.LetterVerify))
	require.NoError(t, err)
	mails()
	require.NoError(t, s.Accounts.Reject(t.Context(), s.as(t, "acme.admin"), domain.UserRef{ID: proven.User.ID}))
	mails()
	// Tat's links have the name of the account; its text is the client's own, by its document.
	for i, callback := range []string{"", "Open :scheme://:host::port/user/verify/:username/:token, :username",
		":username"} {
		send("POST", "/user", fmt.Sprintf(`{"username":"%s%d","fullname":%q,"email":"dora%d@example.org","callback":%q}`,
			words, i+5, words, i, callback), "201")
		v := link(domain.LetterVerify)
		got, err := c.send(stranger("GET", "/user/verify/"+string(s.as(t, fmt.Sprint(words, i+5)).UUID)+"/"+v.Secret, "", ""),
			"GET")
		require.NoError(t, err)
		require.Contains(t, got.status, "200", "%s", got.body)
		mails()
	}
	// A name that a reader's program makes a link of.
	register(url.Values{"loginName": {"www.evil.example"}, "email": {"emma@example.org"}})
	mails()
	others := []domain.LetterKind{domain.LetterInvite, // in which an administrator names the account
		// and those that only somebody causes who has proved to be its owner, or may change it
		domain.LetterFactorAdded, domain.LetterFactorRemoved, domain.LetterRecoveryMade, domain.LetterRecoveryUsed,
		domain.LetterCodesGuessed, domain.LetterNewDevice, domain.LetterFactorAsked, domain.LetterLinked,
		domain.LetterUnlinked, domain.LetterBreakGlass, domain.LetterEmergencyLost}
	for _, kind := range domain.LetterKinds {
		require.Equal(t, !slices.Contains(others, kind), kinds[string(kind)], "%s", kind)
	}
	require.Len(t, kinds, len(domain.LetterKinds)-len(others), "%v", slices.Sorted(maps.Keys(kinds)))
	// A plain word is named.
	register(url.Values{"loginName": {"emma"}, "email": {"emma@example.org"}})
	require.Contains(t, s.mails(t)[0].Text, "the login name emma.")
}

// What is done about an account for technical reasons sends no mail; another address does.
func TestTechnicalChangesMailNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		admin := s.as(t, "acme.admin")
		made := 0
		person := func() string {
			made++
			alias := fmt.Sprintf("tat.system.%d", made)
			s.user(t, s.operator(t), alias, "Acme", domain.RoleUser, "User")
			return alias
		}
		system := func() string {
			alias := person()
			_, err := s.People.MakeSystem(t.Context(), admin, directory.SystemUser{Alias: alias})
			require.NoError(t, err)
			return alias
		}
		for name, change := range map[string]func() error{
			"archive": func() error { return s.People.Archive(t.Context(), admin, person()) },
			"convert": func() error { system(); return nil },
			"update flags": func() error {
				return s.People.ChangeSystem(t.Context(), admin, directory.SystemUser{Alias: system(), Lists: false})
			},
			"reset system": func() error { _, err := s.People.ResetSystem(t.Context(), admin, system()); return err },
			"archive a system": func() error {
				return s.People.Archive(t.Context(), admin, system())
			},
			"rename": func() error {
				alias := person()
				return s.People.Rename(t.Context(), admin, directory.RenameUser{Alias: alias, To: alias + "x"})
			},
			"make admin": func() error { return s.People.MakeAdmin(t.Context(), admin, person()) },
			"check": func() error {
				_, err := s.People.Check(t.Context(), admin,
					directory.CheckUser{Alias: person(), FixTopic: true, FixDefaultGroup: true})
				return err
			},
			"the same address in other letters": func() error {
				alias := person()
				_, err := s.People.Readdress(t.Context(), admin,
					directory.Readdress{Alias: alias, Name: "A B", Mail: strings.ToUpper(alias) + "@example.org"})
				return err
			},
		} {
			require.NoError(t, change(), name)
			require.Empty(t, s.mails(t), name)
		}
		alias := person()
		_, err := s.People.Readdress(t.Context(), admin,
			directory.Readdress{Alias: alias, Name: "A B", Mail: "new." + alias + "@example.org"})
		require.NoError(t, err)
		s.mail(t, domain.LetterAddressLeft, alias+"@example.org")
	})
}
