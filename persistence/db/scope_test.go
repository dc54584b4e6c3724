package db

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
	in := Predicate{"place = ?", []any{1}}
	either := Predicate{"kind = ? OR kind = ?", []any{2, 3}}
	want := [][2]int{{1, 2}, {1, 3}}
	values := slices.Concat(in.Args, either.Args)

	for name, p := range map[string]Predicate{
		"and": in.And(either.Raw, either.Args...), "also": in.Also(either), "all of": AllOf(in, Predicate{}, either),
		"nothing before it": Predicate{}.Also(in).Also(either), "nothing behind it": in.Also(either).Also(Predicate{}),
	} {
		require.Equal(t, want, found(p.Text(), p.Args...), name)
	}
	other := either.Also(in)
	require.Equal(t, want, found(other.Text(), other.Args...), "the other way round")
	require.Equal(t, want, found(in.Text()+" AND "+either.Text(), values...), "in a statement's own text")
	require.Equal(t, want, found(in.Text()+either.Further(), values...))
	require.Equal(t, found("1 = 1"), found(Predicate{}.Text()), "no condition")
	require.Equal(t, found("1 = 1"), found("1 = 1"+Predicate{}.Further()), "no condition")
	none := in.Also(either)
	require.Len(t, found("NOT "+none.Text(), none.Args...), 14, "turned into its contrary")
	one := AnyOf(in.And("kind = 0"), either).Also(in)
	require.Equal(t, [][2]int{{1, 0}, {1, 2}, {1, 3}}, found(one.Text(), one.Args...), "one of several")
	hidden := Unindexed(either).Also(in)
	require.Equal(t, want, found(hidden.Text(), hidden.Args...), "hidden from indexes")
	// What is made of a condition does not change it, nor what else was made of it.
	base := in.And("kind >= ?", 0)
	first, second := base.And("kind = ?", 1), base.And("kind = ?", 2)
	require.Equal(t, [][2]int{{1, 1}}, found(first.Text(), first.Args...))
	require.Equal(t, [][2]int{{1, 2}}, found(second.Text(), second.Args...))
}
