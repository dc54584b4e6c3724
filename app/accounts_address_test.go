package app_test

import (
	"encoding/base64"
	"fmt"

	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
)

// A way is a request by which somebody could change their own mail address.
type ownMailWay struct {
	name           string
	method, target string
	header, body   string
	status         string
	says           bool // that a mail was sent
}

// Whoever has somebody's token, session, key or even their password in a program changes their mail
// address in no way but by the link that is mailed to the new address, followed with the password;
// everything else of the same request is done. Else another password would be mailed there.
func TestOwnAddressTakesThePassword(t *testing.T) {
	r, s := serveSignUp(t, func(*app.Config) {})
	c := &client{address: r.host()}
	defer c.close()
	send := func(w ownMailWay) *reply {
		t.Helper()
		got, err := c.send(stranger(w.method, w.target, w.header, w.body), w.method)
		require.NoError(t, err)
		return got
	}
	me := s.as(t, "acme.admin")
	mail := func() string {
		t.Helper()
		u, err := s.Users.Get(t.Context(), s.operator(t), directory.GetUser{User: domain.UserRef{Alias: "acme.admin"}})
		require.NoError(t, err)
		return u.Person.Mail
	}
	in, err := s.Sessions.SignIn(t.Context(),
		accounts.SignIn{Login: "acme.admin", Password: userPassword, Address: "192.0.2.5", Kind: domain.TokenSession})
	require.NoError(t, err)
	key, err := s.APIKeys.First(t.Context(), me, domain.UserRef{ID: me.User})
	require.NoError(t, err)
	bearer := "Authorization: Bearer " + in.Access + "\r\n"
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("acme.admin:"+userPassword)) + "\r\n"
	tat := "Tat_username: acme.admin\r\nTat_password: " + userPassword + "\r\n"
	thief := "thief@example.org"
	number, id := fmt.Sprint(int64(me.User)), string(me.UUID)
	for _, w := range []ownMailWay{
		{"rest, by number", "POST", "/rest/users/" + number, bearer,
			`{"person":{"mailaddress":"thief@example.org","phone":"%s"}}`, "200", true},
		{"rest, by oneself", "POST", "/rest/me/mail", bearer, `{"mailaddress":"thief@example.org"}`, "200", false},
		{"axway, oneself", "PUT", "/api/portal/v1.3/currentuser", basic, `{"email":"thief@example.org","phone":"%s"}`, "200",
			true},
		{"axway, by id", "PUT", "/api/portal/v1.4/users/" + id, basic, `{"email":"thief@example.org","phone":"%s"}`, "200",
			true},
		{"tellius", "PUT", "/users/" + id, bearer, `{"email":"thief@example.org"}`, "200", true},
		{"tat", "PUT", "/user/update", tat,
			`{"username":"acme.admin","newFullname":"acme.admin","newEmail":"thief@example.org"}`, "201", true},
		{"ethersource, by key", "PUT", "/ethersource/rest/v2/users/acme.admin/email?email=thief%%40example.org&apiKey=" +
			string(key.Text), "", "", "204", false},
	} {
		before := mail()
		phone := "+33 " + fmt.Sprint(len(w.name), len(w.target))
		w.body = strings.ReplaceAll(w.body, "%s", phone)
		w.target = strings.ReplaceAll(w.target, "%%", "%")
		got := send(w)
		require.Contains(t, got.status, w.status, "%s: %s", w.name, got.body)
		require.Equal(t, before, mail(), w.name)
		if w.says {
			require.Equal(t, "sent", got.header.Get("X-Mail-Confirmation"), w.name)
			require.NotContains(t, string(got.body), thief, "%s: the address that counts is told", w.name)
		}
		require.Equal(t, before, mail(), w.name)
		if strings.Contains(w.body, phone) {
			u, err := s.Users.Get(t.Context(), s.operator(t), directory.GetUser{User: domain.UserRef{Alias: "acme.admin"}})
			require.NoError(t, err)
			require.Equal(t, phone, u.Person.Phone, w.name)
		}
		// The thief reads the mail, and tries everything there is with the secret.
		secret := linkSecret.FindStringSubmatch(s.mail(t, domain.LetterAddress, thief).Text)
		require.NotNil(t, secret, w.name)
		for _, try := range []ownMailWay{
			{"", "POST", "/rest/accounts/mail", "", `{"user":"acme.admin","secret":"` + secret[1] + `","password":"guessed"}`,
				"403", false},
			{"", "POST", "/rest/accounts/mail", "", `{"user":"acme.admin","secret":"` + secret[1] + `"}`, "400", false},
			{"", "POST", "/rest/accounts/reset", "", `{"user":"acme.admin","secret":"` + secret[1] +
				`","password":"surely long enough"}`, "400", false},
			{"", "POST", "/console/mail", "", "user=acme.admin&secret=" + secret[1], "400", false},
			{"", "POST", "/console/mail", "", "user=acme.admin&password=guessed&secret=" + secret[1], "403", false},
			{"", "POST", "/ethersource/rest/v2/users/acme.admin/email/confirm?uuId=" + secret[1] + "&apiKey=" +
				string(key.Text), "", "", "403", false},
			{"", "POST", "/ethersource/rest/v2/users/acme.admin/activate?uuId=" + secret[1] + "&apiKey=" + string(key.Text),
				"", "", "403", false},
			{"", "POST",
				"/ethersource/rest/v2/users/acme.admin/sendConfirmationEmail?confirmationType=EMAIL_CHANGE&confirmationLink=https%3A%2F%2Fthief.example%2Fc&apiKey=" + string(key.Text), "", `{"from":"","subject":"s","body":"{<%URL_PlaceHolder%>}"}`, "403", false},
		} {
			got := send(try)
			require.Contains(t, got.status, try.status, "%s: %s: %s", w.name, try.target, got.body)
			require.Equal(t, before, mail(), "%s: %s", w.name, try.target)
		}
		require.NoError(t, s.Accounts.Forgot(t.Context(),
			accounts.AskLink{Whose: accounts.Whose{Mail: thief}, Link: confirmLink, Lifetime: time.Hour, Source: "1"}))
		require.Empty(t, s.mails(t), "%s: what was asked for leads nowhere", w.name)
		// The owner confirms.
		got = send(ownMailWay{method: "POST", target: "/rest/accounts/mail", body: `{"user":"acme.admin","secret":"` +
			secret[1] + `","password":"` + userPassword + `"}`})
		require.Contains(t, got.status, "200", "%s: %s", w.name, got.body)
		require.Equal(t, thief, mail(), w.name)
		s.mail(t, domain.LetterAddressLeft, before)
		back := before
		_, err := s.Users.Update(t.Context(), s.operator(t),
			directory.UpdateUser{User: domain.UserRef{ID: me.User}, UserPatch: directory.UserPatch{Mail: &back}})
		require.NoError(t, err)
		s.mails(t)
		s.clock.set(s.clock.now().Add(61 * time.Minute)) // the limits begin anew
	}
	// Nor is the address given up, which would do as much.
	for _, w := range []ownMailWay{
		{"", "POST", "/rest/users/" + number, bearer, `{"person":{"mailaddress":""}}`, "403", false},
		{"", "PUT", "/api/portal/v1.3/currentuser", basic, `{"email":""}`, "400", false},
		{"", "PUT", "/user/archive", tat, `{"username":"acme.admin"}`, "403", false},
	} {
		got := send(w)
		require.Contains(t, got.status, w.status, "%s: %s", w.target, got.body)
		require.Equal(t, "acme.admin@example.org", mail(), w.target)
	}
	require.Empty(t, s.mails(t))
}

