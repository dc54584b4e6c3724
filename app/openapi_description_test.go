package app_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"canopy/app"
	"canopy/domain"
)

// formats are the checks of the formats that descriptions may use. One that is not here
// would pass whatever the value.
var formats = map[string]func(string) error{
	"uuid":      func(s string) error { _, err := domain.ParseUUID(s); return err },
	"email":     func(s string) error { _, err := mail.ParseAddress(s); return err },
	"date":      func(s string) error { _, err := time.Parse(time.DateOnly, s); return err },
	"date-time": func(s string) error { _, err := time.Parse(time.RFC3339, s); return err },
}

func init() {
	for _, kind := range []string{"image/jpeg", "image/png"} {
		openapi3filter.RegisterBodyDecoder(kind, openapi3filter.FileBodyDecoder)
	}
	for name, check := range formats {
		openapi3.DefineStringFormatValidator(name, openapi3.NewCallbackValidator(check))
	}
}

// A description is a surface's OpenAPI document, ready to check requests and responses.
type description struct {
	name   string
	doc    *openapi3.T
	router routers.Router
}

// descriptions are those that were read, by their text. Nobody changes them.
var descriptions sync.Map

// describe reads a surface's document, which must be valid, its examples too.
func describe(t *testing.T, offered app.Offered) *description {
	t.Helper()
	if known, ok := descriptions.Load(string(offered.OpenAPI)); ok {
		return known.(*description)
	}
	doc, err := openapi3.NewLoader().LoadFromData(offered.OpenAPI)
	if err != nil {
		t.Fatalf("%s: the description cannot be read: %v", offered.Name, err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Fatalf("%s: the description is of OpenAPI %s", offered.Name, doc.OpenAPI)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatalf("%s: the description is not valid: %v", offered.Name, err)
	}
	if err := doc.WalkSchemas(plain); err != nil {
		t.Fatalf("%s: %v", offered.Name, err)
	}
	router, err := gorillamux.NewRouter(routable(doc))
	if err != nil {
		t.Fatalf("%s: %v", offered.Name, err)
	}
	read := &description{name: offered.Name, doc: doc, router: router}
	descriptions.Store(string(offered.OpenAPI), read)
	return read
}

// since31 are the keywords of schemas that OpenAPI 3.1 added beside const, and 3.0 would pass over.
var since31 = []string{"$defs", "contains", "contentSchema", "dependentRequired", "dependentSchemas", "else", "if",
	"patternProperties", "prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"}

// plain writes a schema's constant as OpenAPI 3.0 has it, as the only value. An error is a keyword that it has not.
func plain(at string, ref *openapi3.SchemaRef) error {
	text, err := ref.Value.MarshalJSON()
	if err != nil {
		return err
	}
	var keywords map[string]any
	if err := json.Unmarshal(text, &keywords); err != nil {
		return err
	}
	for _, keyword := range since31 {
		if _, has := keywords[keyword]; has {
			return fmt.Errorf("%s has %s, which values would not be checked for", at, keyword)
		}
	}
	if ref.Value.Const != nil {
		ref.Value.Enum = []any{ref.Value.Const}
	}
	return nil
}

// routable returns a document as its server routes it: OpenAPI has no parameter of several segments
// and no path that may end with a slash, so both are marked. It says that it is of OpenAPI 3.0: for one of 3.1 the
// library compiles a schema anew for each value, with all that it refers to.
func routable(doc *openapi3.T) *openapi3.T {
	routed := *doc
	routed.OpenAPI = "3.0.3"
	routed.Paths = openapi3.NewPaths()
	for path, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			for _, p := range operation.Parameters {
				if p.Value.Extensions["x-canopy-slashes"] == true {
					path = strings.Replace(path, "{"+p.Value.Name+"}", "{"+p.Value.Name+":.+}", 1)
				}
			}
		}
		routed.Paths.Set(path, item)
		if item.Extensions["x-canopy-slash-at-end"] == true {
			routed.Paths.Set(path+"/", item)
		}
	}
	return &routed
}

// mayBeOdd are the statuses of requests that need not be as described: they were refused
// for that, or before anybody looked.
var mayBeOdd = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound,
	http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity}

// check returns an error unless the response is what the description says of the request,
// and the request too if it was taken.
func (d *description) check(request []byte, got *reply) error {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
	if err != nil {
		return err
	}
	head := r.Method == http.MethodHead
	if head {
		r.Method = http.MethodGet
	}
	var status int
	if _, err := fmt.Sscan(got.status, &status); err != nil {
		return err
	}
	if status == http.StatusRequestHeaderFieldsTooLarge {
		return nil // no surface has seen the request
	}
	route, params, err := d.router.FindRoute(r)
	if err != nil {
		refused := []int{http.StatusNotFound, http.StatusMovedPermanently}
		if errors.Is(err, routers.ErrMethodNotAllowed) {
			refused = []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented}
		}
		if slices.Contains(refused, status) || r.Method == http.MethodOptions && status == http.StatusOK {
			return nil
		}
		return fmt.Errorf("%s %s was answered with %d: %w", r.Method, r.URL.Path, status, err)
	}
	options := &openapi3filter.Options{
		IncludeResponseStatus: true, ExcludeReadOnlyValidations: true,
		RejectWhenRequestBodyNotSpecified: r.Method != http.MethodGet, // the body of a GET means nothing
		AuthenticationFunc:                openapi3filter.NoopAuthenticationFunc,
	}
	sent := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options}
	if !slices.Contains(mayBeOdd, status) {
		if err := openapi3filter.ValidateRequest(r.Context(), sent); err != nil {
			return fmt.Errorf("the request: %w", err)
		}
	}
	answered := &openapi3filter.ResponseValidationInput{RequestValidationInput: sent, Status: status,
		Header: http.Header(got.header), Options: options}
	if head {
		options.ExcludeResponseBody = true
	}
	answered.Body = io.NopCloser(bytes.NewReader(got.body))
	return openapi3filter.ValidateResponse(r.Context(), answered)
}
