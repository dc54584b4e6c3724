package console

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/httpx"
	"canopy/domain"
)

// The pages of what people prove themselves by.
const (
	factorsPage = "my-factors"
	provePage   = "prove"
)

// factorRoutes lists the pages of what people prove themselves by, and those on which they do.
func (s *Surface) factorRoutes(r fiber.Router) {
	r.Get(Base+"/"+factorsPage, s.on(s.myFactors))
	r.Post(Base+"/my-code-offer", s.on(s.offerCode))
	r.Post(Base+"/my-code", s.on(s.confirmCode))
	r.Post(Base+"/my-passkey-offer", s.on(s.offerPasskey))
	r.Post(Base+"/my-passkey", s.on(s.addPasskey))
	r.Post(Base+"/my-factor-name", s.on(s.renameFactor))
	r.Post(Base+"/my-factor-remove", s.on(s.removeFactor))
	r.Post(Base+"/my-recovery-codes", s.on(s.renewRecoveryCodes))
	r.Get(Base+"/"+provePage, s.on(s.prove))
	r.Post(Base+"/"+provePage, s.on(s.proveCode))
	r.Post(Base+"/prove-challenge", s.on(s.askPasskey))
	r.Post(Base+"/prove-passkey", s.on(s.provePasskey))
	r.Post(Base+"/passkey-challenge", s.askSignIn)
	r.Post(Base+"/passkey", s.signInByPasskey)
}

// A factorsView is what the page of one's factors shows.
type factorsView struct {
	accounts.FactorDocument
	links    []domain.Link
	offered  []accounts.ProviderDocument // by which they may sign in
	passkeys bool                        // this server can have them
	accepted string                      // by what the browser forgets the passkeys that are gone; empty for nothing
}

// factors returns what the page of the caller's factors shows.
func (s *Surface) factors(ctx context.Context, v *visit) (*factorsView, error) {
	f := &factorsView{passkeys: s.uses.Factors.PasskeysPossible() == nil}
	var err error
	if f.FactorDocument, err = s.uses.Factors.List(ctx, v.caller, domain.UserRef{}); err != nil {
		return f, err
	}
	if f.links, err = s.uses.Providers.Links(ctx, v.caller, domain.UserRef{}); err != nil {
		return f, err
	}
	if f.offered, err = s.uses.Providers.Offered(ctx, v.caller); err != nil || !f.passkeys {
		return f, err
	}
	accepted, err := s.uses.Factors.AcceptedPasskeys(ctx, v.caller)
	f.accepted = string(accepted)
	return f, err
}

// by returns the providers by which the caller signs in: at which they prove who they are anew.
func (f *factorsView) by() []accounts.ProviderDocument {
	return slices.DeleteFunc(slices.Clone(f.offered), func(p accounts.ProviderDocument) bool {
		return !slices.ContainsFunc(f.links, func(l domain.Link) bool { return l.Issuer == p.IdentityIssuer() })
	})
}

func (s *Surface) myFactors(ctx context.Context, v *visit) (answer, error) {
	f, err := s.factors(ctx, v)
	if err != nil {
		return answer{}, err
	}
	v.wrong = linkProblems[v.query("problem")]
	return shown(myFactorsPage(v, f))
}

// mendFactors answers with the page of factors again, which says what is wrong.
func (s *Surface) mendFactors(ctx context.Context, v *visit, wrong error) (answer, error) {
	f, err := s.factors(ctx, v)
	if err != nil {
		return answer{}, wrong
	}
	return v.mend(wrong, func() templ.Component { return myFactorsPage(v, f) })
}

// partField is the field of a form that says which it is of several that have fields of the same names.
const partField = "part"

// part returns which of the forms of the page was sent and has a mistake; empty for none.
func (v *visit) part() string {
	if v.wrong == nil {
		return ""
	}
	return v.form[partField]
}

// partOf returns the id of a field of one of several forms, and what is wrong with it. The one that is wrong has the
// name for its id, to which the top of the page leads.
func (v *visit) partOf(part, name string) (id, problem string) {
	if v.part() != part || v.mistake(name) == "" {
		return part + "-" + name, ""
	}
	return name, v.mistake(name)
}

