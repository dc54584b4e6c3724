package httpx

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"slices"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"canopy/domain"
)

// Object is a JSON object that came in: its members, still undecoded. Its keys are exact,
// and none comes twice.
type Object map[string]json.RawMessage

// Body reads the body of a request, which must be one JSON object (RFC 8259) and be called
// application/json. It refuses duplicate keys, trailing data and text that is not UTF-8:
// what two readers could understand differently.
func Body(c *fiber.Ctx) (Object, error) {
	kind, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || kind != fiber.MIMEApplicationJSON {
		return nil, fiber.ErrUnsupportedMediaType
	}
	if c.Get(fiber.HeaderContentEncoding) != "" {
		return nil, domain.ErrInvalid.Saying("Send the body without Content-Encoding.")
	}
	return ParseObject(bytes.Clone(c.Context().PostBody()))
}

// ParseObject reads one JSON object as Body does. The object keeps parts of text.
func ParseObject(text []byte) (Object, error) {
	if !utf8.Valid(text) {
		return nil, domain.ErrInvalid.Saying("The body is not valid UTF-8.")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	object, err := readObject(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, domain.ErrInvalid.Saying("Send one JSON object and nothing after it.")
	}
	return object, nil
}

func readObject(d *json.Decoder) (Object, error) {
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, domain.ErrInvalid.Saying("The body must be a JSON object.")
	}
	object := make(Object)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, malformed(d)
		}
		key, ok := t.(string)
		if !ok {
			return nil, malformed(d)
		}
		if _, twice := object[key]; twice {
			return nil, domain.InvalidField(printable(key), "Give this only once.")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, malformed(d)
		}
		object[key] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, malformed(d)
	}
	return object, nil
}

func malformed(d *json.Decoder) error {
	return domain.ErrInvalid.Saying("The body is not valid JSON, at byte %d.", d.InputOffset())
}

// Has reports whether the object has a member with that key that is not null.
func (o Object) Has(key string) bool {
	value, ok := o[key]
	return ok && !bytes.Equal(value, []byte("null"))
}

// Object returns the member with that key, which must be an object.
func (o Object) Object(key string) (Object, error) {
	object, err := readObject(json.NewDecoder(bytes.NewReader(o[key])))
	if err != nil {
		e := domain.AsError(err)
		if e.Field == "" {
			return nil, domain.InvalidField(key, "Give an object.")
		}
		return nil, e.On(key + "." + e.Field)
	}
	return object, nil
}

// RefuseUnknown returns an Invalid error that names the first key, by the alphabet, that is
// not one of known.
func (o Object) RefuseUnknown(known ...string) error {
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(known, key) {
			return unknown(key, "There is no such field; leave it out.")
		}
	}
	return nil
}

// Require returns an Invalid error that names the first of keys without a value.
func (o Object) Require(keys ...string) error {
	for _, key := range keys {
		if !o.Has(key) {
			return domain.InvalidField(key, "A value is required.")
		}
	}
	return nil
}
