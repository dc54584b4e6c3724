package document

import (
	"strconv"
	"strings"
	"time"

	"canopy/app/directory"
	"canopy/domain"
)

// AuditColumns are the columns of the audit trail as a table.
var AuditColumns = []string{"at", "actor", "action", "kind", "name", "environment", "field", "before", "after",
	"surface", "request", "times", "last"}

// AuditRows returns an entry of the audit trail, which must have names, as rows of that table: one for each field
// that it changed.
func AuditRows(e *directory.AuditDocument) [][]string {
	changes, named := e.Changes, e.Named
	if len(changes) == 0 {
		changes, named = []domain.Change{{}}, []directory.NamedChange{{}}
	}
	rows := make([][]string, len(changes))
	for i, c := range changes {
		times, last := "", ""
		if !e.Last.IsZero() {
			times, last = strconv.FormatInt(e.Times, 10), e.Last.UTC().Format(time.RFC3339)
		}
		rows[i] = []string{e.At.UTC().Format(time.RFC3339), e.Actor.Alias, e.Action, e.Target.Kind, e.Target.Name,
			e.ShownPlace, Field(c.Field), told(c.Field, c.Before, named[i].Before), told(c.Field, c.After, named[i].After),
			e.Request.Surface, e.Request.ID, times, last}
	}
	return rows
}

// told returns what a field had, by names where there are some.
func told(field, text string, names []string) string {
	if names != nil {
		return strings.Join(names, ";")
	}
	if field == "permission" {
		if mask, err := domain.ParseMask(text); err == nil {
			return strings.Join(mask.Permissions(), ";")
		}
	}
	return text
}
