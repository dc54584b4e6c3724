package app_test

import (
	"context"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/storetest"
)

// A signUp is a directory in which people can register.
type signUp struct {
	*app.Directory
	clock *clock
	box   *persistence.OutboxStore
}

// publicURL is where the links of the tests' mail lead.
const publicURL = "https://canopy.example"

// openSignUp opens the directory of rest's fixture on an engine; newcomers come to Umbrella.
func openSignUp(t *testing.T, engine string, change func(*app.Config)) *signUp {
	t.Helper()
	c := newClock(storyBegins)
	cfg := settings(t, c)
	cfg.PublicURL, cfg.SignUpEnvironment, cfg.AnswerFloor = publicURL, "Acme", 0
	if change != nil {
		change(&cfg)
	}
	if engine == "postgres" {
		cfg.DatabaseURL = storetest.PostgresURL(t)
	}
	db, err := app.OpenDatabase(t.Context(), &cfg)
	require.NoError(t, err)
	_, err = app.Begin(t.Context(), &cfg, db)
	require.NoError(t, err)
	d, err := app.Wire(t.Context(), cfg, db)
	require.NoError(t, err)
	t.Cleanup(func() { d.Close() })
	s := &signUp{d, c, persistence.NewOutboxStore(db)}
	if cfg.Bootstrap != app.BootstrapFirstUser {
		s.organization(t, "Acme")
		s.organization(t, "Bolt")
	}
	return s
}

// organization makes an organization with an admin.
func (s *signUp) organization(t *testing.T, name string) {
	t.Helper()
	yes := true
	_, err := s.Environments.Create(t.Context(), s.operator(t),
		directory.EnvironmentPatch{Alias: &name, IsOrganization: &yes})
	require.NoError(t, err)
	operator := s.operator(t)
	s.user(t, operator, strings.ToLower(name)+".admin", name, domain.RoleOAdmin, "Admin")
	s.user(t, operator, strings.ToLower(name)+".user", name, domain.RoleUser, "User")
}

func (s *signUp) operator(t *testing.T) domain.Principal {
	t.Helper()
	operator, err := s.Operator(t.Context())
	require.NoError(t, err)
	return operator
}

const userPassword = "a password of theirs"

func (s *signUp) user(t *testing.T, by domain.Principal, alias, home string, role domain.Role,
	group domain.GroupRef) domain.User {
	t.Helper()
	place, mail, password := domain.EnvironmentRef(home), alias+"@example.org", userPassword
	u, err := s.Users.Create(t.Context(), by,
		directory.UserPatch{Alias: &alias, FirstName: &alias, Mail: &mail, Home: &place, Role: &role,
			Group: &group, Password: &password})
	require.NoError(t, err)
	return u.User
}

// as returns the principal of the user with that alias.
func (s *signUp) as(t *testing.T, alias string) domain.Principal {
	t.Helper()
	a, err := persistence.NewAccountStore(s.DB).ByLogin(t.Context(), alias)
	require.NoError(t, err)
	return a.Principal
}

// mails returns all mail that waits, in no order, and takes it out of the outbox.
func (s *signUp) mails(t *testing.T) []domain.OutgoingMail {
	t.Helper()
	var all []domain.OutgoingMail
	for {
		m, err := s.box.Claim(t.Context(), "test", s.clock.now(), s.clock.now().Add(time.Hour))
		if domain.ErrNotFound.Is(err) {
			return all
		}
		require.NoError(t, err)
		require.NoError(t, s.box.Sent(t.Context(), m))
		all = append(all, m)
	}
}

// mail returns the only mail that waits.
func (s *signUp) mail(t *testing.T, kind domain.LetterKind, to string) domain.OutgoingMail {
	t.Helper()
	all := s.mails(t)
	require.Len(t, all, 1)
	require.Equal(t, string(kind), all[0].Kind)
	require.Equal(t, to, all[0].To)
	return all[0]
}

