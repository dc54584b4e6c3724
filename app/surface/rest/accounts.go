package rest

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/app/usecase"
	"canopy/domain"
)

// The links of mails, which people follow, and how long they work.
const (
	acceptLink = "/rest/accounts/accept?mailaddress=" + usecase.PlaceMail + "&secret=" + usecase.PlaceSecret
	resetLink  = "/rest/accounts/reset?mailaddress=" + usecase.PlaceMail + "&secret=" + usecase.PlaceSecret
	verifyLink = "/rest/accounts/verify?mailaddress=" + usecase.PlaceMail + "&secret=" + usecase.PlaceSecret
	mailLink   = "/rest/accounts/mail?user=" + usecase.PlaceAlias + "&secret=" + usecase.PlaceSecret

	acceptLifetime = 7 * 24 * time.Hour
	resetLifetime  = time.Hour
	verifyLifetime = 3 * 24 * time.Hour
	mailLifetime   = 24 * time.Hour
)

// accountRoutes lists the routes of accounts that are not, or not any more, open: what those
// do who let people in, then what people do themselves. A link of a mail is followed with GET;
// a program that asks for a password has POST on the same address.
func (s *Surface) accountRoutes(r fiber.Router) {
	u, a := s.uses.Users, s.uses.Accounts

	r.Post("/rest/users/invite", httpx.Handle(s.auth, decodeInvite, a.Invite, s.encodeCreatedUser))
	r.Post("/rest/users/:id/approve", httpx.Handle(s.auth, bare(decodeUserID), httpx.Then(a.Approve, u.Show), encode(s, writeUser)))
	r.Post("/rest/users/:id/reject", httpx.Handle(s.auth, bare(decodeUserID), httpx.Done(a.Reject), encodeTrue[httpx.Just](s)))
	r.Post("/rest/me/mail", httpx.Handle(s.auth, decodeMailChange, httpx.Done(a.RequestMailChange), encodeTrue[httpx.Just](s)))

	r.Get("/rest/accounts/mail", httpx.Open(s.decodeMailLink, a.ConfirmMailChange, encodeTrue[domain.User](s)))
	r.Get("/rest/accounts/accept", httpx.Open(s.decodeAcceptLink, a.Accept, encodeTrue[domain.User](s)))
	r.Post("/rest/accounts/accept", httpx.Open(s.decodeAccept, a.Accept, encodeTrue[domain.User](s)))
	r.Post("/rest/accounts/forgot", httpx.Open(s.decodeForgot, httpx.OpenDone(a.Forgot), encodeTrue[httpx.Just](s)))
	r.Get("/rest/accounts/reset", httpx.Open(s.decodeResetLink, a.Reset, encodeTrue[usecase.Proven](s)))
	r.Post("/rest/accounts/reset", httpx.Open(s.decodeReset, a.Reset, encodeTrue[usecase.Proven](s)))
	r.Post("/rest/accounts/resend", httpx.Open(s.decodeResend, httpx.OpenDone(a.Resend), encodeTrue[httpx.Just](s)))
	r.Get("/rest/accounts/verify", httpx.Open(s.decodeVerifyLink, a.Verify, encodeTrue[usecase.Proven](s)))
}

// decodeInvite reads a new user without a password, which they choose themselves.
func decodeInvite(c *fiber.Ctx) (usecase.Invite, error) {
	in := usecase.Invite{Link: httpx.Mounted(c, acceptLink), Lifetime: acceptLifetime}
	o, user, err := decodeUser(c)
	if err != nil {
		return in, err
	}
	in.User = user
	if err := refuseGiven(o, "userid", "id", "state", "password"); err != nil {
		return in, err
	}
	return in, requireUser(o, "alias", "group", "person")
}

func decodeMailChange(c *fiber.Ctx) (usecase.RequestMailChange, error) {
	in := usecase.RequestMailChange{Link: httpx.Mounted(c, mailLink), Lifetime: mailLifetime}
	o, err := body(c, "mailaddress")
	if err != nil {
		return in, err
	}
	f := fields{o: o}
	in.Mail = f.text("mailaddress", "")
	if f.err == nil {
		if err := domain.CheckMail(in.Mail); err != nil {
			return in, domain.AsError(err).On("mailaddress")
		}
	}
	return in, f.err
}

