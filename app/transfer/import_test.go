package transfer

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each name is known by its line, of whatever field, in a table with little room for others.
func TestNamesAreSeenOnce(t *testing.T) {
	const names = 20_000
	for _, expected := range []int{0, 2 * names} {
		s := newSeenNames(expected)
		for n := 1; n <= names; n++ {
			require.NoError(t, s.once("alias", "Näme "+strconv.Itoa(n), n))
			require.NoError(t, s.once("person.mail", "näme "+strconv.Itoa(n), n+names))
		}
		require.NoError(t, s.once("alias", "", 1))
		require.NoError(t, s.once("alias", "", 2), "no name is one")
		for n := 1; n <= names; n++ {
			require.Equal(t, n, s.line("alias", "NÄME "+strconv.Itoa(n)))
			require.Equal(t, n+names, s.line("person.mail", "näme "+strconv.Itoa(n)))
			require.Zero(t, s.line("alias", "none "+strconv.Itoa(n)))
		}
		require.ErrorContains(t, s.once("alias", "näme 7", 1), `"näme 7" comes on line 7 too.`)
		require.Less(t, len(s.hashes), 2*2*names)
	}
	s := newSeenNames(names)
	room := len(s.hashes)
	for n := range names {
		require.NoError(t, s.once("alias", "name "+strconv.Itoa(n), n+1))
	}
	require.Len(t, s.hashes, room, "it need not grow")
}
