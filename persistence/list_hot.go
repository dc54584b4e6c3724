package persistence

import (
	"slices"

	"github.com/uptrace/bun"
)

// What an import writes is text although few ask for it, because Bun cannot say it: several rows that it inserts
// at once are structs of one type, and the columns of these are those of whichever table the list is kept in.

// upsertRows adds rows, or changes those that are there.
func (tx *DirectoryTx) upsertRows(t *listTable, rows []*listRow) error {
	columns := t.columns()
	set, args := "NOTHING", []any{bun.Ident(t.name), bunColumns(columns), cellsOf(rows, columns...), bunColumns(t.key())}
	for _, c := range columns {
		if slices.Contains(t.key(), c) || slices.Contains(t.order, c) {
			continue
		}
		if set == "NOTHING" {
			set = "UPDATE SET ? = excluded.?"
		} else {
			set += ", ? = excluded.?"
		}
		args = append(args, bun.Ident(c), bun.Ident(c))
	}
	return tx.Run(tx.Bun.NewRaw("INSERT INTO ? (?) VALUES ? ON CONFLICT (?) DO "+set, args...))
}

// bunColumns names columns in a statement.
func bunColumns(names []string) any {
	idents := make([]bun.Ident, len(names))
	for i, name := range names {
		idents[i] = bun.Ident(name)
	}
	return bun.List(idents)
}
