package authn

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

// grace is whose password the tests choose.
var grace = domain.User{Alias: "grace.hopper", Person: domain.Person{FirstName: "Grace", LastName: "Hopper",
	Mail: "amazing.grace@navy.example"}}

func TestJudgeChosen(t *testing.T) {
	h := NewHasher(cheap, 6)
	chosen := func(text string, least int) error {
		return h.JudgeChosen(domain.ChosenPassword{Text: text, Least: least, Words: grace.GuessWords("Acme-Ships")})
	}
	common, names := domain.ErrPasswordCommon, domain.ErrPasswordNames
	for _, tt := range []struct {
		text string
		want *domain.Error
	}{
		{"correct horse battery staple", nil},
		{"graceful canopy of stars", nil},
		{"hopping through acme stores", nil},
		{"1999-12-31 23:59:59.000", nil},
		{"grace 83915502746193", nil},
		{"zq9", domain.ErrInvalid},
		{"secret", common},
		{"PassWord", common},
		{"ｐａｓｓｗｏｒｄ", common},
		{"qwertyuiop12345", common},
		{"passwordpassword", common},
		{"passwordPassWord", common},
		{"letmeinletmeinletmein", common},
		{"aaaaaaaaaaaaaaaaaaaa", common},
		{"xyzxyzxyzxyzxyzxyz", common},
		{"grace.hopper", names},
		{"GraceHopper", names},
		{"hopper_grace!", names},
		{"gr4c3h0pp3r", names},
		{"reppohecarg", names},
		{"Grace Hopper 1906-12-09", names},
		{"amazing.amazing.grace", names},
		{"acme-ships-canopy", names},
		{"AcmeCanopy2026", names},
		{"navy.example", nil},
		{"Grace Hopper 1906-12-09 1992-01-01", nil}, // more than a date
	} {
		err := chosen(tt.text, 6)
		if tt.want == nil {
			require.NoError(t, err, "%q", tt.text)
			continue
		}
		require.ErrorIs(t, err, tt.want, "%q", tt.text)
		require.Equal(t, "password", domain.AsError(err).Field)
		require.Equal(t, domain.Invalid, domain.AsError(err).Kind)
		if tt.want != domain.ErrInvalid {
			require.NoError(t, chosen(tt.text, 0), "%q, where no environment asks", tt.text)
			require.NoError(t, h.Judge(tt.text), "%q, set by others", tt.text)
		}
	}
	require.NoError(t, h.JudgeChosen(domain.ChosenPassword{Text: "an ordinary one", Least: 6,
		Words: []string{"", "o", "an", "-", "日本"}}), "words that are none")

	require.ErrorContains(t, chosen("quite a phrase", 15), "15")
	require.NoError(t, chosen("quite a phrase!", 15))
	require.ErrorContains(t, chosen("zq9xw", 3), "6", "the least of all")
}

// How a letter is put together does not count, nor does what one character stands for.
func TestLengthIsInCharacters(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "abc": 3, "äöü": 3, "a\u0308o\u0308u\u0308": 3, "日本語": 3, "🙂🙂": 2, "ﬁ": 1, "\ufdfa": 1, "e\u0301\ufdfa": 2,
		"\u00e9\ufdfa": 2,
	} {
		require.Equal(t, want, length(text), "%q", text)
	}
	h := NewHasher(cheap, 64)
	for _, letter := range []string{"x", "ß", "e\u0301", "я", "字", "अ", "ض", "🙂", "가"} {
		var text strings.Builder
		for i := range 64 {
			text.WriteString(letter)
			if i == 32 {
				text.WriteString(" no repetition")
			}
		}
		require.NoError(t, h.JudgeChosen(domain.ChosenPassword{Text: text.String(), Least: 64}), "64 of %q", letter)
	}
}

// Somebody signs in alike on keyboards that put letters together in other ways.
func TestPasswordsAreNormalised(t *testing.T) {
	h := NewHasher(cheap, 6)
	composed, decomposed := "caf\u00e9 cr\u00e8me \u00bd", "cafe\u0301 cre\u0300me 1\u20442"
	require.NotEqual(t, composed, decomposed)
	for _, made := range []string{composed, decomposed} {
		hash, err := h.Hash(t.Context(), domain.Party{}, made)
		require.NoError(t, err)
		for _, typed := range []string{composed, decomposed} {
			ok, renew, err := h.Verify(t.Context(), domain.Party{}, hash, typed)
			require.NoError(t, err)
			require.True(t, ok, "%q for %q", typed, made)
			require.False(t, renew)
		}
		ok, _, err := h.Verify(t.Context(), domain.Party{}, hash, "cafe creme 1/2")
		require.NoError(t, err)
		require.False(t, ok)
	}
}

// A hash that was made of a password as it was typed fits it still, and is made anew.
func TestHashesOfPasswordsAsTyped(t *testing.T) {
	h := NewHasher(cheap, 6)
	typed := "cafe\u0301 creme"
	salt := []byte("some salt of old")
	old := formatHash(cheap, salt, h.derive(cheap, typed, salt, keyLength))
	for _, tt := range []struct {
		password string
		ok       bool
	}{{typed, true}, {"caf\u00e9 creme", false}, {"cafe\u0301 crema", false}} {
		ok, renew, err := h.Verify(t.Context(), domain.Party{}, old, tt.password)
		require.NoError(t, err)
		require.Equal(t, []bool{tt.ok, tt.ok}, []bool{ok, renew}, "%q", tt.password)
	}

	c := newClock()
	accounts := accountsOf(t, c, old, "grace")
	p := NewPasswords(h, accounts, []byte("key"), 0, unlooked{}, c.now)
	_, err := p.Recognise(t.Context(), "grace", typed, "192.0.2.1")
	require.NoError(t, err)
	stored, err := accounts.ByLogin(t.Context(), "grace")
	require.NoError(t, err)
	ok, renew, err := h.Verify(t.Context(), domain.Party{}, stored.Hash, "caf\u00e9 creme")
	require.NoError(t, err)
	require.Equal(t, []bool{true, false}, []bool{ok, renew}, "after a sign-in")
}

// However long a password is and whatever the names are, judging it takes no time that others would wait for.
func TestJudgingIsQuick(t *testing.T) {
	h := NewHasher(cheap, 6)
	long := strings.Repeat("ab", MaxPasswordLength/2)
	var words []string
	for range 6 {
		words = append(words, strings.Repeat("ab ", 80)+"c")
	}
	began := time.Now()
	require.Error(t, h.JudgeChosen(domain.ChosenPassword{Text: long, Least: 6, Words: words}))
	require.NoError(t, h.JudgeChosen(domain.ChosenPassword{Text: long[1:], Least: 6, Words: words}))
	require.Less(t, time.Since(began), 2*time.Second)
}

func BenchmarkJudgeChosen(b *testing.B) {
	h := NewHasher(cheap, 6)
	words := grace.GuessWords("Acme")
	for b.Loop() {
		if err := h.JudgeChosen(domain.ChosenPassword{Text: "correct horse battery staple", Least: 15,
			Words: words}); err != nil {
			b.Fatal(err)
		}
	}
}
