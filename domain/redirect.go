package domain

import (
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
)

// Redirects are where a surface may send a browser: paths of this server ("/welcome") and whole
// origins ("https://portal.example").
type Redirects []string

// ParseRedirects reads a list of paths and origins.
func ParseRedirects(list []string) (Redirects, error) {
	for _, entry := range list {
		u, err := url.Parse(entry)
		isOrigin := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && entry == u.Scheme+"://"+
			u.Host
		if !isOrigin && !isPath(entry) {
			return nil, fmt.Errorf("%q is neither a path nor an origin", entry)
		}
	}
	return slices.Clone(list), nil
}

// Allows reports whether target is a listed path, with any query, or an address of a listed
// origin. Whatever browsers and servers could read in different ways is none.
func (r Redirects) Allows(target string) bool {
	if len(target) > 2000 ||
		strings.ContainsFunc(target, func(c rune) bool { return c <= ' ' || c > '~' || c == '\\' || c == '#' }) {
		return false
	}
	if strings.HasPrefix(target, "/") {
		place, _, _ := strings.Cut(target, "?")
		return isPath(place) && slices.Contains(r, place)
	}
	u, err := url.Parse(target)
	if err != nil || u.User != nil || u.Opaque != "" || u.Host == "" {
		return false
	}
	origin := u.Scheme + "://" + u.Host
	rest, ok := strings.CutPrefix(target, origin)
	return ok && (rest == "" || rest[0] == '/' || rest[0] == '?') && slices.Contains(r, origin)
}

// isPath reports whether text is the path of one place, written in one way.
func isPath(text string) bool {
	return strings.HasPrefix(text, "/") && !strings.ContainsAny(text, "%?#\\ ") && !strings.HasPrefix(text, "//") &&
		(path.Clean(text) == text || path.Clean(text)+"/" == text)
}
