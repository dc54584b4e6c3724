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
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
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
	"persistence/skewed":        {"domain", "persistence/db"},
	"persistence/sharddb":       {"persistence/db"},
	"persistence/storetest": {"domain", "rbac", "tenancy", "persistence", "persistence/db",
		"persistence/testdb"},
	"app/directory":         {"domain", "tenancy"},
	"app/accounts":          {"domain", "tenancy", "app/directory"},
	"app/objects":           {"domain", "tenancy", "app/directory"},
	"app/transfer":          {"domain", "tenancy", "app/directory", "app/transfer/document"},
	"app/transfer/document": {"domain", "app/directory"},
	"app/authn":             {"domain", "app/authn/blocklist"},
	"app/authn/blocklist":   {"domain"},
	"app/transfer/archive":  {},
	"app/mail":              {"domain"},
	"app/mail/mailtest":     {},
	"app/httpx":             {"domain"},
	"app/picture":           {"domain"},
	"app/passkey":           {"domain"},
	"app/loginname":         {"domain"},
	"app/openid":            {"domain"},
	"app/dns":               {"domain"},
	"app/surface/rest": {"domain", "app/directory", "app/accounts", "app/objects", "app/transfer",
		"app/transfer/document", "app/httpx"},
	"app/surface/axway":       {"domain", "app/directory", "app/accounts", "app/objects", "app/httpx"},
	"app/surface/ethersource": {"domain", "app/directory", "app/accounts", "app/objects", "app/httpx"},
	"app/surface/oauth":       {"domain", "app/accounts", "app/httpx"},
	"app/surface/tat":         {"domain", "app/directory", "app/accounts", "app/objects", "app/httpx"},
	"app/surface/tellius":     {"domain", "app/directory", "app/accounts", "app/objects", "app/httpx"},
	"app/surface/console": {"domain", "app/directory", "app/accounts", "app/objects", "app/transfer",
		"app/transfer/document", "app/httpx"},
	"app": {"domain", "tenancy", "rbac", "persistence", "persistence/db", "app/directory", "app/accounts",
		"app/objects", "app/transfer", "app/transfer/document", "app/authn",
		"app/transfer/archive", "app/httpx", "app/mail", "app/openid", "app/dns", "app/picture", "app/passkey",
		"app/loginname", "app/surface/rest",
		"app/surface/axway", "app/surface/ethersource", "app/surface/oauth", "app/surface/tat", "app/surface/tellius",
		"app/surface/console"},
	"cmd/canopy": {"app", "app/directory", "app/accounts", "app/transfer", "app/transfer/document", "domain"},
	"cmd/check":  {"persistence/testdb"},

	"cmd/check/bench":    {"cmd/check/requests", "persistence/db", "persistence/skewed", "persistence/testdb"},
	"cmd/check/requests": {},
	"cmd/check/early":    {},
}

