package authn

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"canopy/app/authn/blocklist"
	"canopy/domain"
)

// The bounds of a password, in characters and bytes.
const (
	MinPasswordLength = 6
	MaxPasswordLength = 1024
)

// normalise returns a password in the form in which it is hashed, so that it does not matter how a keyboard puts a
// letter together (NIST SP 800-63B, 3.1.1.2).
func normalise(password string) string { return norm.NFKC.String(password) }

// length returns how many characters a password has, however its letters are put together. One that stands for
// many is one.
func length(password string) int {
	return min(utf8.RuneCountInString(norm.NFC.String(password)), utf8.RuneCountInString(normalise(password)))
}

// Judge returns an Invalid error, field "password", for a new password that is too short or too
// long, or no text. It takes no time, so ask it before anything that does.
func (h *Hasher) Judge(password string) error { return judge(password, h.min) }

func judge(password string, least int) error {
	switch {
	case len(password) > MaxPasswordLength:
		return domain.InvalidField("password", "At most %d bytes are allowed.", MaxPasswordLength)
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return domain.InvalidField("password", "This is not valid text.")
	case length(password) < least:
		return domain.InvalidField("password", "At least %d characters are required.", least)
	}
	return nil
}

// JudgeChosen is Judge for a password that somebody chooses for themselves. Where an environment asks for a length it
// must have that, and it returns domain.ErrPasswordCommon or domain.ErrPasswordNames for what others would guess. It
// returns domain.ErrPasswordBreached for one in the file of Against, and Internal if that cannot be read.
func (h *Hasher) JudgeChosen(p domain.ChosenPassword) error {
	if err := judge(p.Text, max(h.min, p.Least)); err != nil {
		return err
	}
	if p.Least > 0 {
		if isCommon(normalise(p.Text)) {
			return domain.ErrPasswordCommon
		}
		if isMadeOf(normalise(p.Text), p.Words) {
			return domain.ErrPasswordNames
		}
	}
	if h.breached == nil {
		return nil
	}
	for _, text := range []string{p.Text, normalise(p.Text)} {
		switch found, err := h.breached.Contains(text); {
		case err != nil:
			return domain.ErrInternal.Because(err)
		case found:
			return domain.ErrPasswordBreached
		}
	}
	return nil
}

// leastUnit is how many characters something must have that is no common password when it is written again and again.
const leastUnit = 4

// isCommon reports whether a password is one of the commonest, once or several times, or a short text again and again.
func isCommon(password string) bool {
	password = domain.Fold(password)
	if blocklist.Contains(password) {
		return true
	}
	unit := password
	if at := strings.Index((password + password)[1:], password) + 1; at > 0 {
		unit = password[:at] // the shortest text that the password consists of
	}
	return len(unit) < len(password) && (utf8.RuneCountInString(unit) < leastUnit || blocklist.Contains(unit))
}

const (
	// leastWord is how many characters a word must have to make a password out of it.
	leastWord = 3
	// mostBetween is how many characters that are no letters a password may have beside words and still be made of
	// them: a date with the signs in it and around it.
	mostBetween = 12
)

// isMadeOf reports whether a password consists of nothing but words, forwards or backwards, as often as somebody likes,
// in letters of either case and with digits and signs for letters, and a few digits and signs between them.
func isMadeOf(password string, words []string) bool {
	var parts [][]rune
	for _, word := range words {
		for _, part := range append(strings.FieldsFunc(word, isNoLetter), word) {
			if letters := plain(part); len(letters) >= leastWord {
				parts = append(parts, letters, reversed(letters))
			}
		}
	}
	text := plain(password)
	// between[i] is how few characters beside words the first i are made with, more than mostBetween if they are not.
	between := make([]int, len(text)+1)
	for i := range text {
		between[i+1] = mostBetween + 1
	}
	named := make([]bool, len(text)+1) // whether there is a word among them
	reach := func(to, beside int, word bool) {
		if beside < between[to] || beside == between[to] && word {
			between[to], named[to] = beside, word
		}
	}
	for i := range text {
		if between[i] > mostBetween {
			continue
		}
		if isNoLetter(text[i]) {
			reach(i+1, between[i]+1, named[i])
		}
		for _, part := range parts {
			if stands(text[i:], part) {
				reach(i+len(part), between[i], true)
			}
		}
	}
	return between[len(text)] <= mostBetween && named[len(text)]
}

// plain returns a text as it is compared.
func plain(text string) []rune { return []rune(domain.Fold(normalise(text))) }

func isNoLetter(r rune) bool { return !unicode.IsLetter(r) }

// stands reports whether text begins with the word, letters written as digits and signs included.
func stands(text, word []rune) bool {
	if len(text) < len(word) {
		return false
	}
	for i, r := range word {
		if text[i] != r && letterFor(text[i]) != letterFor(r) {
			return false
		}
	}
	return true
}

// letterFor returns the letter that a digit or a sign is often written for, else the rune itself.
func letterFor(r rune) rune {
	switch r {
	case '0':
		return 'O'
	case '1', '!', '|', 'L':
		return 'I'
	case '3', '€':
		return 'E'
	case '4', '@':
		return 'A'
	case '5', '$':
		return 'S'
	case '7', '+':
		return 'T'
	}
	return r
}

func reversed(runes []rune) []rune {
	back := make([]rune, len(runes))
	for i, r := range runes {
		back[len(runes)-1-i] = r
	}
	return back
}
