package transfer

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"canopy/app/transfer/document"
	"canopy/domain"
	"canopy/tenancy"
)

// planList reads a list once, for what cannot be read of it and for the numbers and objects it has.
func (i *importer) planList(section *document.Section, highest func(kind int, n int64)) error {
	info := section.List
	number, id, kind := info.Column("number"), -1, domain.CopyRequestNumber
	if info.Name == objectList {
		id, kind = info.Column("id"), domain.ObjectNumber
	}
	for r, err := range section.Rows {
		if err != nil {
			return err
		}
		i.unread(r.Line, r.Wrong)
		if len(r.Wrong) > 0 {
			continue
		}
		if number >= 0 {
			highest(kind, r.Values[number].(int64))
		}
		if id >= 0 {
			_ = i.coming.once("", r.Values[id].(string), r.Line) // said when the row is dealt with
		}
	}
	return nil
}

// objectList is the name of the list of objects.
const objectList = "objects"

// list imports one list, each row on its own. A row that names one further down waits for it.
func (i *importer) list(ctx context.Context, section *document.Section) error {
	i.report.Listed = true
	l := &listImport{importer: i, info: section.List, seen: newSeenNames(0),
		all: tenancy.GroupsOf(slices.Concat(slices.Collect(maps.Values(i.groups))...))}
	var part []document.ListRecord
	bytes := 0
	for r, err := range section.Rows {
		if err != nil {
			return err
		}
		if len(r.Wrong) > 0 || i.add(r.Line, l.once(r)) {
			continue
		}
		for _, v := range r.Values {
			if b, ok := v.([]byte); ok {
				bytes += len(b)
			}
		}
		if part = append(part, r); len(part) == chunk || bytes > maxBytes {
			if err := l.put(ctx, part); err != nil {
				return err
			}
			part, bytes = part[:0], 0
		}
	}
	if err := l.put(ctx, part); err != nil {
		return err
	}
	return l.putWaiting(ctx)
}

// maxBytes is how much of pictures is kept at once.
const maxBytes = 4 << 20

// listImport is a list under way.
type listImport struct {
	*importer
	info    *domain.ListInfo
	all     *tenancy.Groups // of every organization
	seen    *seenNames
	waiting []document.ListRecord
}

// once returns an error if a row before was the same one.
func (l *listImport) once(r document.ListRecord) error {
	var key, shown string
	for n, c := range l.info.Columns {
		if text, ok := r.Values[n].(string); c.Key && ok {
			key, shown = key+domain.Fold(text)+"\x00", text
		} else if c.Key {
			key += keyText(r.Values[n]) + "\x00"
		}
	}
	if before := l.seen.line(l.info.Name, key); before != 0 {
		return domain.ErrInvalid.Saying("This row (%s) comes on line %d too.", shown, before)
	}
	return l.seen.once(l.info.Name, key, r.Line)
}

func keyText(v any) string {
	if n, ok := v.(int64); ok {
		return strconv.FormatInt(n, 10)
	}
	return ""
}

// add notes err as a problem of the line, unless it is nil, and reports whether it did.
func (i *importer) add(line int, err error) bool {
	if err != nil {
		i.report.add(ImportProblem{line, domain.AsError(err)})
	}
	return err != nil
}

// put writes rows, and keeps those that wait.
func (l *listImport) put(ctx context.Context, records []document.ListRecord) error {
	if len(records) == 0 {
		return nil
	}
	rows := make([]domain.ListRow, len(records))
	for n, r := range records {
		rows[n] = r.ListRow
	}
	outcomes, err := l.store.PutList(ctx, l.w, l.info, rows, l.references(), l.options.DryRun)
	if err != nil {
		return err
	}
	tally := &l.report.Rows
	if l.info.Name == objectList {
		tally = &l.report.Objects
	}
	for n, o := range outcomes {
		switch {
		case o.Waits:
			l.waiting = append(l.waiting, records[n])
		case l.add(records[n].Line, o.Err):
			if l.info.Name == objectList {
				l.lost = append(l.lost, lineRange{records[n].Line, records[n].Line + 1})
			}
		default:
			tally.count(o.There, o.Differs)
		}
	}
	return nil
}

// putWaiting writes the rows that waited, until those that are left wait for one that was refused.
func (l *listImport) putWaiting(ctx context.Context) error {
	for len(l.waiting) > 0 {
		waited := l.waiting
		l.waiting = nil
		for part := range slices.Chunk(waited, chunk) {
			if err := l.put(ctx, part); err != nil {
				return err
			}
		}
		if len(l.waiting) < len(waited) {
			continue
		}
		for _, r := range l.waiting {
			l.add(r.Line, domain.ErrObjectNotFound.On("parent"))
		}
		return nil
	}
	return nil
}

func (l *listImport) references() domain.ListReferences {
	return domain.ListReferences{
		Place: func(path string) (domain.Environment, bool) {
			p := l.places[domain.PathKey(path)]
			if p == nil || l.missing(p) {
				return domain.Environment{}, false
			}
			return p.Environment, true
		},
		Group: func(o domain.OrganizationID, ref domain.GroupRef) (domain.GroupID, bool) {
			id, err := l.all.Find(o, ref)
			return id, err == nil
		},
		Coming: func(t domain.ListType, name string) bool {
			line := l.importer.seen.line("alias", name)
			if t == domain.ObjectColumn {
				line = l.coming.line("", name)
			}
			return line != 0 && !slices.ContainsFunc(l.lost, func(r lineRange) bool { return line >= r.from && line < r.until })
		},
		Keep: func(kind int, n int64) bool { return l.options.DryRun || l.keep(kind, n) },
	}
}