// Guesses of the password by whoever has the link are failed sign-ins.
func TestOwnAddressIsNoWayToGuessThePassword(t *testing.T) {
	s := openSignUp(t, "sqlite", nil)
	who := s.as(t, "acme.user")
	require.NoError(t, s.Accounts.RequestMailChange(t.Context(), who,
		accounts.RequestMailChange{Mail: "new@example.org", Link: confirmLink, Lifetime: time.Hour}))
	q := follow(t, s.mail(t, domain.LetterAddress, "new@example.org"))
	confirm := accounts.Redeem{Whose: accounts.Whose{Alias: "acme.user"}, Secret: q.Get("secret"), Password: "guessed",
		Source: "192.0.2.9"}
	var err error
	for range 9 { // fewer than the secret may be presented
		if _, err = s.Accounts.ConfirmMailChange(t.Context(), confirm); !domain.ErrForbidden.Is(err) {
			break
		}
	}
	require.ErrorIs(t, err, domain.ErrTooMany)
	confirm.Password = userPassword
	_, err = s.Accounts.ConfirmMailChange(t.Context(), confirm)
	require.ErrorIs(t, err, domain.ErrTooMany)
	_, err = s.passwordsOf(t.Context(), "acme.user", userPassword) // from the same address
	require.ErrorIs(t, err, domain.ErrTooMany, "the same count")
	confirm.Source = "192.0.2.10"
	_, err = s.Accounts.ConfirmMailChange(t.Context(), confirm)
	require.NoError(t, err)
}
