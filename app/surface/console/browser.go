package console

import "strings"

// Browsers and systems by what they call themselves, the ones first that call themselves others too.
var (
	browsers = [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}}
	systems = [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"},
		{"CrOS", "ChromeOS"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"}}
)

// client returns what to call a browser, such as "Firefox on Linux", by what it calls itself; what is no browser stays
// as it is.
func (v *view) client(agent string) string {
	find := func(all [][2]string) string {
		for _, one := range all {
			if strings.Contains(agent, one[0]) {
				return one[1]
			}
		}
		return ""
	}
	browser, system := find(browsers), find(systems)
	switch {
	case !strings.HasPrefix(agent, "Mozilla/") || browser == "":
		return agent
	case system == "":
		return browser
	}
	return fill(fill(v.words.Strength.Browser, "browser", browser), "system", system)
}
