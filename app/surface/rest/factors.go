package rest

import (
	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/httpx"
	"canopy/domain"
)

// factorRoutes lists the routes of what people prove themselves by beside a password: one's own, then those of others.
// Passkeys are made by browsers.
func (s *Surface) factorRoutes(r fiber.Router) {
	f := s.uses.Factors
	const own, others = "/rest/me/factors", "/rest/users/:id/factors"
	r.Get(own, httpx.Handle(s.auth, bare(oneself), f.List, encode(s, writeFactors)))
	r.Post(own, httpx.Handle(s.auth, bare(s.decodeFresh), f.OfferCode, encode(s, writeOffered)))
	r.Post(own+"/recovery-codes",
		httpx.Handle(s.auth, bare(s.decodeFresh), f.RenewRecoveryCodes, encode(s, writeRecoveryCodes)))
	r.Post(own+"/:factor/confirm", httpx.Handle(s.auth, bare(s.decodeConfirm), f.ConfirmCode, encode(s, writeAdded)))
	r.Put(own+"/:factor", httpx.Handle(s.auth, bare(decodeFactorName), httpx.Done(f.Rename), encodeTrue[httpx.Just](s)))
	r.Post(own+"/:factor/remove", planned(s, s.decodeRemove, httpx.Done(f.Remove), encodeTrue[httpx.Just](s)))
	r.Get(others, httpx.Handle(s.auth, bare(decodeUserRef), f.List, encode(s, writeFactors)))
	r.Delete(others+"/:factor", planned(s, decodeFactorOfUser, httpx.Done(f.Remove), encodeTrue[httpx.Just](s)))
}

// factor reads which factor is meant.
func factor(c *fiber.Ctx) (domain.UUID, error) {
	id, ok := httpx.UUIDParam(c, "factor")
	if !ok {
		return "", domain.ErrFactorNotFound
	}
	return id, nil
}

// decodeFresh reads the password that goes with a change.
func (s *Surface) decodeFresh(c *fiber.Ctx) (accounts.Fresh[struct{}], error) {
	f := body(c, "password")
	f.Require("password")
	return accounts.Fresh[struct{}]{Password: f.text("password", ""), Address: httpx.Address(c, s.trusted)}, f.Err
}

func (s *Surface) decodeConfirm(c *fiber.Ctx) (in accounts.ConfirmCode, err error) {
	if in.ID, err = factor(c); err != nil {
		return in, err
	}
	f := body(c, "code", "name")
	f.Require("code", "name")
	in.Code, in.Name = f.text("code", ""), f.text("name", "")
	in.Address, in.Client = httpx.Address(c, s.trusted), httpx.Header(c, fiber.HeaderUserAgent)
	return in, f.Err
}

func decodeFactorName(c *fiber.Ctx) (in accounts.RenameFactor, err error) {
	if in.ID, err = factor(c); err != nil {
		return in, err
	}
	f := body(c, "name")
	f.Require("name")
	in.Name = f.text("name", "")
	return in, f.Err
}

func (s *Surface) decodeRemove(c *fiber.Ctx) (in accounts.Fresh[accounts.OfUser[domain.UUID]], err error) {
	if in.In.In, err = factor(c); err != nil {
		return in, err
	}
	fresh, err := s.decodeFresh(c)
	in.Password, in.Address = fresh.Password, fresh.Address
	return in, err
}

// decodeFactorOfUser reads which factor of somebody else is meant. One's own needs the password, which is not sent so.
func decodeFactorOfUser(c *fiber.Ctx) (in accounts.Fresh[accounts.OfUser[domain.UUID]], err error) {
	in.In.User = userOf(c)
	in.In.In, err = factor(c)
	return in, err
}

func writeFactors(w *httpx.Writer, key string, d *accounts.FactorDocument) {
	w.Open(key, '{')
	w.Open("factors", '[')
	for i := range d.Factors {
		writeFactor(w, "", &d.Factors[i])
	}
	w.Close(']')
	w.Number("recoveryCodes", d.RecoveryCodes)
	w.Close('}')
}

func writeFactor(w *httpx.Writer, key string, f *domain.Factor) {
	w.Open(key, '{')
	w.Text("id", string(f.ID))
	w.Text("kind", f.Kind.String())
	w.Text("name", f.Name)
	w.Number("created", f.Created.UnixMilli())
	writeMillis(w, "used", f.LastUsed)
	w.Close('}')
}

func writeOffered(w *httpx.Writer, key string, o *accounts.OfferedCode) {
	w.Open(key, '{')
	w.Text("id", string(o.ID))
	w.Text("secret", string(o.Secret))
	w.Text("uri", o.URI)
	w.Close('}')
}

func writeAdded(w *httpx.Writer, key string, a *accounts.AddedFactor) {
	w.Open(key, '{')
	writeFactor(w, "factor", &a.Factor)
	writeCodes(w, a.Recovery)
	w.Close('}')
}

func writeRecoveryCodes(w *httpx.Writer, key string, codes *[]domain.SecretText) {
	w.Open(key, '{')
	writeCodes(w, *codes)
	w.Close('}')
}

func writeCodes(w *httpx.Writer, codes []domain.SecretText) {
	w.Open("recoveryCodes", '[')
	for _, code := range codes {
		w.Text("", string(code))
	}
	w.Close(']')
}
