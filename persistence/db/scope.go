package db

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"canopy/domain"
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
// the organization sc lies in, or to that and the root's; nothing if it may span others.
func InOrganization(sc tenancy.Scope, column string) (text string, args []any) {
	for _, o := range sc.Organizations() {
		args = append(args, int64(o))
	}
	switch len(args) {
	case 0:
		return "", nil
	case 1:
		return column + " = ? AND ", args
	}
	return column + " IN (?, ?) AND ", args
}

// Pinned returns the condition that InOrganization says, by itself: beside a condition that is Unindexed.
func Pinned(sc tenancy.Scope, column string) Predicate {
	text, args := InOrganization(sc, column)
	return Predicate{strings.TrimSuffix(text, " AND "), args}
}

// Its returns the organization of the rows that a statement reads in sc, for its subselects to name: as a constant
// where there is one, which each of them is sent to then, and else as the column.
func Its(sc tenancy.Scope, column string) any {
	if o, one := sc.Organization(); one {
		return int64(o)
	}
	return bun.Ident(column)
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

// maxAlternatives is up to how many ranges are alternatives of a condition, of which an index serves each.
const maxAlternatives = 32

// InRanges returns the condition that column lies in one of the ranges, which ascend and are disjoint. Of many an
// index serves only the stretch from the first to the last, and the subtrees that are in or cut out are looked up
// as sets: a row costs the same however many they are, and planning costs what they are long.
func InRanges(ranges []tenancy.Range, column string) Predicate {
	if len(ranges) == 0 {
		return Predicate{Raw: "1 = 0"}
	}
	if !Many(ranges) {
		return oneOf(ranges, column)
	}
	var outer []tenancy.Range
	var cut []domain.EnvironmentPath
	for _, r := range ranges {
		if n := len(outer); n > 0 && isSubtree(tenancy.Range{From: outer[n-1].Until, Until: r.From}) {
			cut = append(cut, outer[n-1].Until)
			outer[n-1].Until = r.Until
			continue
		}
		outer = append(outer, r)
	}
	hull := tenancy.Range{From: ranges[0].From, Until: ranges[len(ranges)-1].Until}
	p := within(hull, column)
	if len(outer) > 1 {
		var subtrees []domain.EnvironmentPath
		rest := slices.DeleteFunc(outer, func(r tenancy.Range) bool {
			if isSubtree(r) {
				subtrees = append(subtrees, r.From)
			}
			return isSubtree(r)
		})
		in := below(subtrees, column)
		if len(rest) > 0 {
			in = append(in, oneOf(rest, column))
		}
		p = p.Also(AnyOf(in...))
	}
	if len(cut) > 0 {
		out := AnyOf(below(cut, column)...)
		p = p.And("NOT "+out.Text(), out.Args...)
	}
	return p
}

func isSubtree(r tenancy.Range) bool {
	return strings.HasSuffix(string(r.From), "/") && r.From.End() == r.Until
}

func oneOf(ranges []tenancy.Range, column string) Predicate {
	alternatives := make([]Predicate, len(ranges))
	for i, r := range ranges {
		alternatives[i] = within(r, column)
	}
	return AnyOf(alternatives...)
}

// below returns the conditions of which one holds if column lies in one of the subtrees: its beginning of some
// length is one of those that are so long.
func below(subtrees []domain.EnvironmentPath, column string) []Predicate {
	byLength := make(map[int]places)
	for _, p := range subtrees {
		byLength[len(p)] = append(byLength[len(p)], p)
	}
	var conditions []Predicate
	for _, n := range slices.Sorted(maps.Keys(byLength)) {
		conditions = append(conditions, Where("substr("+column+", 1, "+strconv.Itoa(n)+") ?", byLength[n]))
	}
	return conditions
}

// places is the condition, behind a text, that it is one of them. They are one value: a statement with a thousand
// takes longer to read than to answer.
type places []domain.EnvironmentPath

// AppendQuery implements schema.QueryAppender.
func (p places) AppendQuery(gen schema.QueryGen, to []byte) ([]byte, error) {
	d := dialects[gen.Dialect().Name()]
	to = append(to, d.among[0]...)
	for i, path := range p {
		to = append(append(append(to, either(i > 0, ",", "")...), d.quote...), path...)
		to = append(to, d.quote...)
	}
	return append(to, d.among[1]...), nil
}

// Many reports whether no index serves what lies in the ranges one by one, as InRanges says.
func Many(ranges []tenancy.Range) bool { return len(ranges) > maxAlternatives }

// stretches returns the ranges as a table with the columns first and past, ascending. Very many are one value: a
// statement that names each takes longer to read than to answer.
func (d *DB) stretches(ranges []tenancy.Range) Predicate {
	if len(ranges) == 0 {
		return Predicate{Raw: "SELECT '' AS first, '' AS past"}
	}
	if Many(ranges) {
		return d.dialect.stretches(ranges)
	}
	p := Predicate{Raw: "WITH stretch (first, past) AS (VALUES " +
		strings.TrimSuffix(strings.Repeat("(?, ?), ", len(ranges)), ", ") + ") SELECT first, past FROM stretch"}
	for _, r := range ranges {
		p.Args = append(p.Args, string(r.From), string(r.Until))
	}
	return p
}

// stretchesSQLite reads the ranges from an object of JSON, whose members are their ends by their beginnings.
func stretchesSQLite(ranges []tenancy.Range) Predicate {
	var text strings.Builder
	for i, r := range ranges {
		text.WriteString(either(i > 0, ",", "{") + strconv.Quote(string(r.From)) + ":" + strconv.Quote(string(r.Until)))
	}
	return Where("SELECT key AS first, atom AS past FROM json_each(?)", text.String()+"}")
}

// stretchesPostgres reads the ranges from two arrays.
func stretchesPostgres(ranges []tenancy.Range) Predicate {
	first, past := make([]string, len(ranges)), make([]string, len(ranges))
	for i, r := range ranges {
		first[i], past[i] = string(r.From), string(r.Until)
	}
	array := func(paths []string) string { return "{" + strings.Join(paths, ",") + "}" }
	return Where("SELECT first, past FROM unnest(CAST(? AS text[]), CAST(? AS text[])) AS stretch (first, past)",
		array(first), array(past))
}

// Beside returns what a statement reads from behind its FROM, up to a condition that others may follow: for each of
// the rows m, one after the other, those of a table, as u or as the name behind the table's, for which the condition
// on both holds. No planner reads all of the table instead.
func (d *DB) Beside(rows Predicate, table string, on Predicate) Predicate {
	name, alias, named := strings.Cut(table, " ")
	return Predicate{fmt.Sprintf(d.dialect.beside, rows.Raw, name, either(named, alias, "u"), on.Text()),
		slices.Concat(rows.Args, on.Args)}
}

// Across is Beside for the rows of a table that lie by a column in the ranges and meet a condition: the table's index
// on the column finds them, one range after the other.
func (d *DB) Across(ranges []tenancy.Range, table, column string, keeps Predicate) Predicate {
	return d.Beside(d.stretches(ranges), table, Where(column+" >= m.first AND "+column+" < m.past").Also(keeps))
}

// Along is Across for the first n rows in an order that the index has, of a column and others. Nothing may follow it.
func (d *DB) Along(ranges []tenancy.Range, table, order string, keeps Predicate, n int) Predicate {
	return d.along(ranges, table, order, keeps, 0, n)
}

// Nth is Along for the nth row alone, nothing if there are fewer.
func (d *DB) Nth(ranges []tenancy.Range, table, order string, keeps Predicate, n int) Predicate {
	return d.along(ranges, table, order, keeps, n-1, 1)
}

// along is Along behind the first rows.
func (d *DB) along(ranges []tenancy.Range, table, order string, keeps Predicate, skip, n int) Predicate {
	name, alias, named := strings.Cut(table, " ")
	column, _, _ := strings.Cut(order, ",")
	if len(ranges) == 1 {
		in := within(ranges[0], column).Also(keeps)
		return Where(fmt.Sprintf("%s AS %s WHERE %s ORDER BY %s LIMIT %d OFFSET %d", name, either(named, alias, "u"),
			in.Raw, order, n, skip), in.Args...)
	}
	rows, on := d.stretches(ranges), Where(column+" >= m.first AND "+column+" < m.past").Also(keeps)
	return Predicate{fmt.Sprintf(d.dialect.along, rows.Raw, name, either(named, alias, "u"), on.Text(), order, n, skip,
		n+skip), slices.Concat(rows.Args, on.Args)}
}

func within(r tenancy.Range, column string) Predicate {
	return Where(column+" >= ? AND "+column+" < ?", string(r.From), string(r.Until))
}

func either(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}
