package app_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/app"
	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/domain"
	"canopy/persistence"
)

// codeOf asks for a registration code of an organization.
func codeOf(organization domain.EnvironmentRef, in accounts.RegistrationCodePatch) accounts.CreateRegistrationCode {
	return accounts.CreateRegistrationCode{Organization: organization, RegistrationCodePatch: in}
}

// Who has an account is told by no answer; the mail goes to the owner of the address, and
// one password is hashed either way.
func TestRegistrationsTellNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		fresh, err := s.Accounts.Register(t.Context(), ada())
		require.NoError(t, err)
		s.mail(t, domain.LetterVerify, "ada+l@example.org")
		same := func(change func(*accounts.Register), kind domain.LetterKind, to string) {
			t.Helper()
			in := ada()
			change(&in)
			got, err := s.Accounts.Register(t.Context(), in)
			require.NoError(t, err)
			want := fresh
			// spellings follow from the alias
			want.Alias, want.AliasSpellings, want.Person.Mail = in.Alias, got.AliasSpellings, in.Mail
			got.Organization, got.Home, got.HomePath = want.Organization, want.Home, want.HomePath
			require.Equal(t, want, got)
			m := s.mail(t, kind, to)
			require.NotContains(t, m.Text, in.Alias)
			require.NotContains(t, m.Text, "secret=")
		}
		same(func(in *accounts.Register) { in.Mail = "ACME.admin@example.org" }, domain.LetterMailTaken,
			"ACME.admin@example.org")
		same(func(in *accounts.Register) { in.Alias, in.Mail = "acme.ADMIN", "other@example.org" }, domain.LetterAliasTaken,
			"other@example.org")

		in := ada()
		in.TellTaken, in.Alias, in.Mail = true, "acme.admin", "third@example.org"
		_, err = s.Accounts.Register(t.Context(), in)
		require.ErrorIs(t, err, domain.ErrUserAliasTaken)
		require.Empty(t, s.mails(t))

		for _, whose := range []accounts.Whose{{Mail: "nobody@example.org"}, {Alias: "nobody"},
			{Alias: "acme.admin", Mail: "wrong@example.org"}, {Mail: "ada+l@example.org"}} {
			require.NoError(t, s.Accounts.Forgot(t.Context(),
				accounts.AskLink{Whose: whose, Link: confirmLink, Lifetime: time.Hour, Source: "192.0.2.7"}))
			require.Empty(t, s.mails(t), "no mail for %v", whose)
			_, err := s.Accounts.Reset(t.Context(),
				accounts.Redeem{Whose: whose, Secret: "guess", Password: "surely long enough", Source: "192.0.2.7"})
			require.ErrorIs(t, err, domain.ErrSecret)
		}
	})
}

// Somebody who registers another's address cannot keep it, nor get in with a password of
// theirs, whether they register before the owner or after.
func TestRegistrationGivesWay(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, func(c *app.Config) { c.AutoApprove = true })
		squatter := ada()
		squatter.Alias, squatter.Password = "squatter", "squatter's own words"
		_, err := s.Accounts.Register(t.Context(), squatter)
		require.NoError(t, err)
		early := s.mail(t, domain.LetterVerify, squatter.Mail)
		_, err = s.Accounts.Register(t.Context(), ada())
		require.NoError(t, err)
		_, err = s.Accounts.Verify(t.Context(), proof(t, early))
		require.ErrorIs(t, err, domain.ErrSecret, "the first link is dead")
		late := s.mail(t, domain.LetterVerify, squatter.Mail)
		require.Contains(t, late.Text, "login name ada.")
		_, err = s.Accounts.Verify(t.Context(), proof(t, late))
		require.NoError(t, err)
		require.False(t, s.signsIn(t, "squatter", "squatter's own words"))
		// Which of the two has followed the link is not known, so neither's password opens the
		// account but one that goes to the address.
		require.False(t, s.signsIn(t, "ada", "analytical machine"))
		var letter domain.OutgoingMail
		for _, m := range s.mails(t) {
			if m.Kind == string(domain.LetterPassword) {
				letter = m
			}
		}
		require.Equal(t, squatter.Mail, letter.To)
		password := regexp.MustCompile(`\b[A-Z2-7]{26}\b`).FindString(letter.Text)
		_, err = s.passwordsOf(t.Context(), "ada", password)
		require.ErrorIs(t, err, domain.ErrPasswordExpired, "it fits, and is to be changed at once")

		// Where no link is left to be followed, the registration is like a first one.
		third := ada()
		third.Alias, third.Mail = "bertha", "bertha@example.org"
		_, err = s.Accounts.Register(t.Context(), third)
		require.NoError(t, err)
		s.mails(t)
		s.clock.set(s.clock.now().Add(2 * time.Hour))
		_, err = s.Accounts.Register(t.Context(), third)
		require.NoError(t, err)
		_, err = s.Accounts.Verify(t.Context(), proof(t, s.mail(t, domain.LetterVerify, third.Mail)))
		require.NoError(t, err)
		require.True(t, s.signsIn(t, "bertha", "analytical machine"))
	})
}

