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
	require.Len(t, declared.Users, 5)
	require.Len(t, declared.Organizations, 2)
	require.Len(t, declared.APIs, 1)
	var first, second httpx.Writer
	writeProperties(&first, &declared)
	again, err := ParseProperties(first.Bytes())
	require.NoError(t, err)
	writeProperties(&second, &again)
	require.Equal(t, string(first.Bytes()), string(second.Bytes()))
	require.Equal(t, declared.Users.Keys(), again.Users.Keys())
}

func TestPropertiesThatAreNone(t *testing.T) {
	for text, field := range map[string]string{
		`{"user": {"a": {"type": "list"}}}`:                                  "a.type",
		`{"user": {"a": {"type": "select"}}}`:                                "a",
		`{"user": {"a": {"permissions": {"root": {"read": true}}}}}`:         "a.permissions.root",
		`{"user": {"a": {"permissions": {"user": {"read": "yes"}}}}}`:        "a.read",
		`{"user": {"email": {}}}`:                                            "email",
		`{"user": {"a": {"color": "red"}}}`:                                  "a.color",
		`{"users": {}}`:                                                      "users",
		`{"user": {}, "api": {"a": {"type": "list"}}}`:                       "a.type",
		`{"organization": {"phone": {}}}`:                                    "phone",
		`{"user": {"a": {"type": "switch", "options": [{"value": "yes"}]}}}`: "a",
		`{"user": {"a": {"options": [{"value": 1}]}}}`:                       "a.options",
		`{"user": {"a": {"options": [{"color": "x"}]}}}`:                     "a.options",
	} {
		_, err := ParseProperties([]byte(text))
		require.Error(t, err, text)
		require.Equal(t, field, domain.AsError(err).Field, text)
	}
}
