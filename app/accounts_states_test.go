package app_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence"
	"canopy/tenancy"
)

// closings are what can be between an account and whoever has its secret, whatever its state.
var closings = map[string]func(t *testing.T, s *signUp, u domain.User, place domain.EnvironmentRef){
	"open": func(*testing.T, *signUp, domain.User, domain.EnvironmentRef) {},
	"not active": func(t *testing.T, s *signUp, u domain.User, _ domain.EnvironmentRef) {
		no := false
		s.change(t, u, directory.UserPatch{Active: &no})
	},
	"revoked": func(t *testing.T, s *signUp, u domain.User, _ domain.EnvironmentRef) {
		day := 1
		s.change(t, u, directory.UserPatch{RevokeDelay: &day})
		s.clock.set(s.clock.now().Add(24 * time.Hour))
	},
	"blocked": func(t *testing.T, s *signUp, u domain.User, place domain.EnvironmentRef) {
		s.change(t, u, directory.UserPatch{Blocked: &[]domain.EnvironmentRef{place}})
	},
	"switched off with its organization": func(t *testing.T, s *signUp, _ domain.User, place domain.EnvironmentRef) {
		no := false
		_, err := s.Environments.Update(t.Context(), s.operator(t),
			directory.UpdateEnvironment{Environment: place, EnvironmentPatch: directory.EnvironmentPatch{Active: &no}})
		require.NoError(t, err)
	},
}

func (s *signUp) change(t *testing.T, u domain.User, p directory.UserPatch) {
	t.Helper()
	_, err := s.Users.Update(t.Context(), s.operator(t),
		directory.UpdateUser{User: domain.UserRef{ID: u.ID}, UserPatch: p})
	require.NoError(t, err)
}

// give makes text a secret of the account, as mail would have brought it.
func (s *signUp) give(t *testing.T, u domain.User, purpose domain.SecretPurpose, text, address string) {
	t.Helper()
	err := persistence.NewStore(s.DB).
		Do(t.Context(), tenancy.Operator("(test)", domain.UserUpdate), func(tx *persistence.Tx) error {
			if _, err := tx.User(u.Key()); err != nil {
				return err
			}
			return tx.AddSecret(u.Key(), domain.Secret{Purpose: purpose, Text: domain.SecretText(text), Address: address,
				Expires: s.clock.now().Add(7 * 24 * time.Hour)})
		})
	require.NoError(t, err)
}

// present presents a secret of that purpose.
func (s *signUp) present(t *testing.T, u domain.User, purpose domain.SecretPurpose, text string) error {
	whose, source := accounts.Whose{Alias: u.Alias}, "source of "+u.Alias+text
	var err error
	switch purpose {
	case domain.VerifyAddress:
		_, err = s.Accounts.Verify(t.Context(), accounts.Redeem{Whose: whose, Secret: text, Source: source})
	case domain.ResetPassword:
		_, err = s.Accounts.Reset(t.Context(),
			accounts.Redeem{Whose: whose, Secret: text, Password: "quite another one", Source: source})
	case domain.AcceptInvite:
		_, err = s.Accounts.Accept(t.Context(),
			accounts.Redeem{Whose: whose, Secret: text, Password: "quite another one", Source: source})
	case domain.ChangeAddress:
		_, err = s.Accounts.ConfirmMailChange(t.Context(),
			accounts.Redeem{Whose: whose, Secret: text, Password: userPassword, Source: source})
	default:
		require.Fail(t, "a purpose that nobody presents a secret of", purpose)
	}
	return err
}

