package console

import (
	"bytes"
	"go/format"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a-h/templ/generator"
	"github.com/a-h/templ/parser/v2"
	"github.com/stretchr/testify/require"
)

// TestComponentsAreGenerated holds that the Go files of the components are what their .templ files
// make, by the generator of go.mod.
func TestComponentsAreGenerated(t *testing.T) {
	names, err := filepath.Glob("*.templ")
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		file, err := parser.Parse(name)
		require.NoError(t, err)
		var made bytes.Buffer
		_, err = generator.Generate(file, &made, generator.WithFileName(name))
		require.NoError(t, err)
		want, err := format.Source(made.Bytes())
		require.NoError(t, err)
		got, err := os.ReadFile(strings.TrimSuffix(name, ".templ") + "_templ.go")
		require.NoError(t, err)
		// The version of a tool that was built from go.mod is known to the tool only.
		require.Equal(t, versionless(want), versionless(got), "%s was changed: go generate ./app/surface/console", name)
	}
	made, err := filepath.Glob("*_templ.go")
	require.NoError(t, err)
	require.Len(t, made, len(names), "a generated file has lost its source")
}

// versionless drops the line that names the generator's version.
func versionless(text []byte) string {
	var kept []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "// templ: version: ") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
