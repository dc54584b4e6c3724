package httpx

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"

	"canopy/domain"
)

func parts(n int, name string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "--x\r\nContent-Disposition: form-data; name=\"%s%d\"\r\n\r\nv\r\n", name, i)
	}
	return b.String() + "--x--\r\n"
}

const multipartX = "multipart/form-data; boundary=x"

func TestForms(t *testing.T) {
	for name, c := range map[string]struct {
		kind, body string
		want       Form
	}{
		"nothing":               {"", "", Form{}},
		"encoded":               {fiber.MIMEApplicationForm, "a=b+c&d=%C3%A9%26&e", Form{"a": "b c", "d": "é&", "e": ""}},
		"encoded, with charset": {fiber.MIMEApplicationForm + "; charset=UTF-8", "a=b", Form{"a": "b"}},
		"parts":                 {multipartX, parts(2, "f"), Form{"f0": "v", "f1": "v"}},
		"100 parts":             {multipartX, parts(maxFields, "f"), nil},
	} {
		form, err := parseForm(c.kind, []byte(c.body), nil)
		require.NoError(t, err, name)
		if c.want != nil {
			require.Equal(t, c.want, form, name)
		}
	}
	for name, c := range map[string]struct{ kind, body string }{
		"twice":               {fiber.MIMEApplicationForm, "a=b&a=c"},
		"a NUL":               {fiber.MIMEApplicationForm, "a=%00"},
		"not UTF-8":           {fiber.MIMEApplicationForm, "a=%ff"},
		"half an escape":      {fiber.MIMEApplicationForm, "a=%2"},
		"too many":            {fiber.MIMEApplicationForm, manyFields(maxFields + 1)},
		"JSON":                {fiber.MIMEApplicationJSON, "{}"},
		"a type that is none": {"x;;", "a=b"},
		"no boundary":         {"multipart/form-data", parts(1, "f")},
		"another boundary":    {"multipart/form-data; boundary=y", parts(1, "f")},
		"no end":              {multipartX, strings.TrimSuffix(parts(1, "f"), "--x--\r\n")},
		"the same name twice": {multipartX, strings.Replace(parts(2, "f"), "f1", "f0", 1)},
		"1,000 parts":         {multipartX, parts(1000, "f")},
		"1,000 parts of a name": {multipartX,
			strings.Repeat("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nv\r\n", 1000) + "--x--\r\n"},
		"a part with long names": {multipartX, "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n" +
			strings.Repeat("X-A: b\r\n", 100_000) + "\r\nv\r\n--x--\r\n"},
	} {
		_, err := parseForm(c.kind, []byte(c.body), nil)
		require.Error(t, err, name)
		require.Equal(t, domain.Invalid, domain.AsError(err).Kind, name)
	}
}

func manyFields(n int) string {
	fields := make([]string, n)
	for i := range fields {
		fields[i] = fmt.Sprintf("f%d=v", i)
	}
	return strings.Join(fields, "&")
}

func TestFiles(t *testing.T) {
	body := "--x\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\no\r\n--x\r\nContent-Disposition: form-data; " +
		"name=\"file\"; filename=\"../../etc/passwd\"\r\n\r\n\x00\xff\r\n--x--\r\n"
	file, err := ParseFile(multipartX, []byte(body), "file")
	require.NoError(t, err)
	require.Equal(t, []byte("\x00\xff"), file)
	_, err = ParseFile(multipartX, []byte(body), "image")
	require.Equal(t, "image", domain.AsError(err).Field)
	_, err = ParseFile(multipartX, []byte(parts(1000, "f")), "file")
	require.ErrorIs(t, err, domain.ErrInvalid)
	_, err = ParseFile(fiber.MIMEApplicationForm, []byte("file=x"), "file")
	require.ErrorIs(t, err, errNoFile)
}

// FuzzParseForm holds that a form has text only, bounded in number and size.
func FuzzParseForm(f *testing.F) {
	f.Add(fiber.MIMEApplicationForm, "a=b+c&d=%C3%A9")
	f.Add(multipartX, parts(2, "f"))
	f.Fuzz(func(t *testing.T, kind, body string) {
		form, err := parseForm(kind, []byte(body), make(Files))
		if err != nil {
			return
		}
		total := 0
		for name, value := range form {
			if !utf8.ValidString(name) || !utf8.ValidString(value) || strings.Contains(name+value, "\x00") {
				t.Errorf("%q: %q", name, value)
			}
			total += len(value)
		}
		if len(form) > maxFields || total > len(body) {
			t.Errorf("%d fields, %d bytes of %d", len(form), total, len(body))
		}
	})
}
