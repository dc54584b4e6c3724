package console

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// alike are the texts that are the same in both languages.
var alike = []string{"GroupsDescription", "GroupsPermissions", "RolesPermission", "AuditKindsApplication",
	"AuditKindsAPI"}

// TestTextsAreThereInEveryLanguage holds that no language lacks a text, has one that is another's, or
// leaves out what is put into it.
func TestTextsAreThereInEveryLanguage(t *testing.T) {
	all := make([]map[string]string, len(catalogue))
	for i, w := range catalogue {
		all[i] = map[string]string{}
		texts(reflect.ValueOf(*w), "", all[i])
	}
	places := regexp.MustCompile(`\{[a-z]+\}`)
	for key, text := range all[0] {
		require.NotEmpty(t, text, key)
		for i, other := range all[1:] {
			require.NotEmpty(t, other[key], "%s: %s", catalogue[i+1].Language, key)
			require.ElementsMatch(t, places.FindAllString(text, -1), places.FindAllString(other[key], -1), key)
			if !slices.Contains(alike, key) {
				require.NotEqual(t, text, other[key], key)
			}
		}
	}
	require.Greater(t, len(all[0]), 40, "the walk is broken")
}

// texts collects the texts of a struct, by their names.
func texts(v reflect.Value, name string, into map[string]string) {
	switch v.Kind() {
	case reflect.String:
		into[name] = v.String()
	case reflect.Struct:
		for i := range v.NumField() {
			texts(v.Field(i), name+v.Type().Field(i).Name, into)
		}
	case reflect.Array:
		for i := range v.Len() {
			texts(v.Index(i), name+strconv.Itoa(i), into)
		}
	}
}

// TestPermissionsHaveWords holds that whatever the catalogue has is said in every language, and is shown in an area.
func TestPermissionsHaveWords(t *testing.T) {
	for _, w := range catalogue {
		names := map[string]bool{}
		for _, p := range domain.Catalogue {
			text := w.Permissions[p.Permission]
			require.NotEmpty(t, text.Name, "%s: %s", w.Language, p.Code())
			require.NotEmpty(t, text.Does, "%s: %s", w.Language, p.Code())
			require.NotEqual(t, catalogue[0].Permissions[p.Permission] == text, w != catalogue[0], p.Code())
			require.Contains(t, areasOf, p.Object)
			names[text.Name] = true
		}
		require.Len(t, names, len(domain.Catalogue), "%s: two permissions are called the same", w.Language)
		require.Len(t, w.Permissions, len(domain.Catalogue))
	}
}

// TestWaysToBeLinkedHaveWords holds that a person's page says of each link how it came.
func TestWaysToBeLinkedHaveWords(t *testing.T) {
	for _, w := range catalogue {
		said := map[string]bool{"": true}
		for _, by := range domain.LinkedBys {
			text := (&view{words: w}).linkedBy(by)
			require.False(t, said[text], "%s: %s is said as %q", w.Language, by, text)
			said[text] = true
		}
	}
}

// TestWhoDoesSomethingHasWords holds that the history says in every language who did something without an account.
func TestWhoDoesSomethingHasWords(t *testing.T) {
	named := regexp.MustCompile(`^"\([a-z][a-z -]*\)"$`)
	found := 0
	for _, folder := range []string{"domain", "persistence", "app", "app/accounts", "app/directory", "app/objects"} {
		for _, name := range filesOf(t, folder) {
			file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, 0)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				text, is := n.(*ast.BasicLit)
				if !is || !named.MatchString(text.Value) {
					return true
				}
				found++
				alias, err := strconv.Unquote(text.Value)
				require.NoError(t, err)
				require.NotEqual(t, alias, frenchAudit.Doers.of(alias), "%s: %s", name, alias)
				return true
			})
		}
	}
	require.Greater(t, found, 10, "the walk is broken")
}

func TestLanguageIsTheReaders(t *testing.T) {
	for _, c := range []struct{ link, browser, want string }{
		{"", "", "en"}, {"fr", "en", "fr"}, {"Fr", "", "fr"}, {"fr_FR", "", "fr"}, {"fr-CA", "en", "fr"}, {"en", "fr", "en"},
		{"", "fr", "fr"}, {"", "de, fr;q=0.5, en;q=0.4", "fr"}, {"", "de, en;q=0.5, fr;q=0.4", "en"}, {"de", "fr", "fr"},
		{"", "de", "en"}, {"x'\"<", "%%%", "en"}, {"", "fr-fr, *;q=0.1", "fr"},
	} {
		require.Equal(t, c.want, choose(c.link, c.browser).Language, "%q", c)
	}
}

func TestOnlyNamesAreShown(t *testing.T) {
	for name, want := range map[string]bool{"ivy": true, "ivy.o-hara_2": true, "Ève": true, "call +1 800": false,
		"https://evil.example/": false,
		"a\u202eb":              false, "<b>": false, "": false, "0199f1d0-0000-7000-8000-000000000000": false} {
		require.Equal(t, want, (&form{kind: accept, user: name}).userShown(), "%q", name)
	}
	for address, want := range map[string]bool{"ivy.o'hara+2@example.org": true, "ève@exemple.fr": true,
		"no address":          false,
		"call/+1@example.org": false, "\u202eivy@example.org": false, "": false} {
		require.Equal(t, want, (&form{kind: accept, mail: address}).mailShown(), "%q", address)
	}
}

// said calls are where sentences of errors stand in the code, by the argument they are.
var sayings = map[string]int{"InvalidField": 1, "Saying": 0}

// TestProblemsAreInFrench holds that every sentence that an error can say to people is in both languages, with the
// same places.
func TestProblemsAreInFrench(t *testing.T) {
	found := 0
	for _, folder := range []string{"domain", "tenancy", "persistence", "persistence/db", "app/directory", "app/accounts",
		"app/objects", "app/transfer", "app/transfer/document", "app/authn", "app/httpx", "app/loginname", "app/picture",
		"app/surface/console"} {
		for _, name := range filesOf(t, folder) {
			file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, 0)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				english, says := sentenceOf(n)
				if !says || verbs.ReplaceAllString(english, "") == "" || slices.Contains([]string{"%s: %s", "%s."}, english) {
					return true
				}
				found++
				french, known := frenchProblems[english]
				require.True(t, known, "%s: add to problems.fr.txt: %s", name, english)
				require.Equal(t, verbs.FindAllString(english, -1), verbs.FindAllString(french, -1), english)
				return true
			})
		}
	}
	require.Greater(t, found, 150, "the walk is broken")
	text, ok := inFrench("At most 100 characters are allowed.")
	require.True(t, ok)
	require.Equal(t, "Au plus 100 caractères sont permis.", text)
	text, _ = inFrench("bob: You cannot give what you do not have.")
	require.Equal(t, "bob : Vous ne pouvez pas donner ce que vous n’avez pas.", text)
}

func filesOf(t *testing.T, folder string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("../../..", folder, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, names, folder)
	return slices.DeleteFunc(names, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
}

// sentenceOf returns the sentence that a node of the code makes an error say.
func sentenceOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.CallExpr:
		name := ""
		switch f := n.Fun.(type) {
		case *ast.SelectorExpr:
			name = f.Sel.Name
		case *ast.Ident:
			name = f.Name
		}
		if at, says := sayings[name]; says && at < len(n.Args) {
			return literal(n.Args[at])
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Public" {
			return literal(n.Value)
		}
	}
	return "", false
}

// literal returns the text of a constant that may be written in parts.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		before, ok := literal(e.X)
		after, also := literal(e.Y)
		return before + after, ok && also
	}
	return "", false
}
