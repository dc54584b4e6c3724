package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unmet are the errors of the core that no contract file shows and no test names, with what there is instead.
var unmet = map[string]string{
	"admin_already":           "what tat says of it is in its contract files",
	"api_key_taken":           "nothing yet: an import of a key that somebody else has",
	"idempotency_key_running": "TestOnce goes by the status",
	"idempotency_keys":        "the test of how many keys there are goes by the status",
	"link_gone":               "nothing yet: a link that is removed between an answer of a provider and the sign-in",
	"many_concerned":          "TestPreviewsAreBounded goes by the end of its sentence",
	"object_owner_keeps":      "what tat says of it is in its contract files",
	"quota_exceeded":          "the tests of quotas go by the status",
}

// TestEveryErrorIsMet holds that each error of the core is shown by a contract file, by its code, or met by a test, by its
// code, its name or the beginning of its sentence.
func TestEveryErrorIsMet(t *testing.T) {
	var shown strings.Builder
	for _, root := range []string{".", "../cmd", "../domain", "../persistence", "../tenancy"} {
		require.NoError(t, filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || name == "rules_errors_test.go" || !strings.HasSuffix(name, "_test.go") && filepath.Ext(name) != ".http" &&
				!strings.Contains(name, "storetest") {
				return err
			}
			text, err := os.ReadFile(name)
			if err == nil {
				shown.Write(text)
			}
			return err
		}))
	}
	files, err := filepath.Glob("../domain/*.go")
	require.NoError(t, err)
	codes := 0
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			spec, is := n.(*ast.ValueSpec)
			if !is || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Err") {
				return true
			}
			code, sentence := errorOf(spec.Values[0])
			if code == "" || code == "invalid" {
				return true
			}
			codes++
			names := []string{`"` + code + `"`, "domain." + spec.Names[0].Name}
			met := slices.ContainsFunc(names, func(name string) bool { return containsWord(shown.String(), name) }) ||
				len(sentence) > 16 && strings.Contains(shown.String(), sentence[:16])
			if met == (unmet[code] != "") {
				t.Errorf("%s (%s): met is %v", code, spec.Names[0].Name, met)
			}
			return true
		})
	}
	require.Greater(t, codes, 100, "the walk is broken")
}

// containsWord reports whether a text has a word that does not go on.
func containsWord(text, word string) bool {
	for {
		_, after, found := strings.Cut(text, word)
		if !found {
			return false
		}
		if after == "" || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", rune(after[0])) {
			return true
		}
		text = after
	}
}

// errorOf returns the code and the sentence of an error that is written down, empty for anything else.
func errorOf(e ast.Expr) (code, sentence string) {
	ast.Inspect(e, func(n ast.Node) bool {
		field, is := n.(*ast.KeyValueExpr)
		if !is {
			return true
		}
		key, named := field.Key.(*ast.Ident)
		begins := field.Value
		for sum, goesOn := begins.(*ast.BinaryExpr); goesOn; sum, goesOn = begins.(*ast.BinaryExpr) {
			begins = sum.X
		}
		value, text := begins.(*ast.BasicLit)
		switch {
		case !named || !text:
		case key.Name == "Code":
			code, _ = strconv.Unquote(value.Value)
		case key.Name == "Public":
			sentence, _ = strconv.Unquote(value.Value)
		}
		return true
	})
	return code, sentence
}
