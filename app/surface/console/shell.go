package console

import (
	"strconv"

	"github.com/a-h/templ"

	"canopy/domain"
)

// htmxConfig keeps htmx from adding styles, running text as code, asking other servers, and keeping pages of
// other people in the browser after they are left.
const htmxConfig = `{"includeIndicatorStyles":false,"allowEval":false,"selfRequestsOnly":true,` +
	`"historyCacheSize":0,"refreshOnHistoryMiss":true}`

// The areas of the navigation.
const (
	areaHome   = "home"
	areaPeople = "people"
	areaTree   = "tree"
	areaGroups = "groups"
	areaWhy    = "why"
	areaAudit  = "audit"
	areaImport = "import"
	areaMe     = "me"
)

// area is a part of the console.
type area struct{ name, page, text string }

// areas returns the parts that the caller can use.
func (v *visit) areas() []area {
	w := &v.words.Shell
	all := []struct {
		area
		offered bool
	}{
		{area{areaHome, homePage, w.Home}, v.can(domain.UserRead)},
		{area{areaTree, "tree", w.Tree}, v.can(domain.EnvironmentRead)},
		{area{areaPeople, "people", w.People}, v.can(domain.UserRead)},
		{area{areaGroups, "groups", w.Groups}, v.can(domain.GroupRead)},
		{area{areaWhy, "why", w.Why}, v.can(domain.UserRead)},
		{area{areaAudit, "audit", w.Audit}, v.can(domain.AuditRead)},
		{area{areaImport, "import", w.Import}, v.can(domain.UserCreate)},
	}
	var offered []area
	for _, a := range all {
		if a.offered {
			offered = append(offered, a.area)
		}
	}
	return offered
}

// titled returns the title of a page, which says first that there is a mistake: it is what a screen reader
// reads first.
func (v *visit) titled(title string) string {
	if v.wrong != nil {
		return fill(v.words.Error, "title", title)
	}
	return title
}

// title is that of the page to sign in.
func (p *signIn) title(v *view) string {
	if p.problem+p.wrong+p.againWrong != "" {
		return fill(v.words.Error, "title", v.words.SignIn.Title)
	}
	return v.words.SignIn.Title
}

// saids are what a page says was done, by how its address names it.
var saids = map[string]func(*words) string{
	"saved":   func(w *words) string { return w.Said.Saved },
	"made":    func(w *words) string { return w.Said.Made },
	"deleted": func(w *words) string { return w.Said.Deleted },
	"ended":   func(w *words) string { return w.Said.Ended },
	"sent":    func(w *words) string { return w.Said.Sent },
	"undone":  func(w *words) string { return w.Said.Undone },
	"mail":    func(w *words) string { return w.Me.MailSent },

	"proved":   func(w *words) string { return w.Providers.Proved },
	"linked":   func(w *words) string { return w.Providers.Linked },
	"imported": func(w *words) string { return w.Import.Done },
}

// said returns what was done before the page was shown; empty for nothing.
func (v *visit) said() string {
	if v.query("said") == "bulk" {
		if n, err := strconv.ParseInt(v.query("n"), 10, 64); err == nil {
			return v.counted(v.words.Said.Bulk, n)
		}
	}
	if text := saids[v.query("said")]; text != nil {
		return text(v.words)
	}
	return ""
}

// hasField reports whether a form that was sent had a field.
func hasField(v *visit, name string) bool {
	_, there := v.form[name]
	return there
}

func (f *field) inputKind() string {
	if f.kind == "" {
		return "text"
	}
	return f.kind
}

// attributes are those that say what describes a field, and whether it is wrong.
func (f *field) attributes(v *visit) templ.OrderedAttributes {
	var all templ.OrderedAttributes
	problem := v.mistake(f.name)
	if ids := described(f.name, f.hint, problem); ids != "" {
		all = append(all, templ.KeyValue[string, any]{Key: "aria-describedby", Value: ids})
	}
	if problem != "" {
		all = append(all, templ.KeyValue[string, any]{Key: "aria-invalid", Value: "true"})
	}
	return all
}
