package persistence

import (
	"database/sql"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Conditions that hold an OR on their own level, however they are put together and wherever in a
// statement they stand, let nothing pass that one of them keeps out.
func TestConditionsStayApart(t *testing.T) {
	db, err := sql.Open("sqlite", ":memory:")
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec("CREATE TABLE t (place integer, kind integer)")
	require.NoError(t, err)
	for place := range 4 {
		for kind := range 4 {
			_, err = db.Exec("INSERT INTO t VALUES (?, ?)", place, kind)
			require.NoError(t, err)
		}
	}
	found := func(text string, args ...any) (all [][2]int) {
		rows, err := db.Query("SELECT place, kind FROM t WHERE "+text+" ORDER BY place, kind", args...)
		require.NoError(t, err, text)
		defer rows.Close()
		for rows.Next() {
			var r [2]int
			require.NoError(t, rows.Scan(&r[0], &r[1]))
			all = append(all, r)
		}
		require.NoError(t, rows.Err())
		return all
	}
	in := predicate{"place = ?", []any{1}}
	either := predicate{"kind = ? OR kind = ?", []any{2, 3}}
	want := [][2]int{{1, 2}, {1, 3}}
	values := slices.Concat(in.args, either.args)

	for name, p := range map[string]predicate{
		"and": in.and(either.raw, either.args...), "also": in.also(either), "all of": allOf(in, predicate{}, either),
		"nothing before it": predicate{}.also(in).also(either), "nothing behind it": in.also(either).also(predicate{}),
	} {
		require.Equal(t, want, found(p.text(), p.args...), name)
	}
	other := either.also(in)
	require.Equal(t, want, found(other.text(), other.args...), "the other way round")
	require.Equal(t, want, found(in.text()+" AND "+either.text(), values...), "in a statement's own text")
	require.Equal(t, want, found(in.text()+either.further(), values...))
	require.Equal(t, found("1 = 1"), found(predicate{}.text()), "no condition")
	require.Equal(t, found("1 = 1"), found("1 = 1"+predicate{}.further()), "no condition")
	none := in.also(either)
	require.Len(t, found("NOT "+none.text(), none.args...), 14, "turned into its contrary")
	one := anyOf(in.and("kind = 0"), either).also(in)
	require.Equal(t, [][2]int{{1, 0}, {1, 2}, {1, 3}}, found(one.text(), one.args...), "one of several")
	hidden := unindexed(either).also(in)
	require.Equal(t, want, found(hidden.text(), hidden.args...), "hidden from indexes")
	// What is made of a condition does not change it, nor what else was made of it.
	base := in.and("kind >= ?", 0)
	first, second := base.and("kind = ?", 1), base.and("kind = ?", 2)
	require.Equal(t, [][2]int{{1, 1}}, found(first.text(), first.args...))
	require.Equal(t, [][2]int{{1, 2}}, found(second.text(), second.args...))
}
