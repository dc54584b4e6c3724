package main_test

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// The bill of materials has what CycloneDX requires of one, and names each module that the program holds.
func TestDepsAreABillOfMaterials(t *testing.T) {
	t.Parallel()
	type component struct {
		Type, Name, Version, PURL string
		Ref                       string `json:"bom-ref"`
		Hashes                    []struct{ Alg, Content string }
	}
	var bom struct {
		BOMFormat, SpecVersion string
		Version                int
		Metadata               struct{ Component component }
		Components             []component
		Dependencies           []struct {
			Ref       string
			DependsOn []string
		}
	}
	text := canopy("version", "--deps").succeeds(t)
	require.NoError(t, json.Unmarshal([]byte(text), &bom))
	require.Equal(t, "CycloneDX", bom.BOMFormat)
	require.Equal(t, "1.5", bom.SpecVersion)
	require.Equal(t, 1, bom.Version)
	require.Equal(t, "application", bom.Metadata.Component.Type)
	require.Equal(t, "canopy", bom.Metadata.Component.Name)
	require.Equal(t, text, canopy("version", "--deps").succeeds(t), "it is the same each time")

	sums, err := os.ReadFile("../../go.sum")
	require.NoError(t, err)
	found := make(map[string]string)
	var refs []string
	for _, c := range bom.Components {
		require.Equal(t, "library", c.Type, c.Name)
		require.NotEmpty(t, c.Version, c.Name)
		require.Regexp(t, `\Apkg:golang/[a-z0-9./_-]+@[A-Za-z0-9.%-]+\z`, c.PURL)
		require.Equal(t, c.PURL, c.Ref)
		require.NotContains(t, refs, c.Ref, "a reference is unique")
		for _, h := range c.Hashes {
			require.Equal(t, "SHA-256", h.Alg)
			require.Regexp(t, `\A[a-f0-9]{64}\z`, h.Content)
		}
		if c.Name != "std" {
			require.Len(t, c.Hashes, 1, c.Name)
			require.Contains(t, string(sums), c.Name+" "+c.Version+" h1:")
		}
		found[c.Name] = c.Version
		refs = append(refs, c.Ref)
	}
	require.Len(t, bom.Dependencies, 1)
	require.Equal(t, bom.Metadata.Component.Ref, bom.Dependencies[0].Ref)
	require.Equal(t, refs, bom.Dependencies[0].DependsOn)

	info, err := buildinfo.ReadFile(binary)
	require.NoError(t, err)
	want := map[string]string{"std": info.GoVersion[len("go"):]}
	for _, module := range info.Deps {
		want[module.Path] = module.Version
	}
	require.Equal(t, want, found)
}
