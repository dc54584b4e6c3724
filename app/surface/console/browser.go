package console

import "canopy/domain"

// client returns what to call a browser, such as "Firefox on Linux", by what it calls itself; what is no browser stays
// as it is.
func (v *view) client(agent string) string {
	browser, system := domain.BrowserOf(agent)
	switch {
	case browser == "":
		return agent
	case system == "":
		return browser
	}
	return fill(fill(v.words.Strength.Browser, "browser", browser), "system", system)
}
