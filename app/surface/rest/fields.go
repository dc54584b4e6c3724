package rest

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/app/httpx"
	"canopy/domain"
)

// fields reads members of an object as leniently as the original's clients need: numbers
// and flags also as text.
type fields struct{ *httpx.Members }

// body reads an object that has only known keys.
func body(c *fiber.Ctx, known ...string) fields { return fields{httpx.BodyOf(c, known...)} }

// refuseGiven fails, naming the first of keys that has a value.
func (f fields) refuseGiven(keys ...string) { f.Refuse("This field cannot be set.", keys...) }

func (f fields) fail(key, wanted string) {
	f.Fail(domain.InvalidField(key, "Give %s.", wanted))
}

// scalar returns a value that is text, or a number as its text. It reports false for any
// other.
func scalar(value json.RawMessage) (string, bool) {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text, true
	}
	var number json.Number
	err := json.Unmarshal(value, &number)
	return number.String(), err == nil
}

// textIf returns a member that is text, or a number taken as text; nil if there is none.
// Text with a NUL is refused: no database keeps it or looks for it.
func (f fields) textIf(key string) *string {
	if !f.Has(key) {
		return nil
	}
	text, ok := scalar(f.Object[key])
	switch {
	case !ok:
		f.fail(key, "a text")
	case hasNUL(text):
		f.fail(key, "a text without NUL")
	}
	return &text
}

func hasNUL(text string) bool { return strings.IndexByte(text, 0) >= 0 }

// text is textIf with what to return if there is none.
func (f fields) text(key, otherwise string) string {
	if text := f.textIf(key); text != nil {
		return *text
	}
	return otherwise
}

// numberIf returns a member that is a whole number, or text of one; nil if there is none.
func (f fields) numberIf(key string) *int64 {
	if !f.Has(key) {
		return nil
	}
	text, _ := scalar(f.Object[key]) // what is no scalar has the text of none
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f.fail(key, "a whole number")
	}
	return &n
}

// daysIf returns a member that is a number of days.
func (f fields) daysIf(key string) *int {
	n := f.numberIf(key)
	if n == nil {
		return nil
	}
	days := int(*n)
	return &days
}

// flagIf returns a member that is true or false; "1" is true and "0" and "2" are false, as
// the original writes them. It is nil if there is none.
func (f fields) flagIf(key string) *bool {
	if !f.Has(key) {
		return nil
	}
	var flag bool
	if json.Unmarshal(f.Object[key], &flag) == nil {
		return &flag
	}
	switch text, _ := scalar(f.Object[key]); text {
	case "1", "true":
		flag = true
	case "0", "2", "false":
	default:
		f.fail(key, `one of true ("1") and false ("0", "2")`)
	}
	return &flag
}

// parseIf returns a member that parse reads from text; nil if there is none.
func parseIf[T any](f fields, key string, parse func(string) (T, error)) *T {
	if !f.Has(key) {
		return nil
	}
	text, _ := scalar(f.Object[key]) // parse says what is expected instead of none
	v, err := parse(text)
	if err != nil {
		f.Err = domain.AsError(err).On(key)
	}
	return &v
}

// refIf returns a member that names something: text, a number, or one of our answers'
// objects, which carry the number as id. It is nil if there is none.
func refIf[R ~string](f fields, key, id string) *R {
	if !f.Has(key) {
		return nil
	}
	ref, ok := readRef[R](f.Object[key], id)
	if !ok {
		f.fail(key, "a name or a number")
	}
	return &ref
}

// refs returns a member that is a list of such; nil if there is none.
func refs[R ~string](f fields, key, id string) *[]R {
	if !f.Has(key) {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(f.Object[key], &list) != nil {
		f.fail(key, "a list of names or numbers")
		return nil
	}
	all := make([]R, len(list))
	for i, text := range list {
		ref, ok := readRef[R](text, id)
		if !ok {
			f.fail(key, "a list of names or numbers")
		}
		all[i] = ref
	}
	return &all
}

// readRef reads what names something, which no text with a NUL does.
func readRef[R ~string](value json.RawMessage, id string) (R, bool) {
	if object, err := (httpx.Object{"": value}).Object(""); err == nil {
		value = object[id]
	}
	text, ok := scalar(value)
	return R(text), ok && text != "" && !hasNUL(text)
}

// masks returns a set of permissions: exact, as the decimal number of a mask that the member with
// that key is, or by name, as one code or a list of codes. What answers have under the key names must
// agree with it, or says the same alone. Both are nil if there is none.
func (f fields) masks(key, names string) (exact, named *domain.Mask) {
	exact, named = f.maskIf(key)
	_, listed := f.maskIf(names)
	switch {
	case f.Err != nil || listed == nil:
	case exact == nil && named == nil:
		named = listed
	case exact != nil && exact.Named() != *listed || named != nil && *named != *listed:
		f.Err = domain.InvalidField(names, "This contradicts %s; send one of them.", key)
	}
	return exact, named
}

func (f fields) maskIf(key string) (exact, named *domain.Mask) {
	if !f.Has(key) {
		return nil, nil
	}
	var codes []string
	text, single := scalar(f.Object[key])
	switch {
	case single && strings.Contains(text, ":"):
		codes = []string{text}
	case single || json.Unmarshal(f.Object[key], &codes) != nil:
		if mask, err := domain.ParseMask(text); err == nil {
			return &mask, nil
		}
		f.fail(key, "a decimal number from 0 to "+domain.AllPermissions.String()+
			", a permission such as user:read, or a list of such")
		return nil, nil
	}
	mask, err := domain.ParsePermissions(codes...)
	if err != nil {
		f.Err = domain.AsError(err).On(key)
	}
	return nil, &mask
}
