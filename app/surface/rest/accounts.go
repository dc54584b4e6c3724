package rest

import (
	"encoding/json"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// How long the links of mails work.
const (
	acceptLifetime = 7 * 24 * time.Hour
	resetLifetime  = time.Hour
	verifyLifetime = 3 * 24 * time.Hour
	mailLifetime   = 24 * time.Hour
)

// accountRoutes lists the routes of accounts that are not, or not any more, open: what those
// do who let people in, then what people do themselves. Links of mail lead to pages, elsewhere;
// here programs do the same by the secret of a link.
func (s *Surface) accountRoutes(r fiber.Router) {
	a := s.uses.Accounts

	r.Post("/rest/users/bulk",
		ofEnvironment(planned(s, decodeUsersChange, s.uses.Users.UpdateAll, encode(s, writeUpdated), userParameters...)))
	r.Post("/rest/users/program", httpx.Handle(s.auth, bare(decodeProgram), a.CreateProgram, encode(s, writeProgram)))
	r.Post("/rest/users/invite", planned(s, s.decodeInvite, a.Invite, s.encodeCreatedUser))
	r.Post("/rest/users/invitations",
		httpx.Handle(s.auth, s.decodeInvitations, a.InviteAll, encodeAll(s, writeInvited)))
	r.Post("/rest/users/:id/approve", planned(s, decodeUserRef, a.Approve, encode(s, writeUser)))
	r.Post("/rest/users/:id/reject", planned(s, decodeUserRef, httpx.Done(a.Reject), encodeTrue[httpx.Just](s)))
	r.Post("/rest/users/:id/reset",
		httpx.Handle(s.auth, s.decodeReset, httpx.Done(a.SendReset), encodeTrue[httpx.Just](s)))
	r.Post("/rest/users/:id/invite",
		httpx.Handle(s.auth, s.decodeInviteAgain, httpx.Done(a.SendConfirmation), encodeTrue[httpx.Just](s)))
	r.Post("/rest/me/mail",
		httpx.Handle(s.auth, s.decodeMailChange, httpx.Done(a.RequestMailChange), encodeTrue[httpx.Just](s)))

	r.Post("/rest/accounts/mail", httpx.Open(s.redeem("password"), a.ConfirmMailChange, encodeTrue[domain.User](s)))
	r.Post("/rest/accounts/accept", httpx.Open(s.redeem("password"), a.Accept, encodeTrue[domain.User](s)))
	r.Post("/rest/accounts/forgot", httpx.Open(s.decodeForgot, httpx.OpenDone(a.Forgot), encodeTrue[httpx.Just](s)))
	r.Post("/rest/accounts/reset", httpx.Open(s.redeem("password"), a.Reset, encodeTrue[directory.Proven](s)))
	r.Post("/rest/accounts/resend", httpx.Open(s.decodeResend, httpx.OpenDone(a.Resend), encodeTrue[httpx.Just](s)))
	r.Post("/rest/accounts/verify", httpx.Open(s.redeem(), a.Verify, encodeTrue[directory.Proven](s)))
}

// decodeInvitations reads many addresses, and what the accounts have in common.
func (s *Surface) decodeInvitations(c *fiber.Ctx) (accounts.InviteAll, error) {
	f := body(c, "addresses", "envId", "group", "groups", "role", "language")
	f.Require("addresses", "group")
	in := accounts.InviteAll{Link: s.pages.Accept(), Lifetime: acceptLifetime}
	if f.Has("addresses") && json.Unmarshal(f.Object["addresses"], &in.Addresses) != nil {
		f.fail("addresses", "a list of mail addresses")
	}
	in.Like.Home = refIf[domain.EnvironmentRef](f, "envId", "envid")
	in.Like.Group = refIf[domain.GroupRef](f, "group", "id")
	in.Like.Groups = refs[domain.GroupRef](f, "groups", "id")
	in.Like.Role = parseIf(f, "role", domain.ParseRole)
	in.Like.Language = f.textIf("language")
	return in, f.Err
}

// writeInvited writes what became of one address.
func writeInvited(w *httpx.Writer, key string, i *accounts.Invited) {
	w.Open(key, '{')
	w.Number("line", int64(i.Line))
	w.Text("address", i.Address)
	if i.Err != nil {
		w.Null("userid")
		w.Text("error", sentence(i.Err))
	} else {
		w.Number("userid", int64(i.User.ID))
		w.Null("error")
	}
	w.Close('}')
}

// decodeInvite reads a new user without a password, which they choose themselves.
func (s *Surface) decodeInvite(c *fiber.Ctx) (accounts.Invite, error) {
	in := accounts.Invite{Link: s.pages.Accept(), Lifetime: acceptLifetime}
	f, user := decodeUser(c)
	in.User = user
	f.refuseGiven("userid", "id", "state", "password")
	return in, requireUser(f, "alias", "group", "person")
}

func (s *Surface) decodeMailChange(c *fiber.Ctx) (accounts.RequestMailChange, error) {
	in := accounts.RequestMailChange{Link: s.pages.Mail(), Lifetime: mailLifetime}
	f := body(c, "mailaddress")
	in.Mail = f.text("mailaddress", "")
	if f.Err == nil {
		if err := domain.CheckMail(in.Mail); err != nil {
			return in, domain.AsError(err).On("mailaddress")
		}
	}
	return in, f.Err
}

// whose reads whose account is meant, by mail address or login name, and keys that are
// required besides.
func whose(c *fiber.Ctx, required ...string) (fields, accounts.Whose) {
	f := body(c, append([]string{"user", "mailaddress"}, required...)...)
	w := accounts.Whose{Alias: f.text("user", ""), Mail: f.text("mailaddress", "")}
	if w == (accounts.Whose{}) {
		required = []string{"mailaddress"}
	}
	f.Require(required...)
	return f, w
}

// redeem reads a secret with the keys that are required besides.
func (s *Surface) redeem(required ...string) func(*fiber.Ctx) (accounts.Redeem, error) {
	return func(c *fiber.Ctx) (accounts.Redeem, error) {
		f, w := whose(c, append([]string{"secret"}, required...)...)
		return accounts.Redeem{Whose: w, Secret: f.text("secret", ""), Password: f.text("password", ""),
			Source: httpx.Address(c, s.trusted)}, f.Err
	}
}

func (s *Surface) decodeForgot(c *fiber.Ctx) (accounts.AskLink, error) {
	f, w := whose(c)
	return accounts.AskLink{Whose: w, Link: s.pages.Reset(), Lifetime: resetLifetime, Source: httpx.Address(c, s.trusted)},
		f.Err
}

func (s *Surface) decodeResend(c *fiber.Ctx) (accounts.AskLink, error) {
	f, w := whose(c)
	return accounts.AskLink{Whose: w, Link: s.pages.Verify(), Lifetime: verifyLifetime,
		Source: httpx.Address(c, s.trusted)}, f.Err
}