func TestSecretsAreGoodForOneThing(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		ctx := t.Context()
		forgot := func(alias string) accounts.Redeem {
			t.Helper()
			require.NoError(t, s.Accounts.Forgot(ctx,
				accounts.AskLink{Whose: accounts.Whose{Alias: alias}, Link: confirmLink, Lifetime: time.Hour, Source: alias}))
			q := follow(t, s.mail(t, domain.LetterForgot, alias+"@example.org"))
			return accounts.Redeem{Whose: accounts.Whose{Mail: q.Get("mail")}, Secret: q.Get("secret"), Password: "quite another one",
				Source: alias}
		}
		r := forgot("acme.user")
		_, err := s.Accounts.Verify(ctx, accounts.Redeem{Whose: r.Whose, Secret: r.Secret, Source: "1"})
		require.ErrorIs(t, err, domain.ErrSecret, "another purpose")
		_, err = s.Accounts.Accept(ctx,
			accounts.Redeem{Whose: r.Whose, Secret: r.Secret, Password: "quite another one", Source: "1"})
		require.ErrorIs(t, err, domain.ErrSecret, "another purpose")
		_, err = s.Accounts.ConfirmMailChange(ctx,
			accounts.Redeem{Whose: r.Whose, Secret: r.Secret, Password: userPassword, Source: "1"})
		require.ErrorIs(t, err, domain.ErrSecret, "another purpose")
		other := r
		other.Whose = accounts.Whose{Alias: "bolt.user"}
		_, err = s.Accounts.Reset(ctx, other)
		require.ErrorIs(t, err, domain.ErrSecret, "another account")
		short := r
		short.Password = "x"
		_, err = s.Accounts.Reset(ctx, short)
		require.Equal(t, domain.Invalid, domain.AsError(err).Kind)

		var wins atomic.Int64
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if _, err := s.Accounts.Reset(ctx, r); err == nil {
					wins.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, 1, wins.Load(), "a secret is used once")
		s.mail(t, domain.LetterChanged, "acme.user@example.org")
		require.True(t, s.signsIn(t, "acme.user", "quite another one"))
		require.False(t, s.signsIn(t, "acme.user", userPassword))

		late := forgot("bolt.user")
		s.clock.set(s.clock.now().Add(61 * time.Minute))
		_, err = s.Accounts.Reset(ctx, late)
		require.ErrorIs(t, err, domain.ErrSecret, "expired")

		// A secret that was sent to an address is nothing when the account has another one.
		old := forgot("bolt.user")
		mail := "elsewhere@example.org"
		_, err = s.Users.Update(ctx, s.operator(t), directory.UpdateUser{User: domain.UserRef{ID: s.as(t, "bolt.user").User},
			UserPatch: directory.UserPatch{Mail: &mail}})
		require.NoError(t, err)
		s.mail(t, domain.LetterAddressLeft, "bolt.user@example.org")
		old.Whose = accounts.Whose{Alias: "bolt.user"}
		_, err = s.Accounts.Reset(ctx, old)
		require.ErrorIs(t, err, domain.ErrSecret, "another address")

		// At most a few at once: the oldest goes.
		var kept []accounts.Redeem
		for range domain.MaxSecrets + 1 {
			s.clock.set(s.clock.now().Add(time.Second))
			kept = append(kept, forgot("acme.admin"))
		}
		for i := range kept {
			kept[i].Source = fmt.Sprint("fresh ", i)
		}
		_, err = s.Accounts.Reset(ctx, kept[0])
		require.ErrorIs(t, err, domain.ErrSecret)
		_, err = s.Accounts.Reset(ctx, kept[1])
		require.NoError(t, err)
		_, err = s.Accounts.Reset(ctx, kept[2])
		require.ErrorIs(t, err, domain.ErrSecret, "the use of one withdraws the others")
	})
}

