package loginname

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"

	"canopy/domain"
)

// Rules are the rules of this package.
type Rules struct{}

// Check returns an Invalid error on "alias", which says what would be right, unless alias may be
// given to somebody. A name that is empty or too long is another rule's.
func (Rules) Check(alias string) error {
	if alias == "" || plain(alias) {
		return nil
	}
	for word := range strings.SplitSeq(alias, " ") {
		if err := checkWord(alias, word); err != nil {
			return err
		}
	}
	return checkScripts(alias)
}

func refused(format string, args ...any) error { return domain.InvalidField("alias", format, args...) }

// plain reports whether a name is of visible ASCII characters, of which all may be in a name.
func plain(alias string) bool {
	return !strings.ContainsFunc(alias, func(r rune) bool { return r <= ' ' || r > '~' })
}

func checkWord(alias, word string) error {
	if word == "" {
		return refused("Between two words of a login name there is one blank.")
	}
	// The profile is asked of each character first, to say which it is.
	for _, r := range word {
		if _, err := enforce(precis.UsernameCaseMapped, string(r)); err != nil && !contextual(r) {
			return refused("The character U+%04X cannot be part of a login name; letters, digits and the signs of ASCII can.", r)
		}
	}
	first, _ := utf8.DecodeRuneInString(word)
	if unicode.IsMark(first) {
		return refused("A login name cannot begin with the mark U+%04X; it belongs behind a letter.", first)
	}
	if _, err := enforce(precis.UsernameCaseMapped, word); err != nil {
		return refused("These characters cannot stand together in a login name (RFC 8265).")
	}
	// Without the case mapping the profile changes width and normal form alone.
	written, err := enforce(precis.UsernameCasePreserved, word)
	switch {
	case err != nil:
		return refused("These characters cannot stand together in a login name (RFC 8265).")
	case written != word:
		return refused("Write it as %q: in characters of ordinary width, composed (NFC).",
			strings.Replace(alias, word, written, 1))
	}
	return nil
}

// fromRight reports whether a character belongs to a script that is written from right to left.
func fromRight(r rune) bool {
	return unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Adlam,
		unicode.Mandaic, unicode.Samaritan)
}

// enforce returns what a profile makes of a word. The rule for text from right to left, by which a
// word begins with a letter, is for words that have some (RFC 8265, 3.3.2), which the library
// leaves to its caller: the others are looked at behind a letter, of those no sign combines with.
func enforce(p *precis.Profile, word string) (string, error) {
	if strings.ContainsFunc(word, fromRight) {
		return p.String(word)
	}
	const letter = "q"
	written, err := p.String(letter + word)
	if err != nil {
		return "", err
	}
	return strings.TrimPrefix(written, letter), nil
}

// contextual reports whether a character may be in a name or not by what stands beside it: what RFC
// 5892, appendix A, and the rule for text from right to left (RFC 5893) speak of.
func contextual(r rune) bool {
	return fromRight(r) || unicode.Is(unicode.Mn, r) && mayFollow(r) ||
		strings.ContainsRune("\u00b7\u0375\u05f3\u05f4\u30fb", r)
}

// mayFollow reports whether a mark may follow a letter from right to left.
func mayFollow(r rune) bool {
	_, err := precis.UsernameCaseMapped.String("\u05d0" + string(r))
	return err == nil
}

// together are the scripts that are written together (UTS 39, 5.2, highly restrictive).
var together = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"},
	{"Latin", "Han", "Bopomofo"},
	{"Latin", "Han", "Hangul"},
}

func checkScripts(alias string) error {
	found := make(map[string]bool)
	for _, r := range alias {
		if script := scriptOf(r); script != "" {
			found[script] = true
		}
	}
	scripts := slices.Sorted(maps.Keys(found))
	if len(scripts) <= 1 || slices.ContainsFunc(together, func(mixture []string) bool {
		return !slices.ContainsFunc(scripts, func(script string) bool { return !slices.Contains(mixture, script) })
	}) {
		return nil
	}
	return refused("%s letters are mixed; use those of one script.", strings.Join(scripts, " and "))
}

// scriptOf returns the script of a character, empty for one that belongs to several or to none.
func scriptOf(r rune) string {
	if r < unicode.MaxASCII {
		if unicode.IsLetter(r) {
			return "Latin"
		}
		return ""
	}
	if unicode.In(r, unicode.Common, unicode.Inherited) {
		return ""
	}
	for name, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return name
		}
	}
	return fmt.Sprintf("U+%04X", r)
}

// Spellings returns the ways in which a name that Check accepts could have been written before
// there was a Check, other than its own.
func (Rules) Spellings(alias string) []string {
	own := domain.Fold(alias)
	if wide := width.Widen.String(own); domain.IsASCII(alias) && wide != own { // which normal forms leave as it is
		return []string{wide}
	}
	var others []string
	for _, form := range []string{norm.NFD.String(alias), norm.NFKD.String(alias), width.Widen.String(alias),
		width.Widen.String(norm.NFD.String(alias))} {
		if folded := domain.Fold(form); folded != own && !slices.Contains(others, folded) {
			others = append(others, folded)
		}
	}
	return others
}
