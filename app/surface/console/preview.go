package console

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"canopy/app/directory"
	"canopy/domain"
)

// A plan is a change of who may do what that is shown before it is made. Its form is sent to action; so are
// the forms of the preview.
type plan struct {
	area, title string
	way         []crumb
	action      string
	button      string // the text of the button that makes the change
	bad         bool   // it cannot be undone
	// form is the page with the form, as it was sent.
	form func() templ.Component
	// change is asked for with the values of the form, and done once it is made.
	change func(context.Context) error
	done   func() (answer, error)
}

// The fields by which the forms of a preview say what is wanted.
const (
	planField = "plan" // the hash of what was shown: make the change
	stepField = "step"
	stepEdit  = "edit" // go back to the form
)

// planned answers the form of a change that is previewed: with the page of what it would do, then with
// having made it; with the form again for a mistake, and for who goes back to it.
func (s *Surface) planned(ctx context.Context, v *visit, p plan) (answer, error) {
	if v.form[stepField] == stepEdit {
		return shown(p.form())
	}
	moved := false
	if hash := v.form[planField]; hash != "" {
		err := s.uses.Previews.CarryOut(ctx, v.caller, hash, p.change)
		if moved = domain.ErrPlanChanged.Is(err); !moved {
			if err != nil {
				return v.mend(err, p.form)
			}
			return p.done()
		}
	}
	d, err := s.uses.Previews.Run(ctx, v.caller, p.change)
	if err != nil {
		return v.mend(err, p.form)
	}
	return answer{page: previewPage(v, &p, &d, moved)}, nil
}

// warnWithin is how long it is looked for what should be known of a change.
const warnWithin = 2 * time.Second

// warned makes a change that is shown before only where something should be known: then it reports that, and the page
// with the form is to say so and to send plan along. Previews of others keep nobody from the change: where there is no
// turn for one it is made at once.
func (s *Surface) warned(ctx context.Context, v *visit, change func(context.Context) error) (bool, error) {
	if hash := v.form[planField]; hash != "" {
		if err := s.uses.Previews.CarryOut(ctx, v.caller, hash, change); !domain.ErrPlanChanged.Is(err) {
			return false, err
		}
	}
	looking, cancel := context.WithTimeout(domain.WithOnce(ctx, nil), warnWithin) // the form is for the change itself
	defer cancel()
	d, err := s.uses.Previews.Run(looking, v.caller, change)
	if err != nil {
		if kind := domain.AsError(err).Kind; kind == domain.TooMany || kind == domain.Unavailable {
			return false, change(ctx)
		}
		return false, err
	}
	if len(d.Warnings) == 0 {
		return false, change(ctx)
	}
	v.warnings, v.plan = d.Warnings, d.Hash
	return true, nil
}

// carried are the fields of a form that go along with what is wanted of it, in the order of their names.
func (v *visit) carried() []option {
	var all []option
	for _, name := range slices.Sorted(maps.Keys(v.form)) {
		if name != planField && name != stepField && !slices.Contains(tokenFields, name) {
			all = append(all, option{name, v.form[name]})
		}
	}
	return all
}

// entriesShown is up to how many things a preview shows before and after; of more it only counts what that does.
const entriesShown = 5

// previewLines are what a preview says of everybody together.
func (v *visit) previewLines(d *directory.PreviewDocument) []string {
	w := &v.words.Preview
	var lines []string
	if d.Affected == 0 {
		lines = append(lines, w.Nobody)
	}
	if d.Gaining > 0 {
		lines = append(lines, v.counted(w.Gaining, int64(d.Gaining)))
	}
	if d.Losing > 0 {
		lines = append(lines, v.counted(w.Losing, int64(d.Losing)))
	}
	if d.SessionsEnding > 0 {
		lines = append(lines, v.counted(w.Sessions, d.SessionsEnding))
	}
	return lines
}

// warning says what should be known before a change is made.
func (v *visit) warning(w *directory.PreviewWarning) string {
	texts := &v.words.Preview.Warnings
	switch w.Code {
	case domain.WarnNoAdmin:
		if w.Environment != nil {
			return fill(texts.NoAdminOf, "place", w.Environment.ShownPath)
		}
		return texts.NoAdmin
	case domain.WarnSuperUsersOnly:
		return texts.SuperUsersOnly
	case domain.WarnNotByYou:
		return texts.NotByYou
	case domain.WarnEmergency:
		return texts.Emergency
	}
	return texts.ForGood
}

// where says at which place somebody gains or loses something.
func (v *visit) where(p *directory.PreviewPlace) string {
	w := &v.words.Preview
	if p.Environment == nil {
		return w.Own
	}
	text := w.Whole
	switch p.Extent {
	case domain.ExtentAlone:
		text = w.Alone
	case domain.ExtentBelow:
		text = w.Below
	case domain.ExtentWithin:
		text = w.Within
	}
	return fill(text, "place", p.Environment.ShownPath)
}

// A previewRow is what people gain and lose at a place, each permission with how many they are.
type previewRow struct {
	where        string
	gained, lost []string
}

// previewRows are the counts of a preview by place.
func (v *visit) previewRows(d *directory.PreviewDocument) []*previewRow {
	var all []*previewRow
	at := make(map[string]*previewRow)
	row := func(n *directory.PreviewCount) *previewRow {
		where := v.where(&n.PreviewPlace)
		if at[where] == nil {
			at[where] = &previewRow{where: where}
			all = append(all, at[where])
		}
		return at[where]
	}
	text := func(n *directory.PreviewCount) string {
		return fill(fill(v.words.Preview.Count, "permission", v.permission(n.Permission)), "n", v.number(int64(n.People)))
	}
	for i := range d.Gains {
		r := row(&d.Gains[i])
		r.gained = append(r.gained, text(&d.Gains[i]))
	}
	for i := range d.Losses {
		r := row(&d.Losses[i])
		r.lost = append(r.lost, text(&d.Losses[i]))
	}
	return all
}

// permissions returns what the permissions of a mask are called.
func (v *view) permissions(m domain.Mask) []string {
	var names []string
	for _, p := range domain.Catalogue {
		if m.Has(p.Permission) {
			names = append(names, v.permission(p.Permission))
		}
	}
	return names
}

// fullName returns what somebody is called, or else their login name.
func fullName(u *domain.User) string {
	if name := strings.TrimSpace(u.Person.FirstName + " " + u.Person.LastName); name != "" {
		return name
	}
	return u.Alias
}

// numberOf writes the number of something as addresses name it.
func numberOf[T ~int64](id T) string { return strconv.FormatInt(int64(id), 10) }