// onlyIn says which packages may import a library. Whatever is not listed may be imported
// where it is useful, except in domain, which imports the standard library only.
var onlyIn = map[string][]string{
	"github.com/casbin/casbin": {"rbac"},
	"github.com/uptrace/bun":   {"persistence", "persistence/db", "persistence/skewed", "persistence/storetest"},
	"github.com/jackc/pgx": {"persistence/db", "persistence/testdb", "persistence/faultdb", "persistence/skewed",
		"persistence/sharddb"},
	"modernc.org/sqlite": {"persistence/db", "persistence/faultdb", "persistence/storetest"},
	"database/sql": {"persistence", "persistence/db", "persistence/faultdb", "persistence/skewed",
		"persistence/storetest"},
	"github.com/gofiber/fiber": {"app", "app/httpx", "app/surface/"},
	"github.com/valyala":       {"app", "app/httpx"},
	"encoding/json": {"app/transfer/archive", "app/passkey", "app/httpx", "app/transfer/document", "app/surface/",
		"persistence", "persistence/storetest", "cmd/canopy", "cmd/check", "cmd/check/requests"},
	"github.com/coreos/go-oidc":  {"app/openid"},
	"golang.org/x/oauth2":        {"app/openid"},
	"net/http":                   {"app/openid", "cmd/check", "cmd/check/bench", "cmd/check/requests"},
	"github.com/a-h/templ":       {"app/surface/console"},
	"github.com/golang-jwt/jwt":  {"app/authn"},
	"golang.org/x/crypto/argon2": {"app/authn"},
	"github.com/pquerna/otp":     {"app/accounts"},
	"github.com/go-webauthn":     {"app/passkey"},
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
	agreed := []string{"app", "domain", "tenancy", "rbac", "persistence", "cmd", "policies", "go.mod", "go.sum",
		"README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md", "Dockerfile", "compose.yaml"}
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
				switch {
				case name == "Relation":
					t.Errorf("%s: Relation reads rows without the condition of a scope", s.name)
				case name == "Commit" || name == "Rollback" || name == "RunInTx":
					if !slices.Contains([]string{"persistence/db/tx.go", "persistence/db/backup.go",
						"persistence/db/fill_postgres.go"}, s.name) &&
						!slices.Contains([]string{"persistence/faultdb", "persistence/sharddb"}, s.folder) {
						t.Errorf("%s: %s is for db.Do alone", s.name, name)
					}
				}
			})
			eachOrOutside(s.syntax, func() {
				t.Errorf("%s: WhereOr outside of a WhereGroup lets rows outside of the scope pass", s.name)
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

// statement is how a statement of SQL begins; what locks rows ("UPDATE OF c") is none.
var statement = regexp.MustCompile(`^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\s`)
var lock = regexp.MustCompile(`^UPDATE (OF \w+|SKIP LOCKED|NOWAIT)`)

// Statements are Bun's builder, with the condition of a scope inside, except below the stores and where
// they are asked so often that they are text: those files say so in their name.
func TestStatementsAreBuilt(t *testing.T) {
	for _, s := range sources(t) {
		if strings.HasPrefix(s.folder, "persistence/") && s.folder != "persistence/db" {
			continue // what only tests use
		}
		text := s.folder == "persistence/db" || s.folder == "persistence" && strings.HasSuffix(s.name, "hot.go")
		if texts := statements(s.syntax); !text && len(texts) > 0 {
			t.Errorf("%s has a statement as text: %.60s", s.name, texts[0])
		}
	}
}

// statements returns the texts in a file that begin like a statement.
func statements(file *ast.File) (texts []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			text, _ := strconv.Unquote(literal.Value)
			if statement.MatchString(text) && !lock.MatchString(text) {
				texts = append(texts, text)
			}
		}
		return true
	})
	return texts
}

// What a rule forbids is found, so that the rules above can fail.
func TestRulesFindWhatTheyForbid(t *testing.T) {
	parse := func(body string) source {
		syntax, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc f() { "+body+" }",
			parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		return source{syntax: syntax}
	}
	for body, want := range map[string]int{
		"run(\"SELECT 1\")": 1, "run(`\n\tWITH a AS (SELECT 1)` + \"DELETE FROM t\")": 2, "run(\"UPDATE t SET a = 1\")": 1,
		"q.For(\"UPDATE\"); q.For(\"UPDATE OF c SKIP LOCKED\"); q.Where(\"a IN (SELECT 1)\"); say(\"With care\")": 0,
	} {
		if got := len(statements(parse(body).syntax)); got != want {
			t.Errorf("%s: %d statements found instead of %d", body, got, want)
		}
	}
	outside := func(body string) (n int) {
		eachOrOutside(parse(body).syntax, func() { n++ })
		return n
	}
	if outside(`q.Where("a").WhereOr("b")`) != 1 || outside(`q.WhereOr("a").WhereGroup(" AND ", group)`) != 1 ||
		outside(`q.WhereGroup(" AND ", func(q Q) Q { return q.Where("a").WhereOr("b") })`) != 0 {
		t.Error("a WhereOr outside of a WhereGroup is not told from one inside")
	}
	relations := 0
	eachCall(parse(`d.NewSelect().Model(&rows).Relation("Groups").Scan(ctx)`), func(name, _ string) {
		if name == "Relation" {
			relations++
		}
	})
	if relations != 1 {
		t.Errorf("%d relations are found instead of one", relations)
	}
}

// eachOrOutside visits the calls of WhereOr that are in no WhereGroup.
func eachOrOutside(n ast.Node, visit func()) {
	ast.Inspect(n, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		switch {
		case ok && selector.Sel.Name == "WhereGroup":
			eachOrOutside(selector.X, visit) // what the group stands behind; the group itself may
			return false
		case ok && selector.Sel.Name == "WhereOr":
			visit()
		}
		return true
	})
}

