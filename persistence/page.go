package persistence

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"canopy/domain"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// defaultPage is how many rows of a list are read at once when nobody says how many.
const defaultPage = 256

func pageSize(p domain.Page) int {
	if p.Limit > 0 {
		return p.Limit
	}
	return defaultPage
}

// page returns the first limit of the entries that were read, and the cursor behind them if there
// are more.
func page[T any](all []T, err error, limit int, behind func(last *T) domain.Cursor) ([]T, domain.Cursor, error) {
	if err != nil || len(all) <= limit {
		return all, "", err
	}
	return all[:limit], behind(&all[limit-1]), nil
}

// writeCursor returns the cursor behind an entry: a word that names the list with its order, unless
// what the entry is sorted by tells, and that. Only the last key may have blanks.
func writeCursor(keys ...any) domain.Cursor {
	words := make([]string, len(keys))
	for i, key := range keys {
		if at, ok := key.(time.Time); ok {
			key = db.Millis(at)
		}
		words[i] = fmt.Sprint(key)
	}
	return domain.Cursor(strings.Join(words, " "))
}

// readCursor reads what writeCursor wrote into the places that keys point to; a key that is a word
// must be there as it is. It reports whether there is a cursor, and returns ErrCursor for one of another
// list or order.
func readCursor(c domain.Cursor, keys ...any) (bool, error) {
	if c == "" {
		return false, nil
	}
	words := strings.SplitN(string(c), " ", len(keys))
	ok := len(words) == len(keys)
	for i := 0; ok && i < len(keys); i++ {
		ok = readKey(words[i], keys[i])
	}
	if !ok {
		return false, domain.ErrCursor
	}
	return true, nil
}

func readKey(word string, key any) (ok bool) {
	var err error
	switch key := key.(type) {
	case string:
		return word == key
	case *string:
		*key = word
	case *domain.EnvironmentPath:
		*key, err = domain.ParsePath(word)
	case *int64:
		*key, err = strconv.ParseInt(word, 10, 64)
	default: // the number of something
		var id domain.UserID
		id, ok = domain.ParseID[domain.UserID](word)
		reflect.ValueOf(key).Elem().SetInt(int64(id))
		return ok
	}
	return err == nil
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

func either(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}
