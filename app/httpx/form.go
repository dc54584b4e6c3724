package httpx

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"canopy/domain"
)

// Form is the fields of a form that came in. None comes twice.
type Form map[string]string

// What bodies of other types are told.
var (
	errNoForm = domain.ErrInvalid.Saying("The body must be a form, with Content-Type: %s or %s.",
		fiber.MIMEApplicationForm, fiber.MIMEMultipartForm)
	errNotEncoded = domain.ErrInvalid.Saying("The body must be a form, with Content-Type: %s.", fiber.MIMEApplicationForm)
	errNoFile     = domain.ErrInvalid.Saying("The body must be a form with a file, with Content-Type: %s.",
		fiber.MIMEMultipartForm)
)

// maxFields bounds the fields of a form and the parts of a body that has several: the largest form is that of an
// identity provider with a hundred rules.
const maxFields = 600

// ReadForm reads the body of a request, which must be a form: application/x-www-form-urlencoded
// or multipart/form-data. It refuses a field that is not one of known or comes twice, and values
// that are not text. No body at all is an empty form.
func ReadForm(c *fiber.Ctx, known ...string) (Form, error) {
	form, err := parseForm(c.Get(fiber.HeaderContentType), c.Context().PostBody(), nil)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if !slices.Contains(known, name) {
			return nil, unknown(name, "There is no such field; leave it out.")
		}
	}
	return form, nil
}

// EncodedForm reads the body of a request, which must be application/x-www-form-urlencoded. It refuses a field that
// comes twice, and values that are not text.
func EncodedForm(c *fiber.Ctx) (Form, error) {
	kind, _, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || kind != fiber.MIMEApplicationForm {
		return nil, errNotEncoded
	}
	form := make(Form)
	return form, form.readEncoded(string(c.Context().PostBody()))
}

// Files are what files of a form hold, by field. None comes twice.
type Files map[string][]byte

// AnyForm reads the body of a request as ReadForm does, but for what is known. Parts with the name of a file are
// files and no fields: they need not be text.
func AnyForm(c *fiber.Ctx) (Form, Files, error) {
	files := make(Files)
	form, err := parseForm(c.Get(fiber.HeaderContentType), c.Context().PostBody(), files)
	return form, files, err
}

// parseForm reads a form of that content type. Without files, parts with the name of a file are fields.
func parseForm(contentType string, body []byte, files Files) (Form, error) {
	if contentType == "" && len(body) == 0 {
		return Form{}, nil
	}
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, errNoForm
	}
	form := make(Form)
	switch kind {
	case fiber.MIMEApplicationForm:
		err = form.readEncoded(string(body))
	case fiber.MIMEMultipartForm:
		err = eachPart(parameters["boundary"], body, func(p *multipart.Part, content []byte) error {
			name := p.FormName()
			if files == nil || p.FileName() == "" {
				return form.add(name, string(content))
			}
			if _, twice := files[name]; twice {
				return domain.InvalidField(printable(name), "Give this field only once.")
			}
			files[name] = content
			return nil
		})
	default:
		err = errNoForm
	}
	if err != nil {
		return nil, err
	}
	return form, nil
}

func (f Form) readEncoded(text string) error {
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if errName != nil || errValue != nil {
			return domain.InvalidField(printable(name), "This is not percent-encoded as forms are.")
		}
		if err := f.add(name, value); err != nil {
			return err
		}
	}
	return nil
}

func (f Form) add(name, value string) error {
	_, twice := f[name]
	switch {
	case !isText(name) || !isText(value):
		return domain.InvalidField(printable(name), "This is not valid text.")
	case twice:
		return domain.InvalidField(printable(name), "Give this field only once.")
	case len(f) == maxFields:
		return domain.ErrInvalid.Saying("At most %d fields are allowed.", maxFields)
	}
	f[name] = value
	return nil
}

// Require returns an Invalid error that names the first of names without a value.
func (f Form) Require(names ...string) error {
	for _, name := range names {
		if f[name] == "" {
			return domain.InvalidField(name, "A value is required.")
		}
	}
	return nil
}

// ReadFile reads the part with that name of a body that is multipart/form-data. Other parts are
// passed over.
func ReadFile(c *fiber.Ctx, name string) ([]byte, error) {
	return ParseFile(c.Get(fiber.HeaderContentType), c.Context().PostBody(), name)
}

// ParseFile reads a body of that content type as ReadFile does.
func ParseFile(contentType string, body []byte, name string) ([]byte, error) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || kind != fiber.MIMEMultipartForm {
		return nil, errNoFile
	}
	var file []byte
	err = eachPart(parameters["boundary"], body, func(p *multipart.Part, content []byte) error {
		if p.FormName() != name {
			return nil
		}
		if file != nil {
			return domain.InvalidField(name, "Give this field only once.")
		}
		file = content
		return nil
	})
	if err == nil && file == nil {
		err = domain.InvalidField(name, "A file is required.")
	}
	return file, err
}

// eachPart visits the parts of a body. What they have together is no more than the body.
func eachPart(boundary string, body []byte, visit func(*multipart.Part, []byte) error) error {
	if boundary == "" {
		return domain.ErrInvalid.Saying("Name the boundary of the parts in Content-Type.")
	}
	parts := multipart.NewReader(bytes.NewReader(body), boundary)
	for n := 0; ; n++ {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) && n > 0 {
			return nil
		}
		if err != nil {
			return domain.ErrInvalid.Saying("The parts of the form cannot be read; send them as multipart/form-data.").
				Because(err)
		}
		if n == maxFields {
			return domain.ErrInvalid.Saying("At most %d parts are allowed.", maxFields)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return domain.ErrInvalid.Saying("The parts of the form cannot be read; send them as multipart/form-data.").
				Because(err)
		}
		if content == nil {
			content = []byte{}
		}
		if err := visit(part, content); err != nil {
			return err
		}
	}
}
