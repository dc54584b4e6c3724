package domain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
)

func TestNearestMonth(t *testing.T) {
	for text, want := range map[string]string{
		"2014-05-01T00:00:00Z": "2014-05", "2014-05-16T11:59:59Z": "2014-05", "2014-05-16T12:00:00Z": "2014-06",
		"2014-05-31T23:59:59Z": "2014-06", "2014-04-30T22:00:00Z": "2014-05", "2014-12-31T00:00:00Z": "2015-01",
		"2015-02-14T23:59:59Z": "2015-02", "2015-02-15T00:00:00Z": "2015-03", "2016-02-15T11:59:59Z": "2016-02",
		"2014-05-01T01:00:00+02:00": "2014-05",
	} {
		at, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		require.Equal(t, want, domain.NearestMonth(at).String(), text)
	}
	require.Equal(t, "2014-12", domain.Month(201501).Before().String())
}