// Of every state, and of every way an account can be closed, each secret is good where it makes
// sense and refused everywhere else as a wrong one is, with nothing changed; and nobody is
// mailed one who could not use it. It makes no difference that it was given out before.
func TestSecretsOfAccountsThatAreClosed(t *testing.T) {
	states := map[domain.SecretPurpose]domain.UserState{domain.VerifyAddress: domain.Unverified,
		domain.ResetPassword: domain.Approved,
		domain.ChangeAddress: domain.Approved, domain.AcceptInvite: domain.Invited}
	require.Len(t, states, len(domain.SecretPurposes))
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, func(c *app.Config) {
			c.MailLimits = accounts.MailLimits{Address: 1000, Source: 1000, User: 1000, Overall: 1000}
		})
		made := 0
		person := func(state domain.UserState) (domain.User, domain.EnvironmentRef) {
			made++
			place, yes := fmt.Sprint("Place", made), true
			_, err := s.Environments.Create(t.Context(), s.operator(t),
				directory.EnvironmentPatch{Alias: &place, IsOrganization: &yes})
			require.NoError(t, err)
			alias, mail, home, password := fmt.Sprint("person", made), fmt.Sprintf("person%d@example.org", made),
				domain.EnvironmentRef(place), userPassword
			u, err := s.Users.Create(t.Context(), s.operator(t),
				directory.UserPatch{Alias: &alias, FirstName: &alias, Mail: &mail, Home: &home,
					State: &state, Password: &password})
			require.NoError(t, err)
			return u.User, home
		}
		for name, shut := range closings {
			for _, purpose := range domain.SecretPurposes {
				for _, state := range []domain.UserState{domain.Approved, domain.Pending, domain.Unverified, domain.Invited} {
					what := fmt.Sprintf("%s of an account that is %s, %s", purpose, state, name)
					u, place := person(state)
					address := u.Person.Mail
					if purpose == domain.ChangeAddress {
						address = "new." + address
					}
					s.give(t, u, purpose, "right", address)
					shut(t, s, u, place)
					before := s.dump(t, u)
					wrong := s.present(t, u, purpose, "wrong")
					require.ErrorIs(t, wrong, domain.ErrSecret, what)
					err := s.present(t, u, purpose, "right")
					if name == "open" && states[purpose] == state {
						require.NoError(t, err, what)
						s.mails(t)
						continue
					}
					require.Equal(t, wrong, err, what)
					require.Equal(t, before, s.dump(t, u), what)
					require.Empty(t, s.mails(t), what)
				}
			}
			for _, state := range []domain.UserState{domain.Approved, domain.Pending, domain.Unverified, domain.Invited} {
				u, place := person(state)
				shut(t, s, u, place)
				require.NoError(t, s.Accounts.Forgot(t.Context(),
					accounts.AskLink{Whose: accounts.Whose{Alias: u.Alias}, Link: confirmLink, Lifetime: time.Hour, Source: "1"}))
				require.Len(t, s.mails(t), map[bool]int{true: 1}[name == "open" && state == domain.Approved], "forgotten: %s, %s",
					state, name)
				require.NoError(t, s.Accounts.Resend(t.Context(),
					accounts.AskLink{Whose: accounts.Whose{Alias: u.Alias}, Link: confirmLink, Lifetime: time.Hour, Source: "1"}))
				require.Len(t, s.mails(t), map[bool]int{true: 1}[name == "open" && state == domain.Unverified],
					"sent again: %s, %s", state, name)
			}
		}

		// What was given out before an account was closed is void when it is open again.
		u, _ := person(domain.Approved)
		s.give(t, u, domain.ResetPassword, "right", u.Person.Mail)
		for _, active := range []bool{false, true} {
			s.change(t, u, directory.UserPatch{Active: &active})
		}
		require.ErrorIs(t, s.present(t, u, domain.ResetPassword, "right"), domain.ErrSecret)
		require.True(t, s.signsIn(t, u.Alias, userPassword))
	})
}

// dump returns what is stored of a user that a secret could change.
func (s *signUp) dump(t *testing.T, u domain.User) domain.Account {
	t.Helper()
	a, err := persistence.NewAccountStore(s.DB).ByID(t.Context(), u.Organization, u.ID)
	require.NoError(t, err)
	return a
}
