package sharddb

import (
	"context"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Watch keeps one of each kind of statement that connections send which it traces. It is safe for
// concurrent use.
type Watch struct {
	// Whose returns for whom a statement is sent; nil is for nobody in particular.
	Whose func(context.Context) string

	mu   sync.Mutex
	seen map[kind]Statement
}

// kind is what tells statements apart: their texts without the values, who asked, and where from.
type kind struct{ shape, whose, place string }

// Statement is one statement of its kind, with the values that it was sent with.
type Statement struct {
	Text string
	Args []any
	// Whose is for whom it was sent.
	Whose string
	// Place is the function of the stores that sent it, such as UserStore.Get.
	Place string
	// Shape is the text without the values.
	Shape string
}

// TraceQueryStart implements pgx.QueryTracer.
func (w *Watch) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !explainable.MatchString(data.SQL) {
		return ctx
	}
	s := Statement{Text: data.SQL, Place: place(), Shape: shape(data.SQL)}
	for _, arg := range data.Args {
		switch arg.(type) {
		case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID: // say how, not what
		default:
			s.Args = append(s.Args, arg)
		}
	}
	if w.Whose != nil {
		s.Whose = w.Whose(ctx)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = make(map[kind]Statement)
	}
	if k := (kind{s.Shape, s.Whose, s.Place}); w.seen[k].Text == "" {
		w.seen[k] = s
	}
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (w *Watch) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Statements returns what was seen.
func (w *Watch) Statements() []Statement {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]Statement, 0, len(w.seen))
	for _, s := range w.seen {
		all = append(all, s)
	}
	return all
}

// Forget has the watch begin anew.
func (w *Watch) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.seen)
}

// explainable matches the statements that have a plan.
var explainable = regexp.MustCompile(`(?i)^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b`)

var (
	literal = regexp.MustCompile(`'(?:[^']|'')*'|\b\d+\b|\$\d+|\b(?:TRUE|FALSE)\b`)
	list    = regexp.MustCompile(`\?(?:, \?)+`)
	tuples  = regexp.MustCompile(`\(\?(?:\+)?\)(?:, \(\?(?:\+)?\))+`)
)

// shape returns a statement without its values. One value and several are told apart, how many are not.
func shape(text string) string {
	text = literal.ReplaceAllString(text, "?")
	text = list.ReplaceAllString(text, "?+")
	return tuples.ReplaceAllString(text, "(?+), ...")
}

var (
	inner = regexp.MustCompile(`\([^()]*\)`)
	about = regexp.MustCompile(`\b(?:FROM|INTO|UPDATE)\s+"?([a-z_]+)`)
)

// Table returns the first table of the statement that is in no subselect, empty if all are.
func (s *Statement) Table() string {
	text := literal.ReplaceAllString(s.Text, "?")
	for inner.MatchString(text) {
		text = inner.ReplaceAllString(text, "")
	}
	if found := about.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return "-"
}

var organization = regexp.MustCompile(`organization_id"? (?:= (\d+)\b|IN \(([\d, ]+)\))`)

// Organizations returns the organizations that the statement names, and its numbers beside the text.
func (s *Statement) Organizations() []string {
	var all []string
	for _, found := range organization.FindAllStringSubmatch(s.Text, -1) {
		all = append(all, strings.Split(found[1]+found[2], ", ")...)
	}
	for _, arg := range s.Args {
		if n, is := arg.(int64); is && n < 1000 {
			all = append(all, strconv.FormatInt(n, 10))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

const stores = "canopy/persistence."

// place returns the outermost function of the stores, without a break, below which a statement is sent.
func place() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	found := ""
	for {
		frame, more := frames.Next()
		if name, ours := strings.CutPrefix(frame.Function, stores); ours {
			found = name
		} else if found != "" && !strings.HasPrefix(frame.Function, "canopy/persistence/db.") {
			break
		}
		if !more {
			break
		}
	}
	found = strings.NewReplacer("(*", "", ")", "").Replace(found)
	if i := strings.Index(found, ".func"); i >= 0 {
		found = found[:i]
	}
	return found
}
