package persistence

import (
	"fmt"
	"strings"

	"canopy/tenancy"
)

// The pages of lists in tree order, which most requests ask for, are read one stretch of the tree after the
// other by statements of text.

// limitMark is the limit of a statement that is kept prepared. SQLite plans by the value of a mark that stands
// there alone, and so prepares the statement again each time.
const limitMark = " LIMIT ? + 0"

// walk reads up to limit rows that lie in the stretches, in their order. The first
// statement reads the first stretch, which is all there is for most people; if that was
// not enough the next reads four more, then sixteen and so on, so that the number of
// statements stays small however many environments are cut out of a reach.
func walk[T any](stretches []tenancy.Range, limit int,
	read func(part []tenancy.Range, limit int) ([]T, error)) ([]T, error) {
	all := []T{}
	for n := 1; len(stretches) > 0 && len(all) < limit; n = min(n*4, 64) {
		n = min(n, len(stretches))
		rows, err := read(stretches[:n], limit-len(all))
		if err != nil {
			return nil, err
		}
		if len(all) == 0 {
			all = rows
		} else {
			all = append(all, rows...)
		}
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
