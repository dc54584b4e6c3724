package rest

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// signInRoutes lists the routes of what environments ask of sign-ins.
func (s *Surface) signInRoutes(r fiber.Router) {
	const path = "/rest/environments/:id/signin"
	e := s.uses.Environments
	r.Get(path, httpx.Handle(s.auth, bare(decodePlace), e.SignInRules, encode(s, writeSignInRules)))
	r.Put(path, httpx.Handle(s.auth, bare(decodeSignInRules), e.UpdateSignInRules, encode(s, writeSignInRules)))
	r.Post(path+"/preview",
		httpx.Handle(s.auth, bare(decodeSignInRules), s.previewSignInRules, encode(s, writeRulesPreview)))
	r.Get("/rest/environments/:id/strength",
		httpx.Handle(s.auth, bare(decodePlace), s.uses.Overviews.Strength, encode(s, writeStrength)))
}

// A rulesPreview is what rules would be, what should be known before, and whom they would keep out, if the caller may
// count people there.
type rulesPreview struct {
	directory.SignInRulesDocument
	warnings  []directory.PreviewWarning
	lockedOut directory.LockedOutDocument
	counted   bool
}

func (s *Surface) previewSignInRules(ctx context.Context, caller domain.Principal,
	in directory.SignInRulesPatch) (p rulesPreview, err error) {
	if p.SignInRulesDocument, err = s.uses.Environments.PreviewSignInRules(ctx, caller, in); err != nil {
		return p, err
	}
	preview, err := s.uses.Previews.Run(ctx, caller, func(ctx context.Context) error {
		_, err := s.uses.Environments.UpdateSignInRules(ctx, caller, in)
		return err
	})
	if err != nil {
		return p, err
	}
	p.warnings = preview.Warnings
	p.lockedOut, err = s.uses.Overviews.LockedOut(ctx, caller, in.Environment, p.All)
	if domain.ErrForbidden.Is(err) {
		return p, nil
	}
	p.counted = err == nil
	return p, err
}

// decodeSignInRules reads what an environment is to ask. Ages are in seconds.
func decodeSignInRules(c *fiber.Ctx) (in directory.SignInRulesPatch, err error) {
	if in.Environment, err = decodePlace(c); err != nil {
		return in, err
	}
	f := body(c, "minPassword", "minPasswordWithFactor", "minSetPassword", "passwordDays", "people", "admins", "above",
		"proofAge", "grace", "programsExempt", "onlyProvider", "breakGlass")
	in.MinPassword, in.MinPasswordWithFactor = lengthIf(f, "minPassword"), lengthIf(f, "minPasswordWithFactor")
	in.MinSetPassword, in.PasswordDays = lengthIf(f, "minSetPassword"), lengthIf(f, "passwordDays")
	for key, to := range map[string]**domain.Proof{"people": &in.People, "admins": &in.Admins, "above": &in.Above} {
		*to = parseIf(f, key, func(text string) (domain.Proof, error) { return domain.ParseProof(key, text) })
	}
	if seconds := lengthIf(f, "proofAge"); seconds != nil {
		age := time.Duration(*seconds) * time.Second
		in.ProofAge = &age
	}
	if in.Grace = parseIf(f, "grace", parseTime); in.Grace != nil && in.Grace.UnixMilli() == 0 {
		in.Grace = &time.Time{}
	}
	in.ProgramsExempt, in.OnlyProvider = f.flagIf("programsExempt"), f.flagIf("onlyProvider")
	in.BreakGlass = breakGlassIf(f)
	return in, f.Err
}

// breakGlassIf returns the accounts that are to be left out, by login name or number, nil if nothing is said.
func breakGlassIf(f fields) *[]domain.UserRef {
	names := refs[string](f, "breakGlass", "userid")
	if names == nil {
		return nil
	}
	users := make([]domain.UserRef, len(*names))
	for i, name := range *names {
		if id, ok := domain.ParseID[domain.UserID](name); ok {
			users[i].ID = id
		} else {
			users[i].Alias = name
		}
	}
	return &users
}

