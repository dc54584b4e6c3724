package ethersource

import (
	"strconv"
	"strings"
	"time"
)

// zones are the abbreviations of time zones that are understood, in seconds east of UTC.
// They are those of Europe, where the product is from, and of North America, which name one
// zone each among these.
var zones = map[string]int{
	"UTC": 0, "GMT": 0, "Z": 0, "WET": 0, "WEST": 1 * hour, "BST": 1 * hour, "CET": 1 * hour, "CEST": 2 * hour,
	"EET": 2 * hour, "EEST": 3 * hour, "MSK": 3 * hour,
	"EST": -5 * hour, "EDT": -4 * hour, "CST": -6 * hour, "CDT": -5 * hour,
	"MST": -7 * hour, "MDT": -6 * hour, "PST": -8 * hour, "PDT": -7 * hour,
}

const hour = 3600

// layouts are the forms of ISO 8601 that are understood. Without a zone it is UTC.
var layouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04:05",
	"2006-01-02T15:04Z07:00", "2006-01-02T15:04",
	"2006-01-02", "2006-01",
	"20060102T150405Z07:00", "20060102T150405Z0700", "20060102T150405",
}

// parseTime reads a time as 2014-05-08 00:00:00 CEST, in a form of ISO 8601, or as the
// milliseconds since 1970. It reports false for anything else, and outside the years 1970 to
// 9999.
func parseTime(text string) (time.Time, bool) {
	t, ok := readTime(strings.TrimSpace(text))
	t = t.UTC()
	return t, ok && t.Year() >= 1970 && t.Year() <= 9999
}

func readTime(text string) (time.Time, bool) {
	// A number of so few digits is no time of our days in milliseconds.
	if layout, basic := map[int]string{len("2006"): "2006", len("20060102"): "20060102"}[len(text)]; basic {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms), true
	}
	east := 0
	if i := strings.LastIndexByte(text, ' '); i > 0 {
		offset, known := zones[text[i+1:]]
		switch clock := text[i+1:]; {
		case known:
			text, east = text[:i], offset
		case strings.Contains(text, "T") && !strings.Contains(text[:i], " "):
			text = text[:i] + "+" + clock // a plus sign that was not escaped
		case clock != "" && (clock[0] == '+' || clock[0] == '-'):
			text = text[:i] + clock
		}
	}
	// A space instead of the T, with a fraction of a second or without.
	text = strings.Replace(text, " ", "T", 1)
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil {
			if east != 0 && (t.Location() != time.UTC || strings.HasSuffix(text, "Z")) {
				return time.Time{}, false // two zones
			}
			return t.Add(time.Duration(-east) * time.Second), true
		}
	}
	return time.Time{}, false
}

// formatTime writes a time as the product does.
func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