func TestGuessesAreLimited(t *testing.T) {
	s := openSignUp(t, "sqlite", nil)
	_, err := s.Accounts.Register(t.Context(), ada())
	require.NoError(t, err)
	right := proof(t, s.mail(t, domain.LetterVerify, ada().Mail))
	for range 10 {
		wrong := right
		wrong.Secret = "00000000-0000-4000-8000-000000000000"
		_, err := s.Accounts.Verify(t.Context(), wrong)
		require.ErrorIs(t, err, domain.ErrSecret)
	}
	_, err = s.Accounts.Verify(t.Context(), right)
	require.Equal(t, domain.TooMany, domain.AsError(err).Kind)
	right.Source = "198.51.100.1"
	_, err = s.Accounts.Verify(t.Context(), right)
	require.NoError(t, err, "the owner, from elsewhere, is not kept out")
}

func TestStrangersCannotMakeMuchMail(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine,
			func(c *app.Config) { c.MailLimits = accounts.MailLimits{Address: 2, Source: 5, User: 2, Overall: 12} })
		kind := func(err error) domain.Kind {
			if err == nil {
				return domain.Internal
			}
			return domain.AsError(err).Kind
		}
		forgot := func(whose accounts.Whose, source string) domain.Kind {
			return kind(s.Accounts.Forgot(t.Context(),
				accounts.AskLink{Whose: whose, Link: confirmLink, Lifetime: time.Hour, Source: source}))
		}
		try := func(address, source string) domain.Kind { return forgot(accounts.Whose{Mail: address}, source) }
		register := func(address, source string) domain.Kind {
			in := ada()
			in.Mail, in.Source = address, source
			_, err := s.Accounts.Register(t.Context(), in)
			return kind(err)
		}
		// However the account is named, its address gets so much and no more. Nobody is told,
		// not even by what happens to other requests about the address.
		require.Zero(t, try("acme.user@example.org", "192.0.2.1"))
		require.Zero(t, try("ACME.user@example.org", "192.0.2.1"))
		require.Zero(t, forgot(accounts.Whose{Alias: "acme.user"}, "192.0.2.1"))
		require.Zero(t, forgot(accounts.Whose{Alias: "Acme.User", Mail: "acme.user@example.org"}, "192.0.2.1"))
		require.Len(t, s.mails(t), 2)
		// What they register with it is counted by itself, so that it keeps no such mail away.
		require.Zero(t, register("acme.user@example.org", "192.0.2.2"))
		s.mail(t, domain.LetterMailTaken, "acme.user@example.org")
		require.Zero(t, register("fresh@example.org", "192.0.2.2"))
		require.Zero(t, register("fresh@example.org", "192.0.2.2"))
		require.Len(t, s.mails(t), 2)
		require.Equal(t, domain.TooMany, register("fresh@example.org", "192.0.2.2"), "one address")
		// One source: a network of a subscriber. What it is refused it does not take from others.
		for i := range 100 {
			want := domain.TooMany
			if i < 5 {
				want = domain.Internal
			}
			require.Equal(t, want, try(fmt.Sprint("nobody", i, "@example.org"), "2001:db8::1"), i)
			s.clock.set(s.clock.now().Add(time.Second))
		}
		err := s.Accounts.Forgot(t.Context(), accounts.AskLink{Whose: accounts.Whose{Alias: "x"}, Source: "2001:db8::2"})
		require.Equal(t, 3500, domain.AsError(err).RetryAfter, "what is left of the hour")
		require.Zero(t, try("acme.admin@example.org", "192.0.2.3"))
		require.Len(t, s.mails(t), 1)
		// Overall registrations have a half, of which three are left; nobody who asks about nobody
		// uses up anything of it.
		for i := range 5 {
			want := domain.Internal
			if i >= 3 {
				want = domain.Unavailable
			}
			require.Zero(t, try("nobody@example.org", fmt.Sprint("198.51.100.", i)))
			require.Equal(t, want, register(fmt.Sprint("newcomer", i, "@example.org"), fmt.Sprint("198.51.100.", i)), i)
		}
		require.Len(t, s.mails(t), 3)
		// The other half is for those who have an account. What more the same ones get leaves room in
		// it for others.
		for _, ask := range []struct {
			alias string
			mails int
		}{{"acme.admin", 1}, {"acme.admin", 0}, {"bolt.user", 1}, {"bolt.user", 1}, {"bolt.admin", 0}} {
			require.Zero(t, try(ask.alias+"@example.org", "203.0.113.1"))
			require.Len(t, s.mails(t), ask.mails, ask.alias)
		}
		// Who is signed in has limits of their own.
		admin := s.as(t, "acme.admin")
		ask := func(address string) domain.Kind {
			return kind(s.Accounts.RequestMailChange(t.Context(), admin,
				accounts.RequestMailChange{Mail: address, Link: confirmLink, Lifetime: time.Hour}))
		}
		require.Zero(t, ask("one@example.org"))
		require.Zero(t, ask("one@example.org"))
		require.Equal(t, domain.TooMany, ask("two@example.org"), "what one user causes")

		s.clock.set(s.clock.now().Add(61 * time.Minute))
		require.Zero(t, try("acme.user@example.org", "192.0.2.1"), "an hour later")
		require.Len(t, s.mails(t), 3)
	})
}