// maxAmount bounds what lengthIf reads: more than any rule allows, in seconds too.
const maxAmount = 1 << 31

// lengthIf returns a member that is a length, an age or a number of days; nil if there is none. What rules do not
// allow is theirs to say.
func lengthIf(f fields, key string) *int {
	n := f.numberIf(key)
	if n == nil {
		return nil
	}
	if *n < 0 || *n > maxAmount {
		f.fail(key, "a number that is not below 0, and smaller")
	}
	length := int(*n)
	return &length
}

func writeSignInRules(w *httpx.Writer, key string, d *directory.SignInRulesDocument) {
	w.Open(key, '{')
	writeRulesOf(w, d)
	w.Close('}')
}

func writeRulesOf(w *httpx.Writer, d *directory.SignInRulesDocument) {
	writePlace(w, "environment", &d.Environment)
	w.Flag("fromAbove", d.Own.FromAbove > 0)
	writeRules(w, "own", &d.Own)
	writeRules(w, "all", &d.All)
}

func writeRulesPreview(w *httpx.Writer, key string, p *rulesPreview) {
	w.Open(key, '{')
	writeRulesOf(w, &p.SignInRulesDocument)
	writeWarnings(w, p.warnings)
	if !p.counted {
		w.Null("lockedOut")
	} else {
		w.Open("lockedOut", '[')
		for i := range p.lockedOut.ByRole {
			l := &p.lockedOut.ByRole[i]
			w.Open("", '{')
			w.Text("role", l.Role.String())
			w.Text("demand", l.Demand.String())
			writeTally(w, "people", &l.People)
			writeTally(w, "programs", &l.Programs)
			w.Close('}')
		}
		w.Close(']')
	}
	if out := p.lockedOut.NotLinked; !p.counted || out == nil {
		w.Null("notLinked")
	} else {
		w.Open("notLinked", '{')
		writeTally(w, "people", &out.People)
		writeTally(w, "programs", &out.Programs)
		w.Close('}')
	}
	w.Close('}')
}

func writeStrength(w *httpx.Writer, key string, d *directory.StrengthDocument) {
	w.Open(key, '{')
	writePlace(w, "environment", &d.Environment)
	w.Open("people", '{')
	writeTally(w, domain.ByPasskey.String(), &d.Passkey)
	writeTally(w, domain.ByCode.String(), &d.Code)
	writeTally(w, domain.ByPassword.String(), &d.Password)
	w.Close('}')
	writeTally(w, "unverified", &d.Unverified)
	writeTally(w, "programs", &d.Programs)
	writeTally(w, "oldKeys", &d.Old)
	writeTally(w, "emergency", &d.Emergency)
	writePlaces(w, "unguarded", d.Unguarded)
	w.Flag("moreUnguarded", d.MoreUnguarded)
	w.Close('}')
}

func writeRules(w *httpx.Writer, key string, r *domain.SignInRules) {
	w.Open(key, '{')
	w.Number("minPassword", int64(r.MinPassword))
	w.Number("minPasswordWithFactor", int64(r.MinPasswordWithFactor))
	w.Number("minSetPassword", int64(r.MinSetPassword))
	w.Number("passwordDays", int64(r.PasswordDays))
	w.Text("people", r.People.String())
	w.Text("admins", r.Admins.String())
	w.Text("above", r.Above.String())
	w.Number("proofAge", int64(r.ProofAge/time.Second))
	writeMillis(w, "grace", r.Grace)
	w.Flag("programsExempt", r.ProgramsExempt)
	w.Flag("onlyProvider", r.OnlyProvider)
	w.Open("breakGlass", '[')
	for _, u := range r.BreakGlass.Users() {
		w.Number("", int64(u))
	}
	w.Close(']')
	w.Close('}')
}
