package console

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"io"
	"strconv"

	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"canopy/app/directory"
	"canopy/app/httpx"
	table "canopy/app/transfer/document"
	"canopy/domain"
)

// importRoutes lists the pages by which people and places of a file are brought in.
func (s *Surface) importRoutes(r fiber.Router) {
	r.Get(Base+"/"+importPage, s.on(s.showImport))
	r.Post(Base+"/"+importPage, s.on(s.tryImport))
	r.Post(Base+"/import-run", s.on(s.runImport))
	r.Get(Base+"/import-progress", s.on(s.showProgress))
	r.Get(Base+"/export", s.on(s.exportPeople))
}

const importPage = "import"

// linesShown bounds the lines of a file that a page shows; all are counted.
const linesShown = 200

func (s *Surface) showImport(_ context.Context, v *visit) (answer, error) {
	if !v.can(domain.UserCreate, domain.UserUpdate) {
		return answer{}, domain.ErrForbidden
	}
	return shown(importPageOf(v))
}

// A plannedImport is a file that was tried, and what it would do. The file goes along with the page and comes back
// with the button that carries it out, so that no server keeps it, and another one may answer.
type plannedImport struct {
	report     directory.ImportReport
	passedOver int
	text       string // the file, packed
	work       string // what carrying it out is called by who waits for it
}

// places is how many places the file makes or changes.
func (p *plannedImport) places() int64 {
	return int64(p.report.Environments.Created + p.report.Environments.Updated)
}

// button says what the button carries out.
func (p *plannedImport) button(v *visit) plural {
	if p.places() > 0 {
		return v.words.Import.RunLines
	}
	return v.words.Import.Run
}

// tryImport shows what a file would do.
func (s *Surface) tryImport(ctx context.Context, v *visit) (answer, error) {
	text := v.files["file"]
	if len(text) == 0 {
		return v.mend(domain.InvalidField("file", "Choose a file."), func() templ.Component { return importPageOf(v) })
	}
	p, err := s.planImport(ctx, v, text)
	if err != nil {
		return v.mend(err, func() templ.Component { return importPageOf(v) })
	}
	return shown(importPlanPage(v, p))
}

func (s *Surface) planImport(ctx context.Context, v *visit, text []byte) (*plannedImport, error) {
	in, passedOver, err := table.People(text)
	if err != nil {
		return nil, err
	}
	p := &plannedImport{passedOver: passedOver, work: workName()}
	in.DryRun = true
	if p.report, err = s.uses.Imports.Run(ctx, v.caller, in); err != nil {
		return nil, err
	}
	p.text, err = packed(text)
	return p, err
}

// runImport carries out what was shown. If that would do something else by now, it is shown anew.
func (s *Surface) runImport(ctx context.Context, v *visit) (answer, error) {
	text, err := unpacked(v.form["text"], s.config.MaxBody)
	if err != nil {
		return answer{}, err
	}
	in, _, err := table.People(text)
	if err != nil {
		return answer{}, err
	}
	tell, end := s.progress.begin(v, v.form["work"])
	defer end()
	in.Plan, in.Progress = v.form["plan"], tell
	report, err := s.uses.Imports.Run(ctx, v.caller, in)
	switch {
	case domain.ErrPlanChanged.Is(err) || domain.ErrChanged.Is(err) || directory.ErrImport.Is(err):
		p, failed := s.planImport(ctx, v, text)
		if failed != nil {
			return answer{}, failed
		}
		return v.mend(err, func() templ.Component { return importPlanPage(v, p) })
	case err != nil:
		return answer{}, err
	}
	return went(at(importPage, "created", strconv.Itoa(report.Created), "updated", strconv.Itoa(report.Updated),
		"places", filled(report.Environments.Created+report.Environments.Updated)),
		"imported")
}

// exportPeople sends everybody whom the list of people with that address has as a table, in its order.
func (s *Surface) exportPeople(ctx context.Context, v *visit) (answer, error) {
	in, err := v.readPeople()
	if err != nil {
		return answer{}, err
	}
	in.Homes = true
	list, err := s.uses.Users.List(ctx, v.caller, in)
	if err != nil {
		return answer{}, err
	}
	return answer{file: func(c *fiber.Ctx) error {
		return httpx.Table(c, "people.csv", table.UserColumns(), list.Items, table.UserRows)
	}}, nil
}

// packed returns a file as a field of a form carries it without growing.
func packed(text []byte) (string, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(text); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b.Bytes()), nil
}

// errPacked refuses what packed did not make.
var errPacked = domain.InvalidField("text", "Choose the file again.")

// unpacked undoes packed for a file of at most that many bytes, so that little text does not become much.
func unpacked(field string, most int) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(field)
	if err != nil {
		return nil, errPacked
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, errPacked
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
	if err != nil || len(text) > most {
		return nil, errPacked
	}
	return text, nil
}

// imported returns how many people the import made or changed that the page tells of.
func (v *visit) imported(what string) int64 {
	n, _ := strconv.ParseInt(v.query(what), 10, 32)
	return n
}

// filled writes a number, and nothing for none.
func filled(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// lineKind says what a line is about.
func (v *visit) lineKind(line *directory.ImportLine) string {
	if line.Target.Kind == "environment" {
		return v.words.Import.Place
	}
	return v.words.Import.Person
}

// lineChanges are the changes of a line in words.
func (v *visit) lineChanges(line *directory.ImportLine) []shownChange {
	return v.auditChanges(&line.AuditDocument)
}

// columnOf returns what tables call a field.
func columnOf(field string) string { return table.Field(field) }
