package httpx

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// Writer writes JSON, one member after the other, in the order of the calls. The methods
// that take a key write a member of the object that is open; an empty key writes an
// element of the array that is open, or the value itself. What it writes is well formed
// as long as each Open is closed.
type Writer struct {
	text  []byte
	comma bool
}

// Bytes returns what was written. It is valid until the next call.
func (w *Writer) Bytes() []byte { return w.text }

// Raw writes JSON that a Writer wrote before.
func (w *Writer) Raw(key string, text []byte) {
	w.key(key)
	w.text = append(w.text, text...)
}

// Reset forgets what was written, but not that something was: what follows continues.
func (w *Writer) Reset() { w.text = w.text[:0] }

// Open begins an object, with '{', or an array, with '['.
func (w *Writer) Open(key string, bracket byte) {
	w.key(key)
	w.text = append(w.text, bracket)
	w.comma = false
}

// Close ends what Open began, with '}' or ']'.
func (w *Writer) Close(bracket byte) {
	w.text = append(w.text, bracket)
	w.comma = true
}

// End ends the line.
func (w *Writer) End() { w.text = append(w.text, '\n') }

// Number writes a whole number.
func (w *Writer) Number(key string, n int64) {
	w.key(key)
	w.text = strconv.AppendInt(w.text, n, 10)
}

// Text writes a string.
func (w *Writer) Text(key, s string) {
	w.key(key)
	w.text = appendText(w.text, s)
}

// TextOrNull writes a string, and null for the empty one.
func (w *Writer) TextOrNull(key, s string) {
	if s == "" {
		w.Null(key)
		return
	}
	w.Text(key, s)
}

// Flag writes true or false.
func (w *Writer) Flag(key string, yes bool) {
	w.key(key)
	w.text = strconv.AppendBool(w.text, yes)
}

// Null writes null.
func (w *Writer) Null(key string) {
	w.key(key)
	w.text = append(w.text, "null"...)
}

func (w *Writer) key(key string) {
	if w.comma {
		w.text = append(w.text, ',')
	}
	w.comma = true
	if key != "" {
		w.text = append(w.text, '"')
		w.text = append(w.text, key...)
		w.text = append(w.text, '"', ':')
	}
}

// appendText appends s as a JSON string. Most strings have nothing to escape.
func appendText(text []byte, s string) []byte {
	if !plain(s) {
		return appendEscaped(text, s)
	}
	text = append(text, '"')
	text = append(text, s...)
	return append(text, '"')
}

// lineSeparators is the first byte of U+2028 and U+2029, which are escaped.
const lineSeparators = 0xe2

// plain reports whether s stands in JSON as it is. It may say no of a text that does.
func plain(s string) bool {
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == '"' || c == '\\' || c == lineSeparators {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(s)
}

func appendEscaped(text []byte, s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return append(text, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}
