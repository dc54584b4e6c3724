package db

import (
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"canopy/tenancy"
)

// Predicate is a condition with the values for its marks. The zero one always holds. Whatever it
// was made of, it is put into a statement as one term, by text: an OR in it cannot let what stands
// beside it pass.
type Predicate struct {
	Raw  string
	Args []any
}

// Where returns the condition text with the values for its marks.
func Where(text string, args ...any) Predicate { return Predicate{text, args} }

// Text returns the condition as one term.
func (p Predicate) Text() string {
	if p.Raw == "" {
		return "(1 = 1)"
	}
	return "(" + p.Raw + ")"
}

// Further returns the condition with an AND before it, nothing if it always holds.
func (p Predicate) Further() string {
	if p.Raw == "" {
		return ""
	}
	return " AND " + p.Text()
}

// Narrow keeps a query to what meets the condition: q.Apply(p.Narrow).
func (p Predicate) Narrow(q *bun.SelectQuery) *bun.SelectQuery {
	if p.Raw == "" {
		return q
	}
	return q.Where(p.Text(), p.Args...)
}

// And returns the condition that both hold.
func (p Predicate) And(text string, args ...any) Predicate {
	return p.Also(Predicate{text, args})
}

// Also returns the condition that both hold.
func (p Predicate) Also(q Predicate) Predicate { return AllOf(p, q) }

// AllOf returns the condition that all of them hold.
func AllOf(ps ...Predicate) Predicate {
	return join(" AND ", slices.DeleteFunc(ps, func(p Predicate) bool { return p.Raw == "" }))
}

// AnyOf returns the condition that one of them holds, of which there is at least one.
func AnyOf(ps ...Predicate) Predicate { return join(" OR ", ps) }

func join(by string, ps []Predicate) Predicate {
	if len(ps) == 0 {
		return Predicate{}
	}
	if len(ps) == 1 {
		return ps[0]
	}
	var joined Predicate
	var text strings.Builder
	for i, p := range ps {
		text.WriteString(either(i > 0, by, ""))
		text.WriteString(p.Text())
		joined.Args = append(joined.Args, p.Args...)
	}
	joined.Raw = text.String()
	return joined
}

// Placed returns the condition that a row lies in sc, for a table whose column path holds
// the place. A scope that is only the principal's own account has no places.
func Placed(sc tenancy.Scope, path, organization string) Predicate {
	text, args := InOrganization(sc, organization)
	in := InRanges(sc.Ranges(), path)
	return Predicate{text + in.Text(), append(args, in.Args...)}
}

// InOrganization returns the condition, with an AND behind it, that keeps a statement to
// the one organization sc lies in; nothing if it may span several.
func InOrganization(sc tenancy.Scope, column string) (text string, args []any) {
	if o, only := sc.Organization(); only {
		return column + " = ? AND ", []any{int64(o)}
	}
	return "", nil
}

// Account returns the condition that a row of users lies in sc.
func Account(sc tenancy.Scope) Predicate {
	if self, only := sc.Self(); only {
		return Predicate{"u.organization_id = ? AND u.id = ?", []any{int64(self.Organization), int64(self.User)}}
	}
	return Placed(sc, "u.environment_path", "u.organization_id")
}

// Unindexed returns the condition p in a form that no index serves. Planners take its rows for
// many, where a part of an expression would pass for few.
func Unindexed(p Predicate) Predicate {
	p.Raw = "CASE WHEN " + p.Text() + " THEN true ELSE false END"
	return p
}

// maxAlternatives is from how many ranges on they are written as a table: SQLite bounds
// how deeply alternatives nest.
const maxAlternatives = 32

// InRanges returns the condition that column lies in one of the ranges.
func InRanges(ranges []tenancy.Range, column string) Predicate {
	if len(ranges) == 0 {
		return Predicate{Raw: "1 = 0"}
	}
	var p Predicate
	var text strings.Builder
	for i, r := range ranges {
		if i > 0 {
			text.WriteString(either(len(ranges) <= maxAlternatives, " OR ", ", "))
		}
		text.WriteString(either(len(ranges) <= maxAlternatives, column+" >= ? AND "+column+" < ?", "(?, ?)"))
		p.Args = append(p.Args, string(r.From), string(r.Until))
	}
	if len(ranges) <= maxAlternatives {
		p.Raw = text.String()
	} else {
		p.Raw = "EXISTS (WITH stretch (first, past) AS (VALUES " + text.String() + ") SELECT 1 FROM stretch WHERE " +
			column + " >= first AND " + column + " < past)"
	}
	return p
}

func either(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}