// Whoever has no open code learns nothing of addresses.
func TestCodesThatAreNoneTellNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		admin, no := s.as(t, "bolt.admin"), false
		closed, err := s.Codes.Create(t.Context(), admin, codeOf("Bolt", accounts.RegistrationCodePatch{Enabled: &no}))
		require.NoError(t, err)
		for _, code := range []string{"000000000000", string(closed.Code)} {
			for _, address := range []string{"acme.user@example.org", "nobody@example.org"} {
				in := ada()
				in.Mail, in.Code = address, code
				_, err := s.Accounts.Register(t.Context(), in)
				require.ErrorIs(t, err, domain.ErrRegistrationCode, address)
			}
		}
		require.Empty(t, s.mails(t))
	})
}

func TestAddressesThatAreNone(t *testing.T) {
	s := openSignUp(t, "sqlite", nil)
	for _, address := range []string{"", "x", "a@b\r\nBcc: c@d", "a@b\n", "a@b, c@d", "A <a@b>", "a@b\x00", `"a b"@c`,
		strings.Repeat("a", 300) + "@example.org"} {
		in := ada()
		in.Mail = address
		_, err := s.Accounts.Register(t.Context(), in)
		require.Equal(t, domain.Invalid, domain.AsError(err).Kind, "%q", address)
	}
	require.Empty(t, s.mails(t))
}

// Of a stranger's note only words are sent, and links to this server.
func TestNotesAreCleaned(t *testing.T) {
	s := openSignUp(t, "sqlite", func(c *app.Config) {
		c.MailLimits = accounts.MailLimits{Address: 100, Source: 100, User: 100, Overall: 100}
	})
	send := func(note string) string {
		t.Helper()
		in := ada()
		in.Note = note
		_, err := s.Accounts.Register(t.Context(), in)
		require.NoError(t, err)
		m := s.mail(t, domain.LetterVerify, in.Mail)
		require.NotEmpty(t, follow(t, m).Get("secret"))
		return m.Text
	}
	require.True(t, strings.HasPrefix(send("Click on {link} to validate your account"), "Click on "+publicURL+"/confirm?"))
	for _, note := range []string{"no link at all", "{secret} alone", "https://evil.example/{secret}",
		publicURL + ".evil.example/{secret}",
		publicURL + "@evil.example/{secret}"} {
		require.Contains(t, send(note), "Somebody asked for an account", "%q", note)
	}
	text := send(
		"Win\r\n\r\nBcc: a@b at https://evil.example or evil.example or www.evil.example/x or javascript:alert(1) now " +
			"{link} " + strings.Repeat("long ", 500))
	for _, bad := range []string{"evil", "@b", "javascript", "\r"} {
		require.NotContains(t, text, bad)
	}
	require.Less(t, len(text), 1000)
}

