package app_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gofiber/fiber/v2"

	"canopy/app"
)

func TestEveryRouteIsDescribed(t *testing.T) {
	for _, offered := range surfaces(t) {
		described := addresses(describe(t, offered).doc)
		for _, route := range routes(offered.App) {
			if described[route] == nil {
				t.Errorf("%s: %s is not described", offered.Name, route)
			}
		}
	}
}

func TestEveryDescriptionIsARoute(t *testing.T) {
	for _, offered := range surfaces(t) {
		there := routes(offered.App)
		for operation := range addresses(describe(t, offered).doc) {
			if !slices.Contains(there, operation) {
				t.Errorf("%s: %s is described, and there is no such route", offered.Name, operation)
			}
		}
	}
}

var (
	fiberParameter   = regexp.MustCompile(`:[A-Za-z]+|\*`)
	openAPIParameter = regexp.MustCompile(`\{[^{}]*\}`)
)

// routes returns method and path of every route, with parameters as {}. HEAD is part of
// GET (RFC 9110, 9.3.2).
func routes(of *fiber.App) []string {
	var all []string
	for _, route := range of.GetRoutes(true) {
		if route.Method != http.MethodHead {
			all = append(all, route.Method+" "+fiberParameter.ReplaceAllString(route.Path, "{}"))
		}
	}
	return all
}

// addresses returns the operations of a document at each of its servers.
func addresses(doc *openapi3.T) map[string]*openapi3.Operation {
	all := map[string]*openapi3.Operation{}
	for name, operation := range operations(doc) {
		method, path, _ := strings.Cut(name, " ")
		for _, server := range doc.Servers {
			all[method+" "+strings.TrimSuffix(server.URL, "/")+path] = operation
		}
	}
	return all
}

// operations returns what a document describes, by method and path as routes writes them.
func operations(doc *openapi3.T) map[string]*openapi3.Operation {
	all := map[string]*openapi3.Operation{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			all[method+" "+openAPIParameter.ReplaceAllString(path, "{}")] = operation
		}
	}
	return all
}

// rarely are the statuses that no file brings about at will, or, as 429 does, with every
// route the same.
var rarely = []string{"429", "500", "503"}

// beside are answers that only somebody gets who asks at the moment in which somebody else changes the same.
var beside = []string{"DELETE /rest/users/{} 409"}

// asPost returns the operation that the same handler answers, for what is PATCH and PUT too.
func asPost(operation string) string {
	for _, method := range []string{"PATCH ", "PUT "} {
		if path, is := strings.CutPrefix(operation, method+"/rest/"); is {
			return "POST /rest/" + path
		}
	}
	return operation
}

// TestEveryAnswerIsShown holds that the contract files show every status that is described
// of every operation.
func TestEveryAnswerIsShown(t *testing.T) {
	for _, offered := range surfaces(t) {
		described := describe(t, offered)
		shown := map[string]bool{}
		for _, told := range stories(t, offered.Name) {
			for _, s := range told.steps {
				shown[described.operationOf(t, &s)+" "+s.status[:3]] = true
			}
		}
		all := operations(described.doc)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			for status, response := range all[name].Responses.Map() {
				if strings.HasSuffix(response.Ref, "/SameRequest") {
					continue // only somebody gets it who asks at the moment in which they ask for the same
				}
				refused := status >= "400" && shown[asPost(name)+" "+status]
				if !shown[name+" "+status] && !refused && !slices.Contains(rarely, status) && !slices.Contains(beside, name+" "+status) {
					t.Errorf("%s: no contract file shows %s answered with %s", offered.Name, name, status)
				}
			}
		}
	}
}

// operationOf returns the operation a step asks for, empty if there is none.
func (d *description) operationOf(t *testing.T, s *step) string {
	t.Helper()
	r, err := http.NewRequest(s.method, "http://canopy.example"+placeholder.ReplaceAllString(s.target, "x"), nil)
	if err != nil {
		t.Fatalf("%s: %v", s.place, err)
	}
	route, _, err := d.router.FindRoute(r)
	if err != nil {
		return ""
	}
	return route.Method + " " + openAPIParameter.ReplaceAllString(strings.TrimSuffix(route.Path, "/"), "{}")
}

