package db

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/uptrace/bun/schema"
)

const (
	// bulk is from how many rows on PostgreSQL gets them past Bun, which writes their values into the text.
	bulk = 8
	// rowsTogether is how many rows one statement of SQLite has: its marks are bounded.
	rowsTogether = 32
)

// arrays are the types of PostgreSQL's arrays of the kinds of values that rows have.
var arrays = map[reflect.Type]string{
	reflect.TypeFor[int64](): "bigint[]", reflect.TypeFor[string](): "text[]", reflect.TypeFor[bool](): "boolean[]",
	reflect.TypeFor[[]byte](): "bytea[]",
}

// InsertInto is Insert of the rows of a slice into the table of that name.
func (t *Tx) InsertInto(table string, rows any) error {
	v := reflect.ValueOf(rows).Elem()
	if v.Len() == 0 {
		return nil
	}
	if model := t.marked(v); model != nil {
		return Translate(t.insertMarked(table, model.Fields, v))
	}
	return t.Run(t.Bun.NewInsert().Model(rows).ModelTableExpr(table))
}

// marked returns the table of rows, which are pointers, if they can be written by a statement with marks and that is
// of use: SQLite keeps it, PostgreSQL gets many at once by it.
func (t *Tx) marked(rows reflect.Value) *schema.Table {
	if rows.Type().Elem().Kind() != reflect.Pointer || !t.DB.OneWriter() && rows.Len() < bulk {
		return nil
	}
	model := t.Bun.Dialect().Tables().Get(rows.Type().Elem().Elem())
	if slices.ContainsFunc(model.Fields, func(f *schema.Field) bool {
		return f.NullZero || f.SQLDefault != "" || arrays[f.StructField.Type] == ""
	}) {
		return nil
	}
	return model
}

// Columns returns the columns of the table of a row struct, a pointer to which is given, without some.
func (d *DB) Columns(row any, without ...string) []string {
	var columns []string
	for _, f := range d.write.Dialect().Tables().Get(reflect.TypeOf(row).Elem()).Fields {
		if !slices.Contains(without, f.Name) {
			columns = append(columns, f.Name)
		}
	}
	return columns
}

// Changed returns the columns in which two rows of one table differ, pointers to which are given. An update sets no
// others: whatever a column is set to, SQLite writes all indexes anew that have it, and asks all triggers about it.
// Bun's Column takes none for all.
func (t *Tx) Changed(before, after any) (columns []string) {
	a, b := reflect.ValueOf(before).Elem(), reflect.ValueOf(after).Elem()
	for _, f := range t.Bun.Dialect().Tables().Get(a.Type()).DataFields {
		if !reflect.DeepEqual(f.Value(a).Interface(), f.Value(b).Interface()) {
			columns = append(columns, f.Name)
		}
	}
	return columns
}

// insertMarked adds rows by statements whose texts do not depend on them.
func (t *Tx) insertMarked(table string, fields []*schema.Field, rows reflect.Value) error {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = string(f.SQLName)
	}
	if t.DB.copy != nil {
		return t.DB.copy(fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT binary)", table, strings.Join(names, ", ")),
			copied(fields, rows))
	}
	into := fmt.Sprintf("INSERT INTO %s (%s) ", table, strings.Join(names, ", "))
	if !t.DB.dialect.file {
		return t.insertArrays(into, fields, rows)
	}
	row := "(" + strings.Repeat("?, ", len(fields)-1) + "?)"
	for n := 0; n < rows.Len(); {
		together := rowsTogether
		if rows.Len()-n < together {
			together = 1
		}
		values := make([]any, 0, together*len(fields))
		for ; len(values) < cap(values); n++ {
			for _, f := range fields {
				values = append(values, f.Value(rows.Index(n).Elem()).Interface())
			}
		}
		_, err := t.exec(into+"VALUES "+row+strings.Repeat(", "+row, together-1), values)
		if err != nil {
			return err
		}
	}
	return nil
}

// insertArrays adds rows by one statement that has an array of each column.
func (t *Tx) insertArrays(into string, fields []*schema.Field, rows reflect.Value) error {
	casts, columns := make([]string, len(fields)), make([]any, len(fields))
	for i, f := range fields {
		casts[i] = fmt.Sprintf("$%d::%s", i+1, arrays[f.StructField.Type])
		column := reflect.MakeSlice(reflect.SliceOf(f.StructField.Type), 0, rows.Len())
		for n := range rows.Len() {
			column = reflect.Append(column, f.Value(rows.Index(n).Elem()))
		}
		columns[i] = column.Interface()
	}
	_, err := t.Bun.Tx.ExecContext(t.Ctx, into+"SELECT * FROM unnest("+strings.Join(casts, ", ")+")", columns...)
	return err
}