// partValue returns what was typed into a field of one of several forms, or else what is stored.
func (v *visit) partValue(part, name, stored string) string {
	if v.part() != part {
		return stored
	}
	return v.value(name, stored)
}

// fresh is a change with the password that was typed for it.
func fresh[T any](s *Surface, v *visit, in T) accounts.Fresh[T] {
	return accounts.Fresh[T]{Password: v.form["password"], Address: httpx.Address(v.c, s.trusted), In: in}
}

// An offeredCode is a secret of one-time codes as it is shown.
type offeredCode struct {
	id, secret, uri string
	picture         qrCode
}

// offerCode shows a secret of one-time codes. It comes back with the code, so that a wrong one can be mended.
func (s *Surface) offerCode(ctx context.Context, v *visit) (answer, error) {
	offered, err := s.uses.Factors.OfferCode(ctx, v.caller, fresh(s, v, struct{}{}))
	if err != nil {
		return s.mendFactors(ctx, v, err)
	}
	v.form = nil
	return showCode(v, offeredCode{id: string(offered.ID), secret: string(offered.Secret), uri: offered.URI})
}

func showCode(v *visit, o offeredCode) (a answer, err error) {
	if o.picture, err = qrOf(o.uri); err != nil {
		return answer{}, err
	}
	return shown(myCodePage(v, &o))
}

func (s *Surface) confirmCode(ctx context.Context, v *visit) (answer, error) {
	id, err := domain.ParseUUID(v.form["factor"])
	if err != nil {
		return answer{}, domain.ErrFactorNotFound
	}
	added, err := s.uses.Factors.ConfirmCode(ctx, v.caller, accounts.ConfirmCode{ID: id, Code: v.form["code"],
		Name: v.form["name"], Address: httpx.Address(v.c, s.trusted), Client: httpx.Header(v.c, fiber.HeaderUserAgent)})
	if err == nil {
		return s.added(v, &added)
	}
	o := offeredCode{id: string(id), secret: v.form["shown"], uri: v.form["uri"]}
	var unreadable error
	if o.picture, unreadable = qrOf(o.uri); unreadable != nil {
		return answer{}, err
	}
	return v.mend(err, func() templ.Component { return myCodePage(v, &o) })
}

// added goes on with a factor that counts from now on: in another session if there is one, and with the recovery codes
// if there are such, which no other page shows.
func (s *Surface) added(v *visit, added *accounts.AddedFactor) (answer, error) {
	if added.Session != nil {
		s.enter(v.c, added.Session)
		v.csrf = added.Session.CSRF
	}
	if len(added.Recovery) == 0 {
		return went(factorsPage, "saved")
	}
	return shown(recoveryPage(v, added.Recovery))
}

// enter gives the browser the cookie of a session.
func (s *Surface) enter(c *fiber.Ctx, in *accounts.SignedIn) {
	httpx.SetCookie(c, s.cookieName(c), in.Cookie, "/", in.Expires, httpx.Secure(c, s.trusted))
}

func (s *Surface) renameFactor(ctx context.Context, v *visit) (answer, error) {
	id, err := domain.ParseUUID(v.form["factor"])
	if err == nil {
		err = s.uses.Factors.Rename(ctx, v.caller, accounts.RenameFactor{ID: id, Name: v.form["name"]})
	}
	if err != nil {
		return s.mendFactors(ctx, v, err)
	}
	return went(factorsPage, "saved")
}

// removeFactor may end the session, where that was proved by the factor.
func (s *Surface) removeFactor(ctx context.Context, v *visit) (answer, error) {
	id, err := domain.ParseUUID(v.form["factor"])
	if err != nil {
		return answer{}, domain.ErrFactorNotFound
	}
	warned, err := s.warned(ctx, v, func(ctx context.Context) error {
		return s.uses.Factors.Remove(ctx, v.caller, fresh(s, v, accounts.OfUser[domain.UUID]{In: id}))
	})
	switch {
	case err != nil:
		return s.mendFactors(ctx, v, err)
	case warned:
		return s.myFactors(ctx, v)
	}
	return went(factorsPage, "deleted")
}