func TestRegistrationCodes(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, func(c *app.Config) {
			c.SignUpEnvironment = ""
			c.MailLimits = accounts.MailLimits{Address: 100, Source: 1000, User: 1000, Overall: 1000}
		})
		ctx := t.Context()
		in := ada()
		_, err := s.Accounts.Register(ctx, in)
		require.ErrorIs(t, err, domain.ErrSignUpClosed)
		in.Code = "000000000000"
		_, err = s.Accounts.Register(ctx, in)
		require.ErrorIs(t, err, domain.ErrRegistrationCode)

		admin := s.as(t, "bolt.admin")
		quota := int64(5)
		_, err = s.Codes.Create(ctx, s.as(t, "bolt.user"), codeOf("Bolt", accounts.RegistrationCodePatch{}))
		require.Error(t, err)
		_, err = s.Codes.Create(ctx, s.as(t, "acme.admin"), codeOf("Bolt", accounts.RegistrationCodePatch{}))
		require.ErrorIs(t, err, domain.ErrEnvironmentNotFound)
		code, err := s.Codes.Create(ctx, admin, codeOf("Bolt", accounts.RegistrationCodePatch{MaxUsers: &quota}))
		require.NoError(t, err)
		require.Regexp(t, `^[0-9]{12}$`, string(code.Code))
		_, err = s.Codes.Get(ctx, s.as(t, "acme.admin"), accounts.OrganizationCode{Organization: "Acme", Code: code.Code})
		require.ErrorIs(t, err, domain.ErrRegistrationCodeNotFound)

		var let, refused atomic.Int64
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				in := ada()
				in.Alias, in.Mail, in.Code, in.Source = fmt.Sprint("ada", i), fmt.Sprint("ada", i, "@example.org"),
					string(code.Code), fmt.Sprint("source ", i)
				switch _, err := s.Accounts.Register(ctx, in); {
				case err == nil:
					let.Add(1)
				case domain.ErrRegistrationCode.Is(err):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, quota, let.Load())
		require.EqualValues(t, 64-quota, refused.Load())
		codes, err := s.Codes.List(ctx, admin, "Bolt")
		require.NoError(t, err)
		require.Len(t, codes, 1)
		require.EqualValues(t, quota, codes[0].Used)
		require.Equal(t, code.Code, codes[0].Code)

		m := s.mails(t)
		require.Len(t, m, int(quota))
		proven, err := s.Accounts.Verify(ctx, proof(t, m[0]))
		require.NoError(t, err)
		require.Equal(t, domain.Approved, proven.User.State, "the code is the approval")
		require.Equal(t, admin.Organization, proven.User.Organization)
		require.Equal(t, domain.RoleUser, proven.User.Role)

		more, no := int64(50), false
		of := accounts.OrganizationCode{Organization: "Bolt", Code: code.Code}
		_, err = s.Codes.Update(ctx, admin, accounts.UpdateRegistrationCode{OrganizationCode: of,
			RegistrationCodePatch: accounts.RegistrationCodePatch{MaxUsers: &more, Enabled: &no}})
		require.NoError(t, err)
		late := ada()
		late.Code, late.Source = string(code.Code), "late"
		_, err = s.Accounts.Register(ctx, late)
		require.ErrorIs(t, err, domain.ErrRegistrationCode, "disabled")
		yes, soon := true, s.clock.now().Add(time.Minute)
		_, err = s.Codes.Update(ctx, admin, accounts.UpdateRegistrationCode{OrganizationCode: of,
			RegistrationCodePatch: accounts.RegistrationCodePatch{Enabled: &yes, Expires: &soon}})
		require.NoError(t, err)
		s.clock.set(soon)
		_, err = s.Accounts.Register(ctx, late)
		require.ErrorIs(t, err, domain.ErrRegistrationCode, "expired")

		operator := s.as(t, "admin")
		name, organization, parent := "Doorkeepers", domain.EnvironmentRef("Bolt"), domain.GroupRef("Admin")
		mask := domain.Mask(1<<domain.UserCreate | 1<<domain.UserRead | 1<<domain.EnvironmentRead)
		_, err = s.Groups.Create(ctx, operator,
			directory.GroupPatch{Alias: &name, Organization: &organization, Parent: &parent, Mask: &mask})
		require.NoError(t, err)
		group, groups := domain.GroupRef(name), []domain.GroupRef{}
		_, err = s.Users.Update(ctx, operator, directory.UpdateUser{User: domain.UserRef{ID: admin.User},
			UserPatch: directory.UserPatch{Group: &group, Groups: &groups}})
		require.NoError(t, err)
		_, err = s.Codes.Create(ctx, s.as(t, "bolt.admin"), codeOf("Bolt", accounts.RegistrationCodePatch{}))
		require.ErrorIs(t, err, domain.ErrClimbing, "newcomers would have more")
		_, err = s.Codes.Update(ctx, s.as(t, "bolt.admin"), accounts.UpdateRegistrationCode{OrganizationCode: of,
			RegistrationCodePatch: accounts.RegistrationCodePatch{Left: &more}})
		require.ErrorIs(t, err, domain.ErrClimbing, "nor let more of them in")
		require.NoError(t, s.Codes.Delete(ctx, admin, of))
		require.ErrorIs(t, s.Codes.Delete(ctx, admin, of), domain.ErrRegistrationCodeNotFound)
	})
}