// whose reads whose account is meant, by mail address or login name, and keys that are
// required besides.
func whose(c *fiber.Ctx, required ...string) (fields, usecase.Whose, error) {
	o, err := body(c, append([]string{"user", "mailaddress"}, required...)...)
	if err != nil {
		return fields{}, usecase.Whose{}, err
	}
	f := fields{o: o}
	w := usecase.Whose{Alias: f.text("user", ""), Mail: f.text("mailaddress", "")}
	switch {
	case f.err != nil:
		return f, w, f.err
	case w == usecase.Whose{}:
		return f, w, o.Require("mailaddress")
	}
	return f, w, o.Require(required...)
}

// linked reads the query of a mailed link: the secret, and what whose account it is goes by.
func linked(c *fiber.Ctx, name string) (of, secret string, err error) {
	if err := httpx.RefuseUnknown(c, name, "secret"); err != nil {
		return "", "", err
	}
	of, secret = httpx.Query(c, name), httpx.Query(c, "secret")
	if of == "" || secret == "" {
		err = domain.ErrSecret
	}
	return of, secret, err
}

func (s *Surface) decodeMailLink(c *fiber.Ctx) (usecase.ConfirmMailChange, error) {
	alias, secret, err := linked(c, "user")
	return usecase.ConfirmMailChange{Whose: usecase.Whose{Alias: alias}, Secret: secret, Source: httpx.Address(c, s.trusted)}, err
}

func (s *Surface) decodeAcceptLink(c *fiber.Ctx) (usecase.Accept, error) {
	mail, secret, err := linked(c, "mailaddress")
	return usecase.Accept{Whose: usecase.Whose{Mail: mail}, Secret: secret, Way: usecase.MailPassword, Source: httpx.Address(c, s.trusted)}, err
}

func (s *Surface) decodeAccept(c *fiber.Ctx) (usecase.Accept, error) {
	f, w, err := whose(c, "secret", "password")
	if err != nil {
		return usecase.Accept{}, err
	}
	in := usecase.Accept{Whose: w, Secret: f.text("secret", ""), Password: f.text("password", ""), Source: httpx.Address(c, s.trusted)}
	return in, f.err
}

func (s *Surface) decodeForgot(c *fiber.Ctx) (usecase.Forgot, error) {
	_, w, err := whose(c)
	return usecase.Forgot{Whose: w, Link: httpx.Mounted(c, resetLink), Lifetime: resetLifetime, Source: httpx.Address(c, s.trusted)}, err
}

func (s *Surface) decodeResetLink(c *fiber.Ctx) (usecase.Reset, error) {
	mail, secret, err := linked(c, "mailaddress")
	return usecase.Reset{Whose: usecase.Whose{Mail: mail}, Secret: secret, Way: usecase.MailPassword, Source: httpx.Address(c, s.trusted)}, err
}

func (s *Surface) decodeReset(c *fiber.Ctx) (usecase.Reset, error) {
	f, w, err := whose(c, "secret", "password")
	if err != nil {
		return usecase.Reset{}, err
	}
	in := usecase.Reset{Whose: w, Secret: f.text("secret", ""), Password: f.text("password", ""), Source: httpx.Address(c, s.trusted)}
	return in, f.err
}

func (s *Surface) decodeResend(c *fiber.Ctx) (usecase.Resend, error) {
	_, w, err := whose(c)
	return usecase.Resend{Whose: w, Link: httpx.Mounted(c, verifyLink), Lifetime: verifyLifetime, Source: httpx.Address(c, s.trusted)}, err
}

func (s *Surface) decodeVerifyLink(c *fiber.Ctx) (usecase.Verify, error) {
	mail, secret, err := linked(c, "mailaddress")
	return usecase.Verify{Whose: usecase.Whose{Mail: mail}, Secret: secret, Source: httpx.Address(c, s.trusted)}, err
}
