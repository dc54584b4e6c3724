package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/httpx"
	"canopy/app/surface/axway"
	"canopy/app/surface/ethersource"
	"canopy/app/surface/rest"
	"canopy/app/surface/tat"
	"canopy/app/surface/tellius"
	"canopy/domain"
)

// TestFieldNames: the core names fields by its own words, each of which is listed and used, and every
// surface says what it calls those that none of its clients could guess.
func TestFieldNames(t *testing.T) {
	words := domain.FieldNames()
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(words))), len(words), "a word is listed twice")
	for _, word := range words {
		require.Regexp(t, `^[a-z_]+(\.[a-z_]+)?$`, word)
	}

	t.Run("the core has no other words", func(t *testing.T) {
		used := make(map[string]string)
		for _, folder := range []string{"../domain", "../tenancy", "../persistence", "directory", "accounts", "objects",
			"transfer"} {
			fieldsIn(t, folder, used)
		}
		require.Equal(t, slices.Sorted(slices.Values(words)), slices.Sorted(maps.Keys(used)), used)
	})

	surfaces := map[string]httpx.FieldNames{"rest": rest.FieldNames, "axway": axway.FieldNames,
		"tellius": tellius.FieldNames,
		"tat":     tat.FieldNames, "ethersource": ethersource.FieldNames}
	for surface, names := range surfaces {
		t.Run(surface, func(t *testing.T) {
			for word := range names {
				require.True(t, slices.Contains(words, word) || strings.HasPrefix(word, "attributes."),
					"%s is no field of the core", word)
			}
			for _, word := range words {
				_, said := names[word]
				foreign := slices.Contains([]string{"home", "allowed", "blocked", "current", "person.first_name",
					"person.last_name", "person.mail"}, word)
				require.True(t, said || !foreign, word)
			}
		})
	}
	t.Run("rest shows no word that only the core has", func(t *testing.T) {
		for _, word := range words {
			require.NotContains(t, rest.FieldNames.Of(word), "_")
		}
	})
}

// fieldsIn collects the field names that the code in a folder gives to errors and to the audit
// trail, with where it does. What is composed, such as the names of attributes, is not among them.
func fieldsIn(t *testing.T, folder string, used map[string]string) {
	t.Helper()
	files := token.NewFileSet()
	note := func(e ast.Expr) {
		if text, ok := e.(*ast.BasicLit); ok && text.Kind == token.STRING {
			field, err := strconv.Unquote(text.Value)
			require.NoError(t, err)
			if field != "" && !strings.Contains(field, " ") { // else it is a sentence or no field
				used[field] = files.Position(text.Pos()).String()
			}
		}
	}
	naming := regexp.MustCompile(
		`^(InvalidField|On|check(Name|Text|Number)|CheckGrants|once|grants|place|missing(Group|Environment)|fellow)$`)
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && path == folder {
			return err
		}
		if d.IsDir() {
			return fs.SkipDir
		}
		// The fields of lists are columns of tables, those of formats the words of a file.
		archive := slices.ContainsFunc([]string{"list", "json", "csv"},
			func(p string) bool { return strings.HasPrefix(d.Name(), p) })
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || archive {
			return err
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				name := ""
				switch f := n.Fun.(type) {
				case *ast.Ident:
					name = f.Name
				case *ast.SelectorExpr:
					name = f.Sel.Name
				}
				if naming.MatchString(name) {
					for _, argument := range n.Args {
						note(argument)
					}
				}
			case *ast.CompositeLit:
				if named, ok := n.Type.(*ast.Ident); ok && named.Name == "Fields" {
					for _, field := range n.Elts {
						note(field.(*ast.CompositeLit).Elts[0])
					}
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Field" {
					note(n.Value)
				}
			}
			return true
		})
		return nil
	})
	require.NoError(t, err)
}
