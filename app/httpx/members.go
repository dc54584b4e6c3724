package httpx

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/domain"
)

// Members reads the members of an object one after another, each of which may be missing. The first
// error stays in Err; after it nothing is found any more.
type Members struct {
	Object Object
	Err    error
}

// BodyOf reads the body of a request as Body does, as an object that has only known keys.
func BodyOf(c *fiber.Ctx, known ...string) *Members {
	o, err := Body(c)
	if err == nil {
		err = o.RefuseUnknown(known...)
	}
	return &Members{o, err}
}

// Fail keeps err, unless there is an error already.
func (m *Members) Fail(err error) {
	if m.Err == nil {
		m.Err = err
	}
}

// Has reports whether there is a member with that key that is not null.
func (m *Members) Has(key string) bool { return m.Err == nil && m.Object.Has(key) }

// Require fails, naming the first of keys without a value.
func (m *Members) Require(keys ...string) { m.Fail(m.Object.Require(keys...)) }

// Refuse fails with that sentence, naming the first of keys with a value.
func (m *Members) Refuse(sentence string, keys ...string) {
	for _, key := range keys {
		if m.Has(key) {
			m.Err = domain.InvalidField(key, "%s", sentence)
		}
	}
}

// Member returns the member with that key as a T. It is nil if there is none or it is null, and
// fails if it is not a T or text with a NUL, which no database keeps.
func Member[T any](m *Members, key string) *T {
	if !m.Has(key) {
		return nil
	}
	var v T
	if err := json.Unmarshal(m.Object[key], &v); err != nil {
		m.Err = domain.InvalidField(key, "Give %s.", kindOf(v))
	} else if text, ok := any(v).(string); ok && !isText(text) {
		m.Err = domain.InvalidField(key, "Give a text without NUL.")
	}
	return &v
}

// Given is Member with the zero value where there is none.
func Given[T any](m *Members, key string) (value T) {
	if v := Member[T](m, key); v != nil {
		value = *v
	}
	return value
}

// Parsed returns the member with that key as parse reads it from text, whose error names the key; nil
// if there is none.
func Parsed[T any](m *Members, key string, parse func(string) (T, error)) *T {
	text := Member[string](m, key)
	if text == nil || m.Err != nil {
		return nil
	}
	v, err := parse(*text)
	if err != nil {
		m.Err = domain.AsError(err).On(key)
	}
	return &v
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a text"
	case bool:
		return "one of true and false"
	case int, int64:
		return "a whole number"
	case []string:
		return "a list of texts"
	case []json.RawMessage:
		return "a list of objects"
	case map[string]any:
		return "an object"
	}
	return strings.TrimPrefix(fmt.Sprintf("a value of another kind (%T)", v), "*")
}
