package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"canopy/domain"
)

// rows reads a list: yields its section, whose rows are read by whoever ranges over them, and
// skips what is left over.
func (r *reader) rows(info *domain.ListInfo, yield func(*Section) bool) error {
	if err := r.expect('[', ""); err != nil {
		return err
	}
	s := &Section{Line: r.line, List: info, Users: NoUsers}
	var rest func() error
	if s.Rows, rest = stream(r, func() (ListRecord, error) { return r.row(info) }); !yield(s) {
		return errStopped
	}
	return rest()
}

// row reads a row of a list.
func (r *reader) row(info *domain.ListInfo) (ListRecord, error) {
	var all map[string]json.RawMessage
	line, wrong, err := record(r, nil, &all)
	record := ListRecord{Line: line, Wrong: wrong, ListRow: domain.ListRow{Values: make([]any, len(info.Columns))}}
	if err != nil || len(wrong) > 0 {
		return record, err
	}
	for i, c := range info.Columns {
		text, given := all[c.Name]
		delete(all, c.Name)
		if !given {
			text = []byte("null")
		}
		v, err := listValue(&c, text)
		if err != nil {
			record.Wrong = append(record.Wrong, domain.ErrInvalid.On(c.Name).Saying("%s.", publicText(err)))
		}
		record.Values[i] = v
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		record.Wrong = append(record.Wrong, domain.ErrInvalid.On(name).Saying("There is no such field; leave it out."))
	}
	return record, nil
}

// listValue reads a value of a column.
func listValue(c *domain.ListColumn, text []byte) (any, error) {
	if bytes.Equal(text, []byte("null")) {
		if c.Optional {
			return nil, nil
		}
		if c.Type == domain.AttributesColumn {
			return domain.Attributes(nil), nil
		}
		return nil, sentence("A value is required")
	}
	switch c.Type {
	case domain.NumberColumn:
		n, err := readAs[int64](text, "Give 0 or more")
		if err == nil && (n.(int64) < 0 || n.(int64) > domain.MaxID) {
			err = sentence(fmt.Sprintf("Give a whole number from 0 to %d", int64(domain.MaxID)))
		}
		return n, err
	case domain.FlagColumn:
		return readAs[bool](text, "Give one of true and false")
	case domain.BytesColumn:
		return readAs[[]byte](text, "Give base64")
	case domain.AttributesColumn:
		return readAs[domain.Attributes](text, "Give an object of texts")
	case domain.UserColumn:
		if c.Gone && text[0] != '"' {
			return readAs[int64](text, "Give a login name or the number of a user who is gone")
		}
	case domain.ChoiceColumn:
		v, err := readAs[string](text, "Give a text")
		if err == nil && !slices.Contains(c.Choices, v.(string)) {
			err = sentence(fmt.Sprintf("Give one of %v", c.Choices))
		}
		return v, err
	}
	return readAs[string](text, "Give a text")
}

func readAs[T any](text []byte, expected string) (any, error) {
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		return v, sentence(expected)
	}
	return v, nil
}

// list writes a list, unless it has no rows.
func (w *recordWriter) list(s *Section) error {
	begun := false
	for r, err := range s.Rows {
		if err != nil {
			return err
		}
		w.refuse(r.Line, r.Wrong)
		if !begun {
			fmt.Fprintf(w, "\n], %q: [", s.List.Name)
			begun, w.first = true, true
		}
		w.row(s.List, r.Values)
	}
	return nil
}

// row writes the values that are not nil, each by the name of its column.
func (w *recordWriter) row(info *domain.ListInfo, values []any) {
	var b bytes.Buffer
	for i, c := range info.Columns {
		if values[i] == nil {
			continue
		}
		text, err := json.Marshal(values[i])
		if err != nil && w.err == nil {
			w.err = err
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", c.Name, text)
	}
	w.record(json.RawMessage("{" + b.String() + "}"))
}
