package rest

import (
	"bytes"
	"mime"

	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/transfer/document"
	"canopy/domain"
)

// decodeImport reads a file of people and environments from the body: a table, or a directory document.
func decodeImport(c *fiber.Ctx) (in directory.ImportUsers, err error) {
	p, err := decodePlan(func(*fiber.Ctx) (httpx.Just, error) { return httpx.Just{}, nil }, nil)(c)
	if err != nil {
		return in, err
	}
	switch kind, _, _ := mime.ParseMediaType(httpx.Header(c, fiber.HeaderContentType)); kind {
	case "text/csv", fiber.MIMEApplicationJSON:
	default:
		return in, domain.ErrInvalid.Saying("The body must be a table or a directory document, with Content-Type: %s or %s.",
			"text/csv", fiber.MIMEApplicationJSON)
	}
	in, _, err = document.People(bytes.Clone(c.Context().PostBody()))
	in.DryRun, in.Plan = p.dryRun, p.hash
	return in, err
}

// planner makes the handler of what reads dryRun and If-Plan itself.
func planner(handle fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Locals(plannedKey{}, true)
		return handle(c)
	}
}

func writeImport(w *httpx.Writer, key string, r *directory.ImportReport) {
	w.Open(key, '{')
	w.Number("created", int64(r.Created))
	w.Number("updated", int64(r.Updated))
	w.Number("unchanged", int64(r.Unchanged))
	w.Open("environments", '{')
	w.Number("created", int64(r.Environments.Created))
	w.Number("updated", int64(r.Environments.Updated))
	w.Number("unchanged", int64(r.Environments.Unchanged))
	w.Close('}')
	w.Open("lines", '[')
	for i := range r.Lines {
		line := &r.Lines[i]
		w.Open("", '{')
		w.Number("line", int64(line.Line))
		w.Text("kind", line.Target.Kind)
		w.Text("alias", line.Target.Name)
		w.Flag("created", line.Created)
		writeChanges(w, line.Changes, line.Named)
		w.Close('}')
	}
	w.Close(']')
	w.Open("problems", '[')
	for _, p := range r.Problems {
		w.Open("", '{')
		w.Number("line", int64(p.Line))
		w.TextOrNull("field", document.Field(p.Err.Field))
		w.Text("error", p.Err.Public)
		w.Close('}')
	}
	w.Close(']')
	if r.Preview != nil {
		writePreview(w, "preview", r.Preview)
	}
	w.Close('}')
}
