package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport says which packages of ours a package may import. A package that is not
// listed may import none, and a package that does not exist is an error, so that the
// table stays true.
var mayImport = map[string][]string{
	"domain":                    {},
	"policies":                  {},
	"rbac":                      {"domain", "policies"},
	"tenancy":                   {"domain"},
	"persistence":               {"domain", "tenancy", "persistence/db"},
	"persistence/db":            {"domain", "tenancy", "persistence/db/migrations"},
	"persistence/db/migrations": {},
	"persistence/testdb":        {},
	"persistence/faultdb":       {},
	"persistence/storetest":     {"domain", "policies", "rbac", "tenancy", "persistence", "persistence/db", "persistence/testdb"},
	"app/directory":             {"domain", "tenancy"},
	"app/accounts":              {"domain", "tenancy", "app/directory"},
	"app/objects":               {"domain", "tenancy", "app/directory"},
	"app/transfer":              {"domain", "tenancy", "app/directory"},
	"app/authn":                 {"domain"},
	"app/archive":               {},
	"app/mail":                  {"domain"},
	"app/mail/mailtest":         {},
	"app/httpx":                 {"domain"},
	"app/picture":               {"domain"},
	"app/loginname":             {"domain"},
	"app/surface/rest":          {"domain", "app/directory", "app/accounts", "app/objects", "app/httpx"},
	"app/surface/axway":         {"domain", "app/directory", "app/accounts", "app/objects", "app/httpx"},
	"app/surface/ethersource":   {"domain", "app/directory", "app/accounts", "app/objects", "app/httpx"},
	"app/surface/tat":           {"domain", "app/directory", "app/accounts", "app/objects", "app/httpx"},
	"app/surface/tellius":       {"domain", "app/directory", "app/accounts", "app/objects", "app/httpx"},
	"app/surface/console":       {"domain", "app/directory", "app/accounts", "app/objects", "app/httpx"},
	"app": {"domain", "tenancy", "rbac", "policies", "persistence", "persistence/db", "app/directory", "app/accounts", "app/objects", "app/transfer", "app/authn",
		"app/archive", "app/httpx", "app/mail", "app/picture", "app/loginname", "app/surface/rest", "app/surface/axway", "app/surface/ethersource", "app/surface/tat", "app/surface/tellius", "app/surface/console"},
	"cmd/canopy": {"app", "app/authn", "app/directory", "app/accounts", "app/transfer", "domain"},
	"cmd/check":  {"persistence/testdb"},

	"cmd/check/early": {},
}

// onlyIn says which packages may import a library. Whatever is not listed may be imported
// where it is useful, except in domain, which imports the standard library only.
var onlyIn = map[string][]string{
	"github.com/casbin/casbin":   {"rbac"},
	"github.com/uptrace/bun":     {"persistence", "persistence/db"},
	"github.com/jackc/pgx":       {"persistence/db", "persistence/testdb", "persistence/faultdb"},
	"modernc.org/sqlite":         {"persistence/db", "persistence/faultdb"},
	"database/sql":               {"persistence", "persistence/db", "persistence/faultdb"},
	"github.com/gofiber/fiber":   {"app", "app/httpx", "app/surface/"},
	"github.com/valyala":         {"app", "app/httpx"},
	"encoding/json":              {"app/archive", "app/httpx", "app/transfer", "app/surface/", "persistence", "cmd/check"},
	"net/http":                   {"cmd/check"},
	"github.com/a-h/templ":       {"app/surface/console"},
	"github.com/golang-jwt/jwt":  {"app/authn"},
	"golang.org/x/crypto/argon2": {"app/authn"},
	"golang.org/x/tools":         {"cmd/check/early"},
}

