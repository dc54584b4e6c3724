package app_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"canopy/app"
)

// TestDescriptionsAreForGenerators holds that every description is written in what linters and
// generators of clients agree upon, which is less than what OpenAPI permits.
func TestDescriptionsAreForGenerators(t *testing.T) {
	for _, offered := range surfaces(t) {
		for _, flaw := range flaws(t, offered) {
			t.Errorf("%s: %s", offered.Name, flaw)
		}
	}
}

// TestFlawsAreSeen holds that each rule for generators is looked at.
func TestFlawsAreSeen(t *testing.T) {
	for flaw, paths := range map[string]string{
		"several types at once":        `{/a: {get: {operationId: a, responses: {'200': {content: {application/json: {schema: {type: [string, 'null']}}}}}}}}`,
		"an array of what":             `{/a: {get: {operationId: a, responses: {'200': {content: {application/json: {schema: {type: array}}}}}}}}`,
		"a constant of what type":      `{/a: {get: {operationId: a, responses: {'200': {content: {application/json: {schema: {const: 1}}}}}}}}`,
		"null among values":            `{/a: {get: {operationId: a, responses: {'200': {content: {application/json: {schema: {type: string, enum: [a, null]}}}}}}}}`,
		"leads nowhere":                `{/a: {get: {operationId: a, responses: {'200': {$ref: '#/components/responses/Lost'}}}}}`,
		"is no plain path":             `{'/a/{b:.+}': {get: {operationId: a, parameters: [{in: path, name: b}]}}}`,
		"ends with a slash":            `{/a/: {get: {operationId: a}}}`,
		"[b] are in the path":          `{'/a/{b}': {get: {operationId: a}}}`,
		"is no identifier":             `{/a: {get: {operationId: a-b}}}`,
		"is of two operations":         `{/a: {get: {operationId: a}, put: {operationId: a}}}`,
		"has a name that another has ": `{}`,
	} {
		document := "components: {parameters: {Id: {name: id}}, schemas: {}}\npaths: " + paths
		if paths == "{}" {
			document = "components: {parameters: {Id: {name: id}}, schemas: {ID: {type: string}}}\npaths: {}"
		}
		found := flaws(t, app.Offered{Name: "example", OpenAPI: []byte(document)})
		require.Len(t, found, 1, flaw)
		require.Contains(t, found[0], flaw)
	}
}

var (
	plainPath       = regexp.MustCompile(`^(/([A-Za-z0-9_.-]+|\{[A-Za-z][A-Za-z0-9]*\}))+$|^/$`)
	plainIdentifier = regexp.MustCompile(`^[a-z][A-Za-z0-9]*$`)
	parameterInPath = regexp.MustCompile(`\{([^{}:]*)[^{}]*\}`)
)

// A strict is a document under the eyes of a generator that takes little.
type strict struct {
	root  map[string]any
	flaws []string
	// ids are the operations seen, in lower case.
	ids map[string]bool
}

// flaws returns what a strict generator would say of a document.
func flaws(t *testing.T, offered app.Offered) []string {
	t.Helper()
	s := &strict{ids: map[string]bool{}}
	require.NoError(t, yaml.Unmarshal(offered.OpenAPI, &s.root), offered.Name)
	s.node("", s.root)
	s.names()
	paths, _ := s.root["paths"].(map[string]any)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		s.path(path, paths[path].(map[string]any))
	}
	return s.flaws
}

func (s *strict) flaw(format string, args ...any) {
	s.flaws = append(s.flaws, fmt.Sprintf(format, args...))
}

// node looks at everything below a place of the document, except at examples and at the names of
// properties, which are not the document's own.
func (s *strict) node(place string, node any) {
	switch node := node.(type) {
	case []any:
		for i, each := range node {
			s.node(fmt.Sprintf("%s/%d", place, i), each)
		}
	case map[string]any:
		if !strings.HasSuffix(place, "/properties") {
			s.schema(place, node)
		}
		for _, key := range slices.Sorted(maps.Keys(node)) {
			if key != "example" && key != "examples" {
				s.node(place+"/"+key, node[key])
			}
		}
	}
}

func (s *strict) schema(place string, node map[string]any) {
	if ref, is := node["$ref"].(string); is && s.at(ref) == nil {
		s.flaw("%s: %s leads nowhere", place, ref)
	}
	if _, several := node["type"].([]any); several {
		s.flaw("%s: several types at once; anyOf says it too", place)
	}
	if node["type"] == "array" && node["items"] == nil {
		s.flaw("%s: an array of what?", place)
	}
	if _, constant := node["const"]; constant && node["type"] == nil {
		s.flaw("%s: a constant of what type?", place)
	}
	if values, are := node["enum"].([]any); are && slices.Contains(values, nil) {
		s.flaw("%s: null among values; anyOf with null says it too", place)
	}
}

// at returns what a reference within the document leads to, nil if there is nothing.
func (s *strict) at(ref string) any {
	var node any = s.root
	for _, key := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		inside, _ := node.(map[string]any)
		node = inside[key]
	}
	return node
}

// names holds that no two components have the same name, as generators make types of them all.
func (s *strict) names() {
	seen := map[string]bool{}
	components, _ := s.root["components"].(map[string]any)
	for _, section := range []string{"schemas", "parameters", "headers", "requestBodies", "responses"} {
		named, _ := components[section].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(named)) {
			if seen[strings.ToLower(name)] {
				s.flaw("components/%s/%s has a name that another has too", section, name)
			}
			seen[strings.ToLower(name)] = true
		}
	}
}

func (s *strict) path(path string, item map[string]any) {
	if path != "/" && strings.HasSuffix(path, "/") {
		s.flaw("%s ends with a slash", path)
	} else if !plainPath.MatchString(path) {
		s.flaw("%s is no plain path", path)
	}
	for _, method := range []string{"get", "put", "post", "delete", "patch", "head", "options"} {
		operation, is := item[method].(map[string]any)
		if !is {
			continue
		}
		id, _ := operation["operationId"].(string)
		if !plainIdentifier.MatchString(id) {
			s.flaw("%s %s: %q is no identifier", method, path, id)
		}
		if s.ids[strings.ToLower(id)] {
			s.flaw("%s %s: %s is of two operations", method, path, id)
		}
		s.ids[strings.ToLower(id)] = true
		s.parameters(method+" "+path, item, operation)
	}
}

func (s *strict) parameters(where string, item, operation map[string]any) {
	var inPath, declared []string
	for _, name := range parameterInPath.FindAllStringSubmatch(where, -1) {
		inPath = append(inPath, name[1])
	}
	above, _ := item["parameters"].([]any)
	own, _ := operation["parameters"].([]any)
	for _, each := range slices.Concat(above, own) {
		p, _ := each.(map[string]any)
		if ref, is := p["$ref"].(string); is {
			p, _ = s.at(ref).(map[string]any)
		}
		if p["in"] == "path" {
			declared = append(declared, p["name"].(string))
		}
	}
	slices.Sort(inPath)
	slices.Sort(declared)
	if !slices.Equal(inPath, declared) {
		s.flaw("%s: %v are in the path and %v are declared", where, inPath, declared)
	}
}