// TestFormatsAreChecked holds that every format in use is one that is checked, and that
// the check of a whole response gets to it.
func TestFormatsAreChecked(t *testing.T) {
	for _, offered := range surfaces(t) {
		for _, format := range regexp.MustCompile(`format: ([a-z0-9-]+)`).FindAllStringSubmatch(string(offered.OpenAPI), -1) {
			if formats[format[1]] == nil && format[1] != "int64" && format[1] != "int32" {
				t.Errorf("%s: nothing checks the format %s", offered.Name, format[1])
			}
		}
	}
	rest := describe(t, surfaceNamed(t, "rest"))
	answer := func(id, mail string) *reply {
		return &reply{status: "200 OK",
			header: textproto.MIMEHeader{"Content-Type": {"application/json"}, "X-Request-Id": {"1"}},
			body: fmt.Appendf(nil, `{"timestamp":1637577153521,"status":"200","data":{"userid":1,
				"person":{"trkid":1,"firstname":"a","lastname":"","mailaddress":%q,"phone":"","role":null,"service":null},
				"group":{"id":2,"alias":"User","parent":{"id":3,"alias":"Admin","parent":1,"permission":"1"},"permission":"1"},
				"alias":"a","envId":1,"password":null,"passworddelay":0,"language":"","lastconnected":null,"lastpassword":null,
				"active":true,"revokedelay":0,"defaultpage":1,"firstaccess":false,"logged":null,"timezone":null,
				"envs":[],"envsbloque":[],"role":"user","organization":1,"groups":[],"id":%q,"state":"approved"}}`, mail, id)}
	}
	request := []byte("GET /rest/users/a HTTP/1.1\r\nHost: canopy.example\r\n\r\n")
	const id = "017d47c4-8b2e-7c3a-9d1f-2a6b5c4d3e01"
	if err := rest.check(request, answer(id, "a@b.example")); err != nil {
		t.Errorf("a good response: %v", err)
	}
	if err := rest.check(request, answer(strings.Replace(id, "-", "", 1), "a@b.example")); err == nil {
		t.Error("an id that is not a UUID was not noticed")
	}
	if err := rest.check(request, answer(id, "a at b")); err == nil {
		t.Error("an address that is not one was not noticed")
	}
	audit := func(from string) error {
		refused := &reply{status: "403 Forbidden", header: answer(id, "").header,
			body: []byte(
				`{"timestamp":1637577153521,"status":"403","error":"You may not do this","thechnicalError":"forbidden"}`)}
		return rest.check([]byte("GET /rest/audit?from="+from+" HTTP/1.1\r\nHost: canopy.example\r\n\r\n"), refused)
	}
	if err := audit("2021-11-22T10:00:00Z"); err != nil {
		t.Errorf("a good time: %v", err)
	}
	if err := audit("yesterday"); err == nil {
		t.Error("a time that is not one was not noticed")
	}
}

func surfaceNamed(t *testing.T, name string) app.Offered {
	t.Helper()
	for _, offered := range surfaces(t) {
		if offered.Name == name {
			return offered
		}
	}
	t.Fatalf("there is no surface %s", name)
	return app.Offered{}
}

// TestDescriptionsAreHeld holds that answers are checked for constants, and that what would be checked for nothing is
// in no description.
func TestDescriptionsAreHeld(t *testing.T) {
	of := describe(t, app.Offered{Name: "example", OpenAPI: []byte(`{openapi: 3.1.0, info: {title: a, version: '1'},
		paths: {/a: {get: {responses: {'200': {description: a, content: {application/json: {
			schema: {type: boolean, const: true}}}}}}}}}`)})
	for body, wrong := range map[string]bool{"true": false, "false": true} {
		got := &reply{status: "200 OK", body: []byte(body), header: textproto.MIMEHeader{"Content-Type": {"application/json"}}}
		if err := of.check([]byte("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"), got); (err != nil) != wrong {
			t.Errorf("%s: %v", body, err)
		}
	}
	if err := plain("", openapi3.NewSchemaRef("", &openapi3.Schema{DependentRequired: map[string][]string{"a": {"b"}}})); err == nil {
		t.Error("dependentRequired would be checked for nothing")
	}
}
