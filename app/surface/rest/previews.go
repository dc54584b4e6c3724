package rest

import (
	"context"
	"slices"

	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// A change that moves access is previewed by the parameter, and carried out as previewed by the header.
const (
	paramDryRun = "dryRun"
	headerPlan  = "If-Plan"
)

// plan is what is asked of such a change.
type plan[In any] struct {
	in     In
	dryRun bool
	hash   string // empty is to carry it out whatever it does
}

// result is what came of it.
type result[Out any] struct {
	out     Out
	preview *directory.PreviewDocument // nil if it was carried out
}

// TakeOutcome is what httpx.Handle gives what a use case concluded.
func (r *result[Out]) TakeOutcome(outcome any) bool {
	if outcome == nil {
		return true
	}
	var ok bool
	r.out, ok = outcome.(Out)
	return ok
}

// AsksForProof is what httpx.Handle asks users.
func (r *result[Out]) AsksForProof() bool {
	user, ok := any(&r.out).(interface{ AsksForProof() bool })
	return ok && r.preview == nil && user.AsksForProof()
}

// planned makes the handler of a change that moves access, whose address may have these parameters.
func planned[In, Out any](s *Surface, decode func(*fiber.Ctx) (In, error),
	run func(context.Context, domain.Principal, In) (Out, error), encodeOut func(*fiber.Ctx, Out) error,
	parameters ...string) fiber.Handler {
	show := encode(s, writePreview)
	handle := httpx.Handle(s.auth, decodePlan(decode, parameters),
		func(ctx context.Context, caller domain.Principal, p plan[In]) (r result[Out], err error) {
			change := func(ctx context.Context) (err error) {
				r.out, err = run(ctx, caller, p.in)
				return err
			}
			switch {
			case p.dryRun:
				preview, err := s.uses.Previews.Run(ctx, caller, change)
				return result[Out]{preview: &preview}, err
			case p.hash != "":
				return r, s.uses.Previews.CarryOut(ctx, caller, p.hash, change)
			}
			return r, change(ctx)
		},
		func(c *fiber.Ctx, r result[Out]) error {
			if r.preview != nil {
				return show(c, *r.preview)
			}
			return encodeOut(c, r.out)
		})
	return func(c *fiber.Ctx) error {
		c.Locals(plannedKey{}, true)
		return handle(c)
	}
}

type plannedKey struct{}

// onlyPlanned finds the principal as auth does. It refuses to preview or carry out by a plan where that is
// not known: the change would be made as if nothing had been said.
func onlyPlanned(auth httpx.Auth) httpx.Auth {
	return func(c *fiber.Ctx) (domain.Principal, error) {
		caller, err := auth(c)
		switch {
		case err != nil || c.Locals(plannedKey{}) != nil:
		case httpx.HasQuery(c, paramDryRun):
			err = httpx.UnknownParameter(paramDryRun)
		case httpx.Header(c, headerPlan) != "":
			err = domain.InvalidField("plan", "There is no preview of this; leave the header out.")
		}
		return caller, err
	}
}

func decodePlan[In any](decode func(*fiber.Ctx) (In, error), parameters []string) func(
	*fiber.Ctx) (plan[In], error) {
	return func(c *fiber.Ctx) (p plan[In], err error) {
		if err = httpx.RefuseUnknown(c, append(slices.Clip(parameters), paramDryRun)...); err != nil {
			return p, err
		}
		if httpx.HasQuery(c, paramDryRun) {
			dry, err := httpx.QueryFlag(c, paramDryRun)
			if err != nil {
				return p, err
			}
			if dry == nil {
				return p, domain.InvalidField(paramDryRun, "Give one of true and false.")
			}
			p.dryRun = *dry
		}
		p.hash = httpx.Header(c, headerPlan)
		switch {
		case p.hash != "" && p.dryRun:
			return p, domain.InvalidField("plan", "Send it with the change itself, not with a preview.")
		case p.hash == "" && httpx.HasHeader(c, headerPlan):
			return p, domain.InvalidField("plan", "Give the hash of a preview.")
		}
		p.in, err = decode(c)
		return p, err
	}
}

func writePreview(w *httpx.Writer, key string, d *directory.PreviewDocument) {
	w.Open(key, '{')
	w.Text("hash", d.Hash)
	w.Number("people", int64(d.Affected))
	w.Number("gaining", int64(d.Gaining))
	w.Number("losing", int64(d.Losing))
	w.Number("sessionsEnding", d.SessionsEnding)
	w.Flag("leftOut", d.LeftOut)
	writeCounts(w, "gains", d.Gains)
	writeCounts(w, "losses", d.Losses)
	w.Number("morePlaces", int64(d.MorePlaces))
	w.Open("who", '[')
	for i := range d.People {
		writePreviewPerson(w, &d.People[i])
	}
	w.Close(']')
	writeWarnings(w, d.Warnings)
	w.Open("changes", '[')
	for i := range d.Changes {
		e := &d.Changes[i]
		w.Open("", '{')
		w.Text("action", e.Action)
		w.Open("target", '{')
		w.Text("kind", e.Target.Kind)
		writeNumber(w, "id", e.Target.ID)
		w.Text("name", e.Target.Name)
		w.Close('}')
		writeChanges(w, e.Changes, nil)
		w.Close('}')
	}
	w.Close(']')
	w.Close('}')
}

func writeWarnings(w *httpx.Writer, warnings []directory.PreviewWarning) {
	w.Open("warnings", '[')
	for _, warning := range warnings {
		w.Open("", '{')
		w.Text("code", string(warning.Code))
		w.Text("text", warning.Code.Sentence())
		writePreviewEnvironment(w, warning.Environment)
		w.Close('}')
	}
	w.Close(']')
}

func writeCounts(w *httpx.Writer, key string, counts []directory.PreviewCount) {
	w.Open(key, '[')
	for _, n := range counts {
		w.Open("", '{')
		w.Text("permission", n.Permission.String())
		writePreviewPlace(w, n.PreviewPlace)
		w.Number("people", int64(n.People))
		w.Close('}')
	}
	w.Close(']')
}

// writePreviewPlace writes where something is.
func writePreviewPlace(w *httpx.Writer, p directory.PreviewPlace) {
	writePreviewEnvironment(w, p.Environment)
	if p.Environment != nil {
		w.Text("extent", p.Extent.String())
	}
}

// writePreviewEnvironment writes which environment is meant: none for the own account, and for the change itself.
func writePreviewEnvironment(w *httpx.Writer, e *directory.EnvironmentDocument) {
	if e == nil {
		w.Null("envId")
		w.Null("path")
		return
	}
	writeNumber(w, "envId", int64(e.ID))
	w.Text("path", e.ShownPath)
}

// writeNumber writes the number of what has one.
func writeNumber(w *httpx.Writer, key string, n int64) {
	if n == 0 {
		w.Null(key)
		return
	}
	w.Number(key, n)
}

func writePreviewPerson(w *httpx.Writer, p *directory.PreviewPerson) {
	w.Open("", '{')
	writeNumber(w, "userid", int64(p.User.ID))
	w.Text("alias", p.User.Alias)
	w.Text("firstname", p.User.Person.FirstName)
	w.Text("lastname", p.User.Person.LastName)
	w.Open("access", '[')
	for _, part := range p.Parts {
		w.Open("", '{')
		writePreviewPlace(w, part.PreviewPlace)
		writeTexts(w, "gains", part.Gained.Permissions())
		writeTexts(w, "loses", part.Lost.Permissions())
		w.Close('}')
	}
	w.Close(']')
	w.Number("moreAccess", int64(p.MoreParts))
	w.Close('}')
}
