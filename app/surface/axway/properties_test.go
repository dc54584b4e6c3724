package axway

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/httpx"
	"canopy/domain"
)

// TestPropertiesThatAreShownCanBeDeclared holds that what clients are told can be given to
// --custom-properties, and declares the same.
func TestPropertiesThatAreShownCanBeDeclared(t *testing.T) {
	text, err := os.ReadFile("testdata/properties.json")
	require.NoError(t, err)
	declared, err := ParseProperties(text)
	require.NoError(t, err)
	require.Len(t, declared, 4)
	var first, second httpx.Writer
	writeProperties(&first, declared)
	again, err := ParseProperties(first.Bytes())
	require.NoError(t, err)
	writeProperties(&second, again)
	require.Equal(t, string(first.Bytes()), string(second.Bytes()))
	require.Equal(t, declared.Keys(), again.Keys())
}

func TestPropertiesThatAreNone(t *testing.T) {
	for text, field := range map[string]string{
		`{"user": {"a": {"type": "list"}}}`:                           "a.type",
		`{"user": {"a": {"type": "select"}}}`:                         "a",
		`{"user": {"a": {"permissions": {"root": {"read": true}}}}}`:  "a.permissions.root",
		`{"user": {"a": {"permissions": {"user": {"read": "yes"}}}}}`: "a.read",
		`{"user": {"email": {}}}`:                                     "email",
		`{"user": {"a": {"color": "red"}}}`:                           "a.color",
		`{"users": {}}`:                                               "users",
		`{"user": {}, "api": {"a": {"label": "A"}}}`:                  "api",
	} {
		_, err := ParseProperties([]byte(text))
		require.Error(t, err, text)
		require.Equal(t, field, domain.AsError(err).Field, text)
	}
}