// follow returns the query of the only link in a mail, which must lead to our own address.
func follow(t *testing.T, m domain.OutgoingMail) url.Values {
	t.Helper()
	links := regexp.MustCompile(`[a-z]+://\S+\?\S+`).FindAllString(m.Text, -1)
	require.Len(t, links, 1, m.Text)
	require.True(t, strings.HasPrefix(links[0], publicURL+"/"), links[0])
	u, err := url.Parse(links[0])
	require.NoError(t, err)
	return u.Query()
}

const confirmLink = "/confirm?mail={mail}&secret={secret}"

// ada is somebody who registers.
func ada() accounts.Register {
	return accounts.Register{Alias: "ada", FirstName: "Ada", LastName: "L", Mail: "ada+l@example.org",
		Password: "analytical machine",
		Language: "en", Link: confirmLink, Lifetime: time.Hour, Source: "192.0.2.1"}
}

// proof is what the person who got the mail sends.
func proof(t *testing.T, m domain.OutgoingMail) accounts.Redeem {
	t.Helper()
	q := follow(t, m)
	return accounts.Redeem{Whose: accounts.Whose{Mail: q.Get("mail")}, Secret: q.Get("secret"), Source: "192.0.2.1"}
}

func (s *signUp) signsIn(t *testing.T, alias, password string) bool {
	t.Helper()
	_, err := s.passwordsOf(t.Context(), alias, password)
	if err != nil {
		require.ErrorIs(t, err, domain.ErrBadCredentials)
	}
	return err == nil
}

func (s *signUp) passwordsOf(ctx context.Context, alias, password string) (any, error) {
	return s.Sessions.SignIn(ctx, accounts.SignIn{Login: alias, Password: password, Address: "192.0.2.9"})
}

func TestRegisterVerifyApprove(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		done, err := s.Accounts.Register(t.Context(), ada())
		require.NoError(t, err)
		require.Equal(t, domain.Unverified, done.State)
		require.False(t, s.signsIn(t, "ada", "analytical machine"), "before the address is proven")

		m := s.mail(t, domain.LetterVerify, "ada+l@example.org")
		require.NotContains(t, m.Text, "Ada", "nothing a stranger wrote is sent")
		v := proof(t, m)
		proven, err := s.Accounts.Verify(t.Context(), v)
		require.NoError(t, err)
		require.Equal(t, domain.Pending, proven.User.State)
		require.False(t, s.signsIn(t, "ada", "analytical machine"), "before it is approved")
		_, err = s.Accounts.Verify(t.Context(), v)
		require.ErrorIs(t, err, domain.ErrSecret, "a second use")
		s.mail(t, domain.LetterWaiting, "acme.admin@example.org")

		id := proven.User.ID
		_, err = s.Accounts.Approve(t.Context(), s.as(t, "bolt.admin"), domain.UserRef{ID: id})
		require.ErrorIs(t, err, domain.ErrUserNotFound, "out of reach")
		_, err = s.Accounts.Approve(t.Context(), s.as(t, "acme.user"), domain.UserRef{ID: id})
		require.Error(t, err)
		require.Empty(t, s.mails(t))
		u, err := s.Accounts.Approve(t.Context(), s.as(t, "acme.admin"), domain.UserRef{ID: id})
		require.NoError(t, err)
		require.Equal(t, domain.Approved, u.State)
		s.mail(t, domain.LetterWelcome, "ada+l@example.org")
		require.True(t, s.signsIn(t, "ada", "analytical machine"))
		_, err = s.Accounts.Approve(t.Context(), s.as(t, "acme.admin"), domain.UserRef{ID: id})
		require.ErrorIs(t, err, domain.ErrNotWaiting)
		require.ErrorIs(t, s.Accounts.Reject(t.Context(), s.as(t, "acme.admin"), domain.UserRef{ID: id}),
			domain.ErrNotWaiting)
	})
}