func (s *Surface) renewRecoveryCodes(ctx context.Context, v *visit) (answer, error) {
	codes, err := s.uses.Factors.RenewRecoveryCodes(ctx, v.caller, fresh(s, v, struct{}{}))
	if err != nil {
		return s.mendFactors(ctx, v, err)
	}
	return shown(recoveryPage(v, codes))
}

// The cookies that a browser holds while a passkey is made or proved, as SessionCookie says.
const (
	passkeyCookie       = "canopy-passkey"
	securePasskeyCookie = "__Host-canopy-passkey"
)

func (s *Surface) passkeyCookie(c *fiber.Ctx) string {
	if httpx.Secure(c, s.trusted) {
		return securePasskeyCookie
	}
	return passkeyCookie
}

// challenge sends what the browser needs to make or prove a passkey; or why not, for the page to show.
func (s *Surface) challenge(c *fiber.Ctx, w *words, ceremony accounts.Ceremony, err error) error {
	var body any = json.RawMessage(ceremony.Options)
	if err != nil {
		status, problem := httpx.Problem(c, err)
		if problem.Kind == domain.Internal || problem.Kind == domain.Unauthenticated {
			return err
		}
		c.Status(status)
		body = map[string]string{"problem": w.problem(problem)}
	} else {
		httpx.SetCookie(c, s.passkeyCookie(c), ceremony.Ticket, "/", ceremony.Expires, httpx.Secure(c, s.trusted))
	}
	if failed := c.JSON(body); failed != nil {
		return failed
	}
	if err != nil {
		return errAnswered{err}
	}
	return nil
}

func (s *Surface) challenged(v *visit, ceremony accounts.Ceremony, err error) (answer, error) {
	return answer{file: func(c *fiber.Ctx) error { return s.challenge(c, v.words, ceremony, err) }}, nil
}

// passkeyAnswer reads what a browser answered, and has it forget what it held.
func (s *Surface) passkeyAnswer(c *fiber.Ctx, form httpx.Form) accounts.PasskeyAnswer {
	in := accounts.PasskeyAnswer{Ticket: httpx.Cookie(c, s.passkeyCookie(c)), Answer: []byte(form["answer"]),
		Name: form["name"], Address: httpx.Address(c, s.trusted), Client: httpx.Header(c, fiber.HeaderUserAgent)}
	httpx.DropCookie(c, s.passkeyCookie(c), "/", httpx.Secure(c, s.trusted))
	return in
}

func (s *Surface) offerPasskey(ctx context.Context, v *visit) (answer, error) {
	ceremony, err := s.uses.Factors.OfferPasskey(ctx, v.caller, fresh(s, v, struct{}{}))
	return s.challenged(v, ceremony, err)
}

func (s *Surface) addPasskey(ctx context.Context, v *visit) (answer, error) {
	added, err := s.uses.Factors.AddPasskey(ctx, v.caller, s.passkeyAnswer(v.c, v.form))
	if err != nil {
		return s.mendFactors(ctx, v, err)
	}
	return s.added(v, &added)
}

// A proving is the page on which somebody proves what they have beside the password.
type proving struct {
	has  domain.Factors
	next string
	// noPassword says of who has no factor that they have no password either, and by are the providers by which they
	// sign in.
	noPassword bool
	by         []accounts.ProviderDocument
}

func (s *Surface) proving(ctx context.Context, v *visit) (*proving, error) {
	has, err := s.uses.Factors.Kinds(ctx, v.caller)
	if err != nil {
		return nil, err
	}
	next := v.query("next")
	if v.form != nil {
		next = v.form["next"]
	}
	v.passkeys = has&domain.PasskeyFactor != 0 && s.uses.Factors.PasskeysPossible() == nil
	p := &proving{has: has, next: nextPage(next)}
	if has == 0 && v.caller.Missing == domain.ByPassword {
		f, err := s.factors(ctx, v)
		if err != nil {
			return nil, err
		}
		p.noPassword, p.by = f.NoPassword, f.by()
	}
	return p, nil
}