func importsFiber(s source) bool {
	return slices.ContainsFunc(s.syntax.Imports,
		func(i *ast.ImportSpec) bool { return strings.Contains(i.Path.Value, "gofiber/fiber") })
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
	"bun": {"persistence"},
	"json": {"persistence", "persistence/storetest", "app/transfer/archive", "app/transfer/document", "app/authn",
		"cmd/canopy", "cmd/check"},
}

// A line of the product has at most this many characters, a tab being one; tests may show longer texts.
const longestLine = 120

func TestLinesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if strings.HasSuffix(s.name, "_templ.go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", s.name))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			if long := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); long > longestLine {
				t.Errorf("%s:%d has %d characters", s.name, n, long)
			}
		}
	}
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

// unscoped are the methods of stores that take no scope, by the reason.
var unscoped = map[string][]string{
	"an account is read before there is a principal to give a scope to": {
		"AccountStore.ByLogin", "AccountStore.ByID", "AccountStore.ByAlias", "AccountStore.ByMail", "AccountStore.ByAPIKey",
		"AccountStore.BySession", "AccountStore.CodeOpen", "AccountStore.Holds", "AccountStore.Held", "AccountStore.Latest",
		"AccountStore.Provider", "AccountStore.ProviderOfDomain", "AccountStore.Linked",
		"AccountStore.MailDomain"},
	"signing in and what is noted of it is about the account itself, which the caller has": {
		"AccountStore.SignedIn", "AccountStore.Seen", "AccountStore.NoteSignIns", "AccountStore.Rehash",
		"AccountStore.KnowsAddress",
		"AccountStore.RememberAddress", "AccountStore.Begin", "AccountStore.Renew", "AccountStore.SignOut",
		"AccountStore.SignOutAt",
		"AccountStore.SessionsSeen",
		"AccountStore.APIKeysSeen"},
	"attempts are counted before anybody knows whose they are": {
		"AccountStore.Failures", "AccountStore.CountFailure", "AccountStore.Forgive", "AccountStore.Count"},
	"answers are kept for whoever asks, who is the caller": {"AnswerStore.Kept", "AnswerStore.Keep"},
	"what has ended is removed by the server itself, wherever it is": {
		"AccountStore.Sweep", "AccountStore.Stale", "AccountStore.DomainsDue"},
	"mail is sent by the server itself": {
		"OutboxStore.Posted", "OutboxStore.Claim", "OutboxStore.Keep", "OutboxStore.Sent", "OutboxStore.Retry",
		"OutboxStore.GiveUp", "OutboxStore.Waiting"},
	"it belongs to the directory as a whole": {
		"SettingStore.Get", "SettingStore.Keep", "SigningKeyStore.List", "SigningKeyStore.Ensure", "SigningKeyStore.Rotate",
		"Store.NextGroup", "Store.NextEnvironment", "Store.NextObject", "Store.NextCopyRequest", "UserStore.Number"},
	"it is what scopes are made from": {
		"Source.Generations", "Source.Groups", "Source.Environments", "Source.At", "Source.Inactive",
		"Source.HasNested", "Source.SignInRules", "Source.Guarded", "Source.SignInRulesVersion"},
}

// Methods of stores take a scope behind the context, and those that change rows one for changes. Those of a
// transaction take neither: it was opened with both.
func TestStoresTakeAScope(t *testing.T) {
	listed := make(map[string]bool)
	for _, methods := range unscoped {
		for _, method := range methods {
			listed[method] = true
		}
	}
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
			method := store + "." + fn.Name.Name
			if strings.HasSuffix(store, "Tx") {
				found++
				if first := parameterType(fn,
					0); slices.Contains([]string{"context.Context", "tenancy.Scope", "tenancy.WriteScope"}, first) {
					t.Errorf("%s takes a %s, which the transaction has", method, first)
				}
			}
			if !strings.HasSuffix(store, "Store") && store != "Source" {
				continue
			}
			found++
			scope := parameterType(fn, 1)
			if listed[method] {
				delete(listed, method)
				if strings.HasPrefix(scope, "tenancy.") {
					t.Errorf("%s takes a scope and is listed as one that does not", method)
				}
				continue
			}
			writes := changesRows(fn)
			switch {
			case parameterType(fn, 0) != "context.Context":
				t.Errorf("%s: the first parameter is not the context", method)
			case writes && scope != "tenancy.WriteScope":
				t.Errorf("%s changes rows and takes %q instead of a tenancy.WriteScope", method, scope)
			case !writes && scope != "tenancy.Scope":
				t.Errorf("%s takes %q instead of a tenancy.Scope", method, scope)
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d methods of stores were found; the test is broken", found)
	}
	for method := range listed {
		t.Errorf("%s is listed as one without a scope and does not exist", method)
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
			writes = writes || slices.Contains([]string{"InTx", "TryTx", "Do", "do", "NewInsert", "NewUpdate", "NewDelete", "Once",
				"ExecContext", "Writer"}, selector.Sel.Name)
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
			if strings.HasPrefix(imported, "app/surface/") ||
				slices.Contains([]string{"tenancy", "rbac", "persistence"}, imported) {
				t.Errorf("the import table lets %s import %s", folder, imported)
			}
		}
	}
}