// source is one file of ours that is not a test.
type source struct {
	folder string // of the module, "." for its root
	name   string
	syntax *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	files := token.NewFileSet()
	root := ".."
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel := filepath.ToSlash(strings.TrimPrefix(strings.TrimPrefix(p, root), string(filepath.Separator)))
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && rel != "" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		syntax, err := parser.ParseFile(files, p, nil, parser.SkipObjectResolution)
		all = append(all, source{folder: path.Dir(rel), name: rel, syntax: syntax})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d files were found; the walk is broken", len(all))
	}
	return all
}

func TestTopLevelIsTheAgreedOne(t *testing.T) {
	agreed := []string{"app", "domain", "tenancy", "rbac", "persistence", "cmd", "policies", "go.mod", "go.sum", "README.md",
		"LICENSE", "CHANGELOG.md", "SECURITY.md", "Dockerfile", "compose.yaml"}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		// The data folder of a server that was tried out is not part of the tree.
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != "data" && !slices.Contains(agreed, e.Name()) {
			t.Errorf("%s is not part of the agreed top level", e.Name())
		}
	}
}

func TestImportsFollowTheLayers(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sources(t) {
		seen[s.folder] = true
		allowed, listed := mayImport[s.folder]
		if !listed {
			t.Errorf("%s: the package is not in the import table", s.folder)
			continue
		}
		for _, spec := range s.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if ours, ok := strings.CutPrefix(imported, "canopy/"); ok {
				if !slices.Contains(allowed, ours) {
					t.Errorf("%s must not import %s", s.name, ours)
				}
				continue
			}
			if s.folder == "domain" && strings.Contains(strings.Split(imported, "/")[0], ".") {
				t.Errorf("%s: domain imports the standard library only, not %s", s.name, imported)
			}
			for library, folders := range onlyIn {
				if imported != library && !strings.HasPrefix(imported, library+"/") {
					continue
				}
				if !slices.ContainsFunc(folders, func(f string) bool {
					return s.folder == f || strings.HasSuffix(f, "/") && strings.HasPrefix(s.folder, f)
				}) {
					t.Errorf("%s must not import %s", s.name, imported)
				}
			}
		}
	}
	for folder := range maps.Keys(mayImport) {
		if !seen[folder] {
			t.Errorf("the import table names %s, which does not exist", folder)
		}
	}
}

// rawReaders are methods of Fiber's context whose strings live in a reused buffer.
var rawReaders = []string{"Params", "Query", "Queries", "Get", "Body", "BodyParser", "QueryParser", "ParamsParser",
	"Cookies", "FormValue", "GetReqHeaders", "OriginalURL"}

// forbiddenCalls are methods that escape a scope or a buffer, and where they are allowed.
func TestForbiddenCalls(t *testing.T) {
	for _, s := range sources(t) {
		if strings.HasPrefix(s.folder, "persistence") {
			eachCall(s, func(name, receiver string) {
				if name == "Relation" || name == "WhereOr" {
					t.Errorf("%s: %s escapes the predicate of the scope", s.name, name)
				}
			})
		}
		eachCall(s, func(name, receiver string) {
			if receiver == "templ" && name == "Raw" {
				t.Errorf("%s: templ.Raw writes what is not escaped", s.name)
			}
		})
		if strings.HasPrefix(s.folder, "app") && s.folder != "app/httpx" {
			eachCall(s, func(name, receiver string) {
				if receiver == "c" && slices.Contains(rawReaders, name) && importsFiber(s) {
					t.Errorf("%s: c.%s returns a string that is reused; use httpx", s.name, name)
				}
			})
		}
	}
}

func importsFiber(s source) bool {
	return slices.ContainsFunc(s.syntax.Imports, func(i *ast.ImportSpec) bool { return strings.Contains(i.Path.Value, "gofiber/fiber") })
}

func eachCall(s source, visit func(name, receiver string)) {
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if selector, ok := call.Fun.(*ast.SelectorExpr); ok {
			receiver := ""
			if x, ok := selector.X.(*ast.Ident); ok {
				receiver = x.Name
			}
			visit(selector.Sel.Name, receiver)
		}
		return true
	})
}

