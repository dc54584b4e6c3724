package domain

import "strings"

// Browsers and systems by what they call themselves, the ones first that call themselves others too.
var (
	browsers = [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}}
	systems = [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"},
		{"CrOS", "ChromeOS"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}}
)

// BrowserOf returns which browser calls itself so, and on which system that is, as people know them. Both are empty for
// what is no browser, and the system for one that does not say.
func BrowserOf(agent string) (browser, system string) {
	find := func(all [][2]string) string {
		for _, one := range all {
			if strings.Contains(agent, one[0]) {
				return one[1]
			}
		}
		return ""
	}
	if strings.HasPrefix(agent, "Mozilla/") {
		browser = find(browsers)
	}
	if browser != "" {
		system = find(systems)
	}
	return browser, system
}

// ProgramOf returns the name of a program that calls itself so, without its version; empty where that is not one plain
// word.
func ProgramOf(agent string) string {
	name, _, _ := strings.Cut(agent, "/")
	if !PlainWord(name) || strings.Contains(name, ".") {
		return ""
	}
	return name
}