// Of many who register first, one becomes the superUser.
func TestFirstUser(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, func(c *app.Config) {
			c.Bootstrap, c.SignUpEnvironment, c.AutoApprove = app.BootstrapFirstUser, "/", true
		})
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				in := ada()
				in.Alias, in.Mail, in.Password = fmt.Sprint("ada", i), fmt.Sprint("ada", i, "@example.org"), ""
				if _, err := s.Accounts.Register(t.Context(), in); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		verify := func(m domain.OutgoingMail) (directory.Proven, error) {
			v := proof(t, m)
			v.Way, v.Source = accounts.ReturnPassword, m.To
			return s.Accounts.Verify(t.Context(), v)
		}
		register := func(alias string) domain.OutgoingMail {
			t.Helper()
			s.clock.set(s.clock.now().Add(2 * time.Hour))
			in := ada()
			in.Alias, in.Mail, in.Password = alias, alias+"@example.org", ""
			_, err := s.Accounts.Register(t.Context(), in)
			require.NoError(t, err)
			return s.mail(t, domain.LetterVerify, in.Mail)
		}
		first := s.mails(t)
		require.Len(t, first, 8)
		again := register("ada0") // the link was lost
		s.clock.set(s.clock.now().Add(25 * time.Hour))
		require.NoError(t, s.Accounts.Sweep(t.Context()))
		_, err := verify(again)
		require.ErrorIs(t, err, domain.ErrSecret, "too late")
		last := register("eve")
		for _, m := range first {
			_, err := verify(m)
			require.ErrorIs(t, err, domain.ErrSecret, "gave way")
		}
		proven, err := verify(last)
		require.NoError(t, err)
		require.Equal(t, domain.RoleSuperUser, proven.User.Role)
		require.True(t, s.signsIn(t, proven.User.Alias, proven.Password))
		s.mail(t, domain.LetterWelcome, "eve@example.org")
		proven, err = verify(register("ada1"))
		require.NoError(t, err)
		require.Equal(t, domain.RoleUser, proven.User.Role)
		users, err := s.Users.List(t.Context(), s.as(t, "eve"), directory.ListUsers{Total: true})
		require.NoError(t, err)
		require.EqualValues(t, 2, users.Total)
	})
}