// tagged says which packages may have tags of a kind.
var tagged = map[string][]string{
	"bun":  {"persistence"},
	"json": {"persistence", "app/archive", "app/transfer", "app/authn", "cmd/check"},
}

func TestTagsAreWhereTheyBelong(t *testing.T) {
	for _, s := range sources(t) {
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok || field.Tag == nil {
				return true
			}
			text, _ := strconv.Unquote(field.Tag.Value)
			kind, _, _ := strings.Cut(text, ":")
			if !slices.Contains(tagged[kind], s.folder) {
				t.Errorf("%s: the tag %s does not belong here", s.name, field.Tag.Value)
			}
			return true
		})
	}
}

// unscoped are methods of stores that take no scope, with the reason.
var unscoped = map[string]string{
	"AccountStore":    "an account is read before there is a principal to give a scope to; so is a session",
	"SettingStore":    "settings belong to the directory as a whole",
	"SigningKeyStore": "keys belong to the directory as a whole",
	"Source":          "it is what scopes are made from",
	"OutboxStore":     "mail is sent by the server itself; it gets into the outbox with a change that has a scope",
}

func TestStoresTakeAScope(t *testing.T) {
	found := 0
	for _, s := range sources(t) {
		if s.folder != "persistence" {
			continue
		}
		for _, decl := range s.syntax.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || !fn.Name.IsExported() {
				continue
			}
			store := receiverName(fn)
			if !strings.HasSuffix(store, "Store") && store != "Source" || unscoped[store] != "" {
				continue
			}
			found++
			scope := parameterType(fn, 1)
			writes := changesRows(fn)
			switch {
			case parameterType(fn, 0) != "context.Context":
				t.Errorf("%s.%s: the first parameter is not the context", store, fn.Name.Name)
			case writes && scope != "tenancy.WriteScope":
				t.Errorf("%s.%s changes rows and takes %q instead of a tenancy.WriteScope", store, fn.Name.Name, scope)
			case !writes && scope != "tenancy.Scope":
				t.Errorf("%s.%s takes %q instead of a tenancy.Scope", store, fn.Name.Name, scope)
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d methods of stores were found; the test is broken", found)
	}
}

func receiverName(fn *ast.FuncDecl) string {
	kind := fn.Recv.List[0].Type
	if star, ok := kind.(*ast.StarExpr); ok {
		kind = star.X
	}
	if name, ok := kind.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// parameterType returns the type of the nth parameter as it is written.
func parameterType(fn *ast.FuncDecl, n int) string {
	for _, field := range fn.Type.Params.List {
		for range max(len(field.Names), 1) {
			if n == 0 {
				if selector, ok := field.Type.(*ast.SelectorExpr); ok {
					return selector.X.(*ast.Ident).Name + "." + selector.Sel.Name
				}
				return ""
			}
			n--
		}
	}
	return ""
}

// changesRows reports whether a method begins a transaction or writes outside of one.
func changesRows(fn *ast.FuncDecl) bool {
	writes := false
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if selector, ok := n.(*ast.SelectorExpr); ok {
			writes = writes || slices.Contains([]string{"InTx", "TryTx", "ExecContext", "Writer", "register", "UpdateWith", "DeleteWith"}, selector.Sel.Name)
		}
		return true
	})
	return writes
}

// TestSurfacesKnowOnlyWhatTheyTranslate holds that a surface imports no other surface.
func TestSurfacesAreApart(t *testing.T) {
	for folder, allowed := range mayImport {
		if !strings.HasPrefix(folder, "app/surface/") {
			continue
		}
		for _, imported := range allowed {
			if strings.HasPrefix(imported, "app/surface/") || slices.Contains([]string{"tenancy", "rbac", "persistence"}, imported) {
				t.Errorf("the import table lets %s import %s", folder, imported)
			}
		}
	}
}
