package console

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// alike are the texts that are the same in both languages.
var alike = []string{"RolesPermission"}

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
