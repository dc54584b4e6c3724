package persistence

import (
	"fmt"
	"slices"
	"strings"

	"canopy/domain"
	"canopy/tenancy"
)

// predicate is a condition with the values for its marks. The zero one always holds. Whatever it
// was made of, it is put into a statement as one term, by text: an OR in it cannot let what stands
// beside it pass.
type predicate struct {
	raw  string
	args []any
}

// text returns the condition as one term.
func (p predicate) text() string {
	if p.raw == "" {
		return "(1 = 1)"
	}
	return "(" + p.raw + ")"
}

// further returns the condition with an AND before it, nothing if it always holds.
func (p predicate) further() string {
	if p.raw == "" {
		return ""
	}
	return " AND " + p.text()
}

// and returns the condition that both hold.
func (p predicate) and(text string, args ...any) predicate {
	return p.also(predicate{text, args})
}

// also returns the condition that both hold.
func (p predicate) also(q predicate) predicate { return allOf(p, q) }

// allOf returns the condition that all of them hold.
func allOf(ps ...predicate) predicate {
	return join(" AND ", slices.DeleteFunc(ps, func(p predicate) bool { return p.raw == "" }))
}

// anyOf returns the condition that one of them holds, of which there is at least one.
func anyOf(ps ...predicate) predicate { return join(" OR ", ps) }

func join(by string, ps []predicate) predicate {
	if len(ps) == 0 {
		return predicate{}
	}
	if len(ps) == 1 {
		return ps[0]
	}
	var joined predicate
	var text strings.Builder
	for i, p := range ps {
		text.WriteString(either(i > 0, by, ""))
		text.WriteString(p.text())
		joined.args = append(joined.args, p.args...)
	}
	joined.raw = text.String()
	return joined
}

// placed returns the condition that a row lies in sc, for a table whose column path holds
// the place. A scope that is only the principal's own account has no places.
func placed(sc tenancy.Scope, path, organization string) predicate {
	text, args := inOrganization(sc, organization)
	in := inRanges(sc.Ranges(), path)
	return predicate{text + in.text(), append(args, in.args...)}
}

// inOrganization returns the condition, with an AND behind it, that keeps a statement to
// the one organization sc lies in; nothing if it may span several.
func inOrganization(sc tenancy.Scope, column string) (text string, args []any) {
	if o, only := sc.Organization(); only {
		return column + " = ? AND ", []any{int64(o)}
	}
	return "", nil
}

// account returns the condition that a row of users lies in sc.
func account(sc tenancy.Scope) predicate {
	if self, only := sc.Self(); only {
		return predicate{"u.organization_id = ? AND u.id = ?", []any{int64(self.Organization), int64(self.User)}}
	}
	return placed(sc, "u.environment_path", "u.organization_id")
}

// unindexed returns the condition p in a form that no index serves. Planners take its rows for
// many, where a part of an expression would pass for few.
func unindexed(p predicate) predicate {
	p.raw = "CASE WHEN " + p.text() + " THEN true ELSE false END"
	return p
}

// maxAlternatives is from how many ranges on they are written as a table: SQLite bounds
// how deeply alternatives nest.
const maxAlternatives = 32

// inRanges returns the condition that column lies in one of the ranges.
func inRanges(ranges []tenancy.Range, column string) predicate {
	if len(ranges) == 0 {
		return predicate{raw: "1 = 0"}
	}
	var p predicate
	var text strings.Builder
	for i, r := range ranges {
		if i > 0 {
			text.WriteString(either(len(ranges) <= maxAlternatives, " OR ", ", "))
		}
		text.WriteString(either(len(ranges) <= maxAlternatives, column+" >= ? AND "+column+" < ?", "(?, ?)"))
		p.args = append(p.args, string(r.From), string(r.Until))
	}
	if len(ranges) <= maxAlternatives {
		p.raw = text.String()
	} else {
		p.raw = "EXISTS (WITH stretch (first, past) AS (VALUES " + text.String() + ") SELECT 1 FROM stretch WHERE " +
			column + " >= first AND " + column + " < past)"
	}
	return p
}

// defaultPage is how many rows of a list are read at once when nobody says how many.
const defaultPage = 256

func pageSize(p domain.Page) int {
	if p.Limit > 0 {
		return p.Limit
	}
	return defaultPage
}

// beyond returns what of the stretches lies at or behind from.
func beyond(stretches []tenancy.Range, from domain.EnvironmentPath) []tenancy.Range {
	for i, r := range stretches {
		if r.Until > from {
			rest := slices.Clone(stretches[i:])
			rest[0].From = max(r.From, from)
			return rest
		}
	}
	return nil
}

// walk reads up to limit rows that lie in the stretches, in their order. The first
// statement reads the first stretch, which is all there is for most people; if that was
// not enough the next reads four more, then sixteen and so on, so that the number of
// statements stays small however many environments are cut out of a reach.
func walk[T any](stretches []tenancy.Range, limit int, read func(part []tenancy.Range, limit int) ([]T, error)) ([]T, error) {
	all := []T{}
	for n := 1; len(stretches) > 0 && len(all) < limit; n = min(n*4, 64) {
		n = min(n, len(stretches))
		rows, err := read(stretches[:n], limit-len(all))
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		stretches = stretches[n:]
	}
	return all, nil
}

// chain returns a statement that reads the stretches one behind the other: one is the
// statement for a single stretch, with its own order and limit, and values gives the
// values for its marks. order names the columns to order by without their table.
func chain(stretches []tenancy.Range, one, order string, limit int, values func(tenancy.Range) []any) (string, []any) {
	if len(stretches) == 1 {
		return one, values(stretches[0])
	}
	var text strings.Builder
	var args []any
	for i, r := range stretches {
		if i > 0 {
			text.WriteString(" UNION ALL ")
		}
		fmt.Fprintf(&text, "SELECT * FROM (%s) AS s%d", one, i)
		args = append(args, values(r)...)
	}
	fmt.Fprintf(&text, " ORDER BY %s LIMIT %d", order, limit)
	return text.String(), args
}

func either(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}
