package rest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"canopy/app/httpx"
	"canopy/domain"
)

// TestFields holds how leniently one member "a" is read. A want of nil is no value, an
// error refuses it.
func TestFields(t *testing.T) {
	text := func(f fields) any { return value(f.textIf("a")) }
	number := func(f fields) any { return value(f.numberIf("a")) }
	flag := func(f fields) any { return value(f.flagIf("a")) }
	role := func(f fields) any { return value(parseIf(f, "a", domain.ParseRole)) }
	ref := func(f fields) any { return value(refIf[domain.GroupRef](f, "a", "id")) }
	list := func(f fields) any { return value(refs[domain.GroupRef](f, "a", "id")) }
	type refusal struct{}
	tests := []struct {
		name  string
		read  func(fields) any
		cases map[string]any
	}{
		{"text", text, map[string]any{
			`"x"`: "x", `""`: "", `7`: "7", `-1.50e3`: "-1.50e3", `12345678901234567890`: "12345678901234567890", `null`: nil,
			`true`: refusal{}, `{}`: refusal{}, `["x"]`: refusal{}, `"a\u0000"`: refusal{},
		}},
		{"number", number, map[string]any{
			`7`: int64(7), `"7"`: int64(7), `"-7"`: int64(-7), `9007199254740993`: int64(9007199254740993), `null`: nil,
			`7.0`: refusal{}, `7e0`: refusal{}, `""`: refusal{}, `" 7"`: refusal{}, `9223372036854775808`: refusal{},
			`true`: refusal{}, `[7]`: refusal{},
		}},
		{"flag", flag, map[string]any{
			`true`: true, `false`: false, `"true"`: true, `"false"`: false, `"1"`: true, `1`: true, `"0"`: false, `0`: false,
			`"2"`: false, `2`: false,
			`null`: nil, `"yes"`: refusal{}, `3`: refusal{}, `""`: refusal{}, `"TRUE"`: refusal{}, `{}`: refusal{},
		}},
		{"parsed", role, map[string]any{
			`"power"`: domain.RolePower, `null`: nil, `""`: refusal{}, `"Power"`: refusal{}, `7`: refusal{},
			`{"role": "power"}`: refusal{},
		}},
		{"reference", ref, map[string]any{
			`"User"`: domain.GroupRef("User"), `7`: domain.GroupRef("7"), `{"id": 7, "alias": "User"}`: domain.GroupRef("7"),
			`{"id": "7"}`: domain.GroupRef("7"), `null`: nil,
			`""`: refusal{}, `{}`: refusal{}, `{"id": null}`: refusal{}, `{"id": {"id": 7}}`: refusal{},
			`{"id": 7, "id": 8}`: refusal{},
			`[7]`:                refusal{}, `true`: refusal{}, `"a\u0000"`: refusal{},
		}},
		{"references", list, map[string]any{
			`[]`: []domain.GroupRef{}, `["User", 7, {"id": 8}]`: []domain.GroupRef{"User", "7", "8"}, `null`: nil,
			`[null]`: refusal{}, `[[7]]`: refusal{}, `["User", ""]`: refusal{}, `"User"`: refusal{}, `{"id": 7}`: refusal{},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for text, want := range tt.cases {
				o, err := httpx.ParseObject([]byte(`{"b": true, "a": ` + text + `}`))
				if err != nil {
					t.Fatal(err)
				}
				f := fields{&httpx.Members{Object: o}}
				got := tt.read(f)
				if want == (any)(refusal{}) {
					require.ErrorIs(t, f.Err, domain.ErrInvalid, text)
					require.Equal(t, "a", domain.AsError(f.Err).Field, text)
					continue
				}
				require.NoError(t, f.Err, text)
				require.Equal(t, want, got, text)
			}
			f := fields{&httpx.Members{}}
			require.Nil(t, tt.read(f))
			require.NoError(t, f.Err)
		})
	}
}

// value is what v points to, nil for nothing.
func value[T any](v *T) any {
	if v == nil {
		return nil
	}
	return *v
}

func TestFieldsKeepTheFirstError(t *testing.T) {
	o, err := httpx.ParseObject([]byte(`{"a": 1.5, "b": 7, "c": "king", "d": {}}`))
	require.NoError(t, err)
	f := fields{&httpx.Members{Object: o}}
	require.Equal(t, "7", f.text("b", "none"))
	f.numberIf("a")
	require.Equal(t, "none", f.text("b", "none"), "nothing is found after an error")
	require.Equal(t, "none", f.text("e", "none"))
	parseIf(f, "c", domain.ParseRole)
	f.flagIf("d")
	require.Equal(t, "a", domain.AsError(f.Err).Field)
}