func TestAddressIsChangedWhenProven(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		ctx := t.Context()
		link := "/mail?alias={alias}&secret={secret}"
		who := s.as(t, "acme.user")
		require.NoError(t, s.Accounts.RequestMailChange(ctx, who,
			accounts.RequestMailChange{Mail: "new@example.org", Link: link, Lifetime: time.Hour}))
		q := follow(t, s.mail(t, domain.LetterAddress, "new@example.org"))
		confirm := accounts.Redeem{Whose: accounts.Whose{Alias: q.Get("alias")}, Secret: q.Get("secret"),
			Password: userPassword, Source: "1"}
		u, err := s.Accounts.ConfirmMailChange(ctx, confirm)
		require.NoError(t, err)
		require.Equal(t, "new@example.org", u.Person.Mail)
		s.mail(t, domain.LetterAddressLeft, "acme.user@example.org")
		_, err = s.Accounts.ConfirmMailChange(ctx, confirm)
		require.ErrorIs(t, err, domain.ErrSecret)

		// At once by others, who tell the address before.
		at := func(address string) directory.UserPatch { return directory.UserPatch{Mail: &address} }
		_, err = s.Users.Update(ctx, s.as(t, "acme.admin"),
			directory.UpdateUser{User: domain.UserRef{ID: who.User}, UserPatch: at("admins@example.org")})
		require.NoError(t, err)
		require.Contains(t, s.mail(t, domain.LetterAddressLeft, "new@example.org").Text, "acme.user")
		_, err = s.Users.Update(ctx, s.as(t, "acme.admin"),
			directory.UpdateUser{User: domain.UserRef{ID: who.User}, UserPatch: at("bolt.admin@example.org")})
		require.ErrorIs(t, err, domain.ErrUserMailTaken)
		_, err = s.Users.Update(ctx, who,
			directory.UpdateUser{User: domain.UserRef{ID: who.User}, UserPatch: at("ADMINS@example.org")})
		require.NoError(t, err)
		require.Empty(t, s.mails(t), "nothing was left")

		// Somebody trusted asks, sends the link in their own words, and passes the secret on.
		admin := s.as(t, "bolt.admin")
		ask := accounts.RequestMailChange{User: domain.UserRef{ID: s.as(t, "bolt.user").User}, Mail: "acme.admin@example.org",
			Lifetime: 31 * 24 * time.Hour}
		require.ErrorIs(t, s.Accounts.RequestMailChange(ctx, s.as(t, "acme.admin"), ask), domain.ErrUserNotFound)
		require.NoError(t, s.Accounts.RequestMailChange(ctx, admin, ask))
		require.Empty(t, s.mails(t))
		send := accounts.SendConfirmation{User: ask.User, Purpose: domain.ChangeAddress,
			Link:    "https://theirs.example/c?uuId={secret}",
			Subject: "Confirm", Text: "Follow {link} please."}
		require.ErrorIs(t, s.Accounts.SendConfirmation(ctx, s.as(t, "acme.admin"), send), domain.ErrUserNotFound)
		for _, bad := range []string{"javascript:{secret}", "https://u:p@x/{secret}", "https://x/", "//x/{secret}\r\n"} {
			wrong := send
			wrong.Link = bad
			require.Equal(t, domain.Invalid, domain.AsError(s.Accounts.SendConfirmation(ctx, admin, wrong)).Kind, bad)
		}
		require.NoError(t, s.Accounts.SendConfirmation(ctx, admin, send))
		m := s.mail(t, domain.LetterAddress, "acme.admin@example.org")
		require.Contains(t, m.Text, "Follow https://theirs.example/c?uuId=")
		_, secret, _ := strings.Cut(m.Text, "uuId=")
		_, err = s.Accounts.ConfirmMailChangeOf(ctx, admin,
			accounts.Presented{User: ask.User, Secret: strings.Fields(secret)[0]})
		require.ErrorIs(t, err, domain.ErrUserMailTaken)
	})
}

func TestInvitation(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		ctx := t.Context()
		alias, mail, super := "guest", "guest@example.org", domain.RoleSuperUser
		in := accounts.Invite{User: directory.UserPatch{Alias: &alias, FirstName: &alias, Mail: &mail}, Link: confirmLink,
			Lifetime: time.Hour}
		climbing := in
		climbing.User.Role = &super
		_, err := s.Accounts.Invite(ctx, s.as(t, "acme.admin"), climbing)
		require.Error(t, err)
		u, err := s.Accounts.Invite(ctx, s.as(t, "acme.admin"), in)
		require.NoError(t, err)
		require.Equal(t, domain.Invited, u.State)
		v := proof(t, s.mail(t, domain.LetterInvite, mail))
		_, err = s.Accounts.Verify(ctx, v)
		require.ErrorIs(t, err, domain.ErrSecret)
		u.User, err = s.Accounts.Accept(ctx,
			accounts.Redeem{Whose: v.Whose, Secret: v.Secret, Password: "chosen by guest", Source: "1"})
		require.NoError(t, err)
		require.Equal(t, domain.Approved, u.State)
		require.True(t, s.signsIn(t, "guest", "chosen by guest"))
		require.False(t, u.FirstAccess)

		_, err = s.Accounts.ResetPassword(ctx, s.as(t, "bolt.admin"), domain.UserRef{ID: u.ID})
		require.ErrorIs(t, err, domain.ErrUserNotFound)
		_, err = s.Accounts.ResetPassword(ctx, s.as(t, "acme.admin"), domain.UserRef{ID: s.as(t, "acme.admin").User})
		require.ErrorIs(t, err, domain.ErrOwnAccount)
		u, err = s.Accounts.ResetPassword(ctx, s.as(t, "acme.admin"), domain.UserRef{ID: u.ID})
		require.NoError(t, err)
		require.True(t, u.FirstAccess)
		require.Regexp(t, `\n[A-Z2-7]{26}\n`, s.mail(t, domain.LetterPassword, mail).Text)
		require.False(t, s.signsIn(t, "guest", "chosen by guest"))
	})
}