// notOnRest are the use cases of the console that rest does without, and why.
var notOnRest = map[string]string{
	"Users.Rights":             "rest asks Users.RightsOver, which says the same of whom a reference names",
	"Groups.Rights":            "rest asks Groups.RightsOver, which says the same of the group that a reference names",
	"Me.Abilities":             "GET /rest/users/{user}/access says the same of oneself, and why",
	"Me.LeastPassword":         "a password that is too short is refused with the length; GET /rest/me/password would say no more",
	"Sessions.SignIn":          "POST /auth asks Factors.SignIn, which is the same with a code besides",
	"Sessions.CSRF":            "only a session with a cookie has a token against forgery",
	"Providers.Discover":       "only a browser signs in by an identity provider",
	"Providers.Begin":          "only a browser signs in by an identity provider",
	"Providers.Finish":         "only a browser signs in by an identity provider",
	"Providers.SignOut":        "identity providers ask for it, at an address of their own",
	"Providers.BeginLink":      "only a browser signs in by an identity provider",
	"Providers.Offered":        "only a browser signs in by an identity provider",
	"Sessions.SignOut":         "DELETE /rest/me/sessions/{id} ends the session of a token",
	"Factors.OfferPasskey":     withBrowsers,
	"Factors.AddPasskey":       withBrowsers,
	"Factors.AcceptedPasskeys": withBrowsers,
	"Factors.PasskeysPossible": withBrowsers,
	"Factors.AskSignIn":        withBrowsers,
	"Factors.SignInByPasskey":  withBrowsers,
	"Factors.AskPasskey":       withBrowsers,
	"Factors.ProvePasskey":     withBrowsers,
	"Factors.Prove":            withBrowsers,
	"Factors.Kinds":            withBrowsers,
}

const (
	withBrowsers = "only browsers have passkeys, and sessions of which one goes on to prove more"
)

// TestRestOffersWhatTheConsoleUses holds that programs can use each use case that people have pages for.
func TestRestOffersWhatTheConsoleUses(t *testing.T) {
	console, rest := useCases(t, "app/surface/console"), useCases(t, "app/surface/rest")
	if len(console) < 40 {
		t.Fatalf("only %d use cases of the console were found", len(console))
	}
	for _, name := range slices.Sorted(maps.Keys(console)) {
		if _, excused := notOnRest[name]; rest[name] == excused {
			t.Errorf("%s: on rest is %v, and in the list of those that are not is %v", name, rest[name], excused)
		}
	}
	for name := range notOnRest {
		if !console[name] {
			t.Errorf("%s is excused, and the console does not use it", name)
		}
	}
}

// useCases returns the use cases that a surface names, as in uses.Users.Get, also by a variable: u := s.uses.Users.
func useCases(t *testing.T, folder string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, s := range sources(t) {
		if s.folder != folder {
			continue
		}
		short := map[string]string{}
		ast.Inspect(s.syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				clear(short)
			case *ast.AssignStmt:
				for i, right := range n.Rhs {
					name, is := n.Lhs[min(i, len(n.Lhs)-1)].(*ast.Ident)
					if of := partOfUses(right); is && of != "" {
						short[name.Name] = of
					}
				}
			case *ast.SelectorExpr:
				of := partOfUses(n.X)
				if x, is := n.X.(*ast.Ident); is {
					of = short[x.Name]
				}
				if of != "" && n.Sel.IsExported() {
					found[of+"."+n.Sel.Name] = true
				}
			}
			return true
		})
	}
	return found
}

// partOfUses returns Users of s.uses.Users, and nothing of another expression.
func partOfUses(e ast.Expr) string {
	part, is := e.(*ast.SelectorExpr)
	if !is {
		return ""
	}
	if uses, is := part.X.(*ast.SelectorExpr); is && uses.Sel.Name == "uses" {
		return part.Sel.Name
	}
	return ""
}
