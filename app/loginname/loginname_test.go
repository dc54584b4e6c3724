package loginname_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/loginname"
	"canopy/domain"
)

func TestNamesOfOneKindMayBeGiven(t *testing.T) {
	for _, alias := range []string{"admin", "Ann.B-c_d+1", "o'neill", "ann@example.org", "a$archive$by$admin$1", "Ann Bee",
		"éva", "Éva",
		"Ångström", "Müller", "иван", "Νίκος", "山田太郎", "やまだ", "ヤマダ太郎x", "田中tanaka", "김철수", "김cheolsu", "אבא", "محمد", "ทดสอบ",
		"नमस्ते", "user7", "l·l", "7éva", "?#%é", "Ann B. ?#%é", "-иван", "שָׁלוֹם", "कि"} {
		require.NoError(t, loginname.Rules{}.Check(alias), "%+q", alias)
	}
}

func TestOthersAreRefusedAndToldWhatWouldBeRight(t *testing.T) {
	for alias, say := range map[string]string{
		"ad\u034fmin":       "U+034F",
		"ad\u3164min":       "U+3164",
		"admin\ufe0f":       "U+FE0F",
		"ad\u200bmin":       "U+200B",
		"ad\u00admin":       "U+00AD",
		"ad\u2060min":       "U+2060",
		"ａｄｍｉｎ":             `"admin"`,
		"e\u0301va":         `"éva"`,
		"ﬁnn":               "U+FB01",
		"\u212bngström":     "Ångström",
		"admіn":             "Cyrillic and Latin",
		"аdmin":             "Cyrillic and Latin",
		"Νikos":             "Greek and Latin",
		"иванΝ":             "Cyrillic and Greek",
		"山田иван":            "Cyrillic and Han",
		"ann  bee":          "one blank",
		"ann\u00a0bee":      "U+00A0",
		"ann☕":              "U+2615",
		"ann’s":             "U+2019",
		"\u0301ann":         "begin with the mark",
		"ab\u05d0":          "",
		"\u0661\u06f1":      "",
		"김\u1100":           "U+1100",
		"x\U000e0041":       "U+E0041",
		"ann\u115fb":        "U+115F",
		"a\u2800b":          "U+2800",
		"ann\u202eb":        "U+202E",
		"\ufeffann":         "U+FEFF",
		"ß\U0001f600":       "U+1F600",
		"\u1e9b\u0323hello": "",
	} {
		err := loginname.Rules{}.Check(alias)
		require.Error(t, err, "%+q", alias)
		e := domain.AsError(err)
		require.Equal(t, domain.Invalid, e.Kind)
		require.Equal(t, "alias", e.Field)
		require.Contains(t, e.Public, say, "%+q", alias)
	}
}

// A name that was given before in another spelling is known as the same one.
func TestSpellingsOfBeforeAreFound(t *testing.T) {
	require.Empty(t, loginname.Rules{}.Spellings("л"))
	require.Contains(t, loginname.Rules{}.Spellings("Éva"), domain.Fold("E\u0301va"))
	require.Contains(t, loginname.Rules{}.Spellings("admin"), domain.Fold("ａｄｍｉｎ"))
	require.Contains(t, loginname.Rules{}.Spellings("\uae40"), "\u1100\u1175\u11b7")
	require.Equal(t, []string{"ＡＢ２　－～"}, loginname.Rules{}.Spellings("ab2 -~"))
}