// An account is never opened without a password: one is chosen, or mailed.
func TestInvitationsEndWithAPassword(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		ctx := t.Context()
		alias, mail := "guest", "guest@example.org"
		_, err := s.Accounts.Invite(ctx, s.as(t, "acme.admin"), accounts.Invite{Link: confirmLink, Lifetime: time.Hour,
			User: directory.UserPatch{Alias: &alias, FirstName: &alias, Mail: &mail}})
		require.NoError(t, err)
		v := proof(t, s.mail(t, domain.LetterInvite, mail))
		in := accounts.Redeem{Whose: v.Whose, Secret: v.Secret, Source: "1"}
		_, err = s.Accounts.Accept(ctx, in)
		require.ErrorIs(t, err, domain.ErrInvalid)
		require.Equal(t, "password", domain.AsError(err).Field)
		in.Password = "chosen by guest"
		u, err := s.Accounts.Accept(ctx, in)
		require.NoError(t, err)
		require.Equal(t, domain.Approved, u.State)
		require.False(t, u.FirstAccess)
		require.Empty(t, s.mails(t), "no password is mailed")
		require.True(t, s.signsIn(t, "guest", in.Password))
	})
}

// What is never proven goes away, what is proven stays.
func TestSweepOfSignUps(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		s := openSignUp(t, engine, nil)
		stays := ada()
		stays.Alias, stays.Mail = "stays", "stays@example.org"
		for _, in := range []accounts.Register{ada(), stays} {
			_, err := s.Accounts.Register(t.Context(), in)
			require.NoError(t, err)
		}
		for _, m := range s.mails(t) {
			if m.To == stays.Mail {
				_, err := s.Accounts.Verify(t.Context(), proof(t, m))
				require.NoError(t, err)
			}
		}
		require.NoError(t, s.Accounts.Sweep(t.Context()))
		accounts := persistence.NewAccountStore(s.DB)
		_, err := accounts.ByAlias(t.Context(), "ada")
		require.NoError(t, err, "too early")
		s.clock.set(s.clock.now().Add(25 * time.Hour))
		require.NoError(t, s.Accounts.Sweep(t.Context()))
		_, err = accounts.ByAlias(t.Context(), "ada")
		require.ErrorIs(t, err, domain.ErrUserNotFound)
		_, err = accounts.ByAlias(t.Context(), "stays")
		require.NoError(t, err)
	})
}

// However many come, all of them go.
func TestSweepOfManySignUps(t *testing.T) {
	const many = 510 // more than are swept at once
	s := openSignUp(t, "sqlite", func(c *app.Config) {
		c.MailLimits = accounts.MailLimits{Address: many, Source: many, Overall: 2 * many}
	})
	for i := range many {
		in := ada()
		in.Alias, in.Mail, in.Password = fmt.Sprint("ada", i), fmt.Sprint("ada", i, "@example.org"), ""
		_, err := s.Accounts.Register(t.Context(), in)
		require.NoError(t, err)
	}
	s.clock.set(s.clock.now().Add(25 * time.Hour))
	require.NoError(t, s.Accounts.Sweep(t.Context()))
	left, err := persistence.NewAccountStore(s.DB).Stale(t.Context(), s.clock.now(), s.clock.now(), many)
	require.NoError(t, err)
	require.Empty(t, left)
}
