package ethersource

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// times are forms that are understood, with what they mean.
var times = map[string]string{
	"2014-05-08 00:00:00 CEST":      "2014-05-07T22:00:00Z",
	"2014-05-08 00:00:00 CET":       "2014-05-07T23:00:00Z",
	"2014-05-08 00:00:00 UTC":       "2014-05-08T00:00:00Z",
	"2014-05-08 00:00:00 PST":       "2014-05-08T08:00:00Z",
	"2014-05-08 00:00:00":           "2014-05-08T00:00:00Z",
	"2014-05-08 00:00:00.5":         "2014-05-08T00:00:00.5Z",
	"2014-05-08 00:00:00 +02:00":    "2014-05-07T22:00:00Z",
	"2014-05-08T00:00:00Z":          "2014-05-08T00:00:00Z",
	"2014-05-08T00:00:00+02:00":     "2014-05-07T22:00:00Z",
	"2014-05-08T00:00:00 02:00":     "2014-05-07T22:00:00Z", // the plus sign as a query reads it
	"2014-05-08T00:00:00-0430":      "2014-05-08T04:30:00Z",
	"2014-05-08T00:00:00+02":        "2014-05-07T22:00:00Z",
	"2014-05-08T12:30":              "2014-05-08T12:30:00Z",
	"2014-05-08T12:30Z":             "2014-05-08T12:30:00Z",
	"2014-05-08T00:00:00.123+02:00": "2014-05-07T22:00:00.123Z",
	"20140508T000000Z":              "2014-05-08T00:00:00Z",
	"2014-05-08":                    "2014-05-08T00:00:00Z",
	"2014-05":                       "2014-05-01T00:00:00Z",
	"20140508":                      "2014-05-08T00:00:00Z",
	"2014":                          "2014-01-01T00:00:00Z",
	"1399500000000":                 "2014-05-07T22:00:00Z",
	"0":                             "1970-01-01T00:00:00Z",
	" 2014-05-08 ":                  "2014-05-08T00:00:00Z",
}

// noTimes are texts that are none.
var noTimes = []string{"", "yesterday", "-1", "0000", "1969", "2014-13-01", "2014-02-30", "2014-05-08 00:00:00 XYZ",
	"2014-05-08 00:00:00 cest",
	"2014-05-08T00:00:00Z CEST", "2014-05-08T00:00:00+02:00 CEST", "2014-05-08 25:00:00", "1969-12-31T23:59:59Z",
	"9999-12-31T23:59:59-01:00",
	"99999999999999999", "99999999999999999999", "1e3", "CEST", " CEST", "2014-05-08  00:00:00", "2014-05-08T00:00:00\x00"}

func TestTimesAreUnderstood(t *testing.T) {
	for text, want := range times {
		got, ok := parseTime(text)
		require.True(t, ok, text)
		require.Equal(t, want, got.Format(time.RFC3339Nano), text)
	}
	for _, text := range noTimes {
		got, ok := parseTime(text)
		require.False(t, ok, "%q is %v", text, got)
	}
	for name, offset := range zones {
		got, ok := parseTime("2014-05-08 12:00:00 " + name)
		require.True(t, ok, name)
		require.Equal(t, 12*time.Hour-time.Duration(offset)*time.Second, got.Sub(time.Date(2014, 5, 8, 0, 0, 0, 0, time.UTC)),
			name)
	}
}

// FuzzTimes holds that what is understood is a time of a year that can be written, and that
// what we write is understood as the same time.
func FuzzTimes(f *testing.F) {
	for text := range times {
		f.Add(text)
	}
	for _, text := range noTimes {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseTime(text)
		if !ok {
			return
		}
		if got.Year() < 1970 || got.Year() > 9999 || got.Location() != time.UTC {
			t.Fatalf("%q is %v", text, got)
		}
		again, ok := parseTime(formatTime(got))
		if !ok || !again.Equal(got.Truncate(time.Second)) {
			t.Fatalf("%q is %v, which is written as %q and read as %v", text, got, formatTime(got), again)
		}
	})
}

// FuzzLinks holds that the parameter gets into a link once, before the fragment.
func FuzzLinks(f *testing.F) {
	for _, link := range []string{"https://a.example", "https://a.example/b?c=d", "https://a.example/?",
		"https://a.example/?b&#c?d", "#", ""} {
		f.Add(link)
	}
	f.Fuzz(func(t *testing.T, link string) {
		with, err := withSecret(link)
		if err != nil {
			return
		}
		address, fragment, _ := cutFragment(with)
		before, was, _ := cutFragment(link)
		if fragment != was || len(address) <= len(before) || address[:len(before)] != before {
			t.Fatalf("%q became %q", link, with)
		}
	})
}
