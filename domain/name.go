package domain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold returns s in the form in which names are compared: each rune is replaced by the
// smallest rune of its Unicode simple case folding orbit, so that "Ångström" and
// "ÅNGSTRÖM" are one name on every database engine.
func Fold(s string) string {
	if IsASCII(s) {
		return strings.ToUpper(s) // its capital is the smallest of a letter's orbit
	}
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// IsASCII reports whether s has nothing behind the tilde, the last character of ASCII that can be seen.
func IsASCII(s string) bool {
	for i := range len(s) {
		if s[i] > '~' {
			return false
		}
	}
	return true
}

// maxPlainWord bounds a plain word, in characters.
const maxPlainWord = 32

// PlainWord reports whether s is one short word that says nothing to a reader but a name: letters
// of a script that puts spaces between words, digits, and dots, hyphens and underscores between
// them.
func PlainWord(s string) bool {
	var last rune
	for i, r := range s {
		inner := strings.ContainsRune("._-", r)
		if !inner && !unicode.IsLower(r) && !unicode.IsUpper(r) && (r < '0' || r > '9') || inner &&
			(i == 0 || strings.ContainsRune("._-", last)) {
			return false
		}
		last = r
	}
	return s != "" && !strings.ContainsRune("._-", last) && utf8.RuneCountInString(s) <= maxPlainWord
}

// maxNameLength bounds every name, in characters.
const maxNameLength = 100

// checkText returns an Invalid error on field unless s is well-formed text of at most
// limit characters without control characters.
func checkText(field, s string, limit int) error {
	if !utf8.ValidString(s) {
		return InvalidField(field, "This is not valid UTF-8.")
	}
	if utf8.RuneCountInString(s) > limit {
		return InvalidField(field, "At most %d characters are allowed.", limit)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return InvalidField(field, "Control characters are not allowed.")
	}
	return nil
}

// checkName is checkText for a name by which something is found: not empty, no white
// space at either end, and no invisible characters, by which two names that look alike
// would differ.
func checkName(field, s string) error {
	if s == "" {
		return InvalidField(field, "A value is required.")
	}
	if strings.TrimSpace(s) != s {
		return InvalidField(field, "Spaces at the beginning or end are not allowed.")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Cf, r) || r == utf8.RuneError }) {
		return InvalidField(field, "Invisible characters are not allowed.")
	}
	return checkText(field, s, maxNameLength)
}
