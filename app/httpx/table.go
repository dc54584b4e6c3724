package httpx

import (
	"encoding/csv"
	"iter"

	"github.com/gofiber/fiber/v2"

	"canopy/domain"
)

// MIMECSV is the type of tables.
const MIMECSV = "text/csv; charset=utf-8"

// Table answers with a table (RFC 4180) in a file of that name, as Stream does: the names of its columns, and the
// rows of each entry. A cell that a spreadsheet program would run is made harmless.
func Table[T any](c *fiber.Ctx, file string, columns []string, entries iter.Seq2[T, error],
	rows func(*T) [][]string) error {
	var to *Writer
	table := csv.NewWriter(writerFunc(func(text []byte) (int, error) {
		to.text = append(to.text, text...)
		return len(text), nil
	}))
	write := func(w *Writer, row []string) {
		to = w
		for i := range row {
			row[i] = domain.GuardCell(row[i])
		}
		_ = table.Write(row) // what it writes to takes everything
		table.Flush()
	}
	err := streamAs(c, MIMECSV, entries,
		func(w *Writer) { write(w, append([]string(nil), columns...)) },
		func(w *Writer, entry *T) {
			for _, row := range rows(entry) {
				write(w, row)
			}
		},
		func(*Writer) {})
	if err == nil {
		c.Set(fiber.HeaderContentDisposition, `attachment; filename="`+file+`"`)
	}
	return err
}

type writerFunc func([]byte) (int, error)

// Write implements io.Writer.
func (f writerFunc) Write(text []byte) (int, error) { return f(text) }
