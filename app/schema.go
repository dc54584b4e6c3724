package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"canopy/persistence/db"
)

// Migrate brings a schema up to date and returns the steps it ran. A schema with a step that this
// program does not have and that needs a newer one it leaves alone, and says so.
func Migrate(ctx context.Context, db *db.DB) ([]db.Migration, error) {
	if _, err := unknownSteps(ctx, db, ReadBuild().Version); err != nil {
		return nil, err
	}
	return db.Migrate(ctx)
}

// errTooOld says that this program cannot work with the schema.
var errTooOld = errors.New("the database was migrated by a newer program")

// unknownSteps returns the names of the steps that a newer program ran, and an error if one of them
// needs more than this version, or if this program's own steps are not there: whoever made the schema
// was not a newer version of it.
func unknownSteps(ctx context.Context, db *db.DB, version string) ([]string, error) {
	steps, err := db.MigrationStatus(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	missing := ""
	for _, step := range steps {
		if !step.Unknown {
			if step.Applied.IsZero() && missing == "" {
				missing = step.Name
			}
			continue
		}
		if step.Needs != "" && !newEnough(version, step.Needs) {
			return nil, fmt.Errorf("%w: %s needs canopy %s or newer, and this is %s", errTooOld, step.Name, step.Needs, version)
		}
		names = append(names, step.Name)
	}
	if len(names) > 0 && missing != "" {
		return nil, fmt.Errorf(
			"the database has the schema of another program: it has the step %s, which this program does not "+
				"know, and lacks %s; export its directory with that program, and import the document into a new database",
			names[0], missing)
	}
	return names, nil
}

// newEnough reports whether a program of that version is what a step needs. A build between versions
// comes before the next one. A development build has no version: what its source does not know is
// newer than it.
func newEnough(version, needs string) bool {
	numbers, before, _ := strings.Cut(strings.TrimPrefix(version, "v"), "-")
	numbers, _, _ = strings.Cut(numbers, "+")
	have, ok := parseVersion(numbers)
	want, known := parseVersion(needs)
	if !ok || !known || have == [3]int{} {
		return false
	}
	for i := range have {
		if have[i] != want[i] {
			return have[i] > want[i]
		}
	}
	return before == ""
}

func parseVersion(text string) (numbers [3]int, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) > len(numbers) {
		return numbers, false
	}
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return numbers, false
		}
		numbers[i] = n
	}
	return numbers, true
}

// schemaWatch remembers for a while which steps of the schema this program does not have: a newer
// one may run them at any time.
type schemaWatch struct {
	mu    sync.Mutex
	asked time.Time
	names []string
	err   error
}

// schemaAskEvery is how long an answer is good.
const schemaAskEvery = time.Minute

// unknown returns what unknownSteps does.
func (w *schemaWatch) unknown(ctx context.Context, database *db.DB) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.asked.IsZero() || time.Since(w.asked) > schemaAskEvery {
		names, err := unknownSteps(ctx, database, ReadBuild().Version)
		if db.TroubleOf(err) != db.TroubleNone {
			return nil, err
		}
		w.names, w.err, w.asked = names, err, time.Now()
	}
	return w.names, w.err
}