// takesCode reports whether a code, or a recovery code, is enough of a proof. It is not where the passkey is asked for
// that they have.
func (p *proving) takesCode(v *visit) bool {
	return p.has != 0 && (v.caller.Missing < domain.ByPasskey || p.has&domain.PasskeyFactor == 0)
}

// lead says why the page is there.
func (p *proving) lead(v *visit) string {
	w := &v.words.Factors
	switch {
	case v.caller.Missing == domain.ByPassword:
		return w.AgainLead
	case v.caller.ByProvider:
		return w.ProviderLead
	}
	return w.ProveLead
}

// prove leads who has to add a factor to where that is.
func (s *Surface) prove(ctx context.Context, v *visit) (answer, error) {
	p, err := s.proving(ctx, v)
	if err != nil {
		return answer{}, err
	}
	if v.caller.Missing > domain.ByPassword && v.caller.Enrols {
		return answer{to: factorsPage}, nil
	}
	if v.caller.Missing == domain.ByPassword && !v.caller.Stale && v.query("next") != "" && v.query("again") == "" {
		return answer{to: p.next}, nil // what led here asks for nothing more
	}
	return shown(proveFactorPage(v, p))
}

// mendProof answers with the page again, which says what is wrong.
func (s *Surface) mendProof(ctx context.Context, v *visit, wrong error) (answer, error) {
	p, err := s.proving(ctx, v)
	if err != nil {
		return answer{}, err
	}
	return v.mend(wrong, func() templ.Component { return proveFactorPage(v, p) })
}

func (s *Surface) proveCode(ctx context.Context, v *visit) (answer, error) {
	in, err := s.uses.Factors.Prove(ctx, v.caller, accounts.Prove{Code: v.form["code"], Password: v.form["password"],
		Address: httpx.Address(v.c, s.trusted), Client: httpx.Header(v.c, fiber.HeaderUserAgent)})
	if err != nil {
		return s.mendProof(ctx, v, err)
	}
	s.enter(v.c, &in)
	return answer{to: nextPage(v.form["next"])}, nil
}

func (s *Surface) askPasskey(ctx context.Context, v *visit) (answer, error) {
	ceremony, err := s.uses.Factors.AskPasskey(ctx, v.caller)
	return s.challenged(v, ceremony, err)
}

func (s *Surface) provePasskey(ctx context.Context, v *visit) (answer, error) {
	in, err := s.uses.Factors.ProvePasskey(ctx, v.caller, s.passkeyAnswer(v.c, v.form))
	if err != nil {
		return s.mendProof(ctx, v, err)
	}
	s.enter(v.c, &in)
	return answer{to: nextPage(v.form["next"])}, nil
}

// askSignIn begins a sign-in by a passkey alone.
func (s *Surface) askSignIn(c *fiber.Ctx) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	ceremony, err := s.uses.Factors.AskSignIn(c.UserContext())
	return s.challenge(c, s.view(c, form["lang"]).words, ceremony, err)
}

// signInByPasskey begins a session for whose passkey it is.
func (s *Surface) signInByPasskey(c *fiber.Ctx) error {
	form, err := posted(c)
	if err != nil {
		return err
	}
	page := &signIn{next: nextPage(form["next"])}
	out, err := s.uses.Factors.SignInByPasskey(c.UserContext(), s.passkeyAnswer(c, form))
	if err != nil {
		return s.refuseSignIn(c, s.view(c, form["lang"]), page, &out.Principal, err)
	}
	s.enter(c, &out)
	return leave(c, page.next)
}

// warnedOf reports whether there is something to be known before a factor is removed.
func (v *visit) warnedOf(id domain.UUID) bool {
	return len(v.warnings) > 0 && v.form["factor"] == string(id)
}

// kindOf says what a factor is.
func (v *view) kindOf(f *domain.Factor) string {
	if f.Kind == domain.PasskeyFactor {
		return v.words.Factors.Passkey
	}
	return v.words.Factors.Code
}
