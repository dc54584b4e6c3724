package domain

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Claims are what an identity provider says of somebody: the values of each claim. That of a claim inside of another
// one has both names, with a dot between them: "realm_access.roles".
type Claims map[string][]string

// maxClaims bounds how many values are kept of what a provider says, and maxClaimDepth how deep they may lie.
const (
	maxClaims     = 5000
	maxClaimDepth = 5
)

// ClaimsOf returns the claims of a decoded object of JSON. Truth values and numbers become their texts; what is null,
// too deep, or too much is left out.
func ClaimsOf(object map[string]any) Claims {
	c, left := make(Claims), maxClaims
	c.add("", object, 0, &left)
	return c
}

func (c Claims) add(name string, value any, depth int, left *int) {
	if *left == 0 || depth > maxClaimDepth {
		return
	}
	keep := func(text string) {
		c[name] = append(c[name], text)
		*left--
	}
	switch v := value.(type) {
	case string:
		keep(v)
	case bool:
		keep(strconv.FormatBool(v))
	case float64:
		keep(strconv.FormatFloat(v, 'f', -1, 64))
	case []any:
		for _, one := range v {
			c.add(name, one, depth+1, left)
		}
	case map[string]any:
		for key, one := range v {
			if name != "" {
				key = name + "." + key
			}
			c.add(key, one, depth+1, left)
		}
	}
}

// First returns the first value of a claim, empty if there is none.
func (c Claims) First(name string) string {
	if values := c[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// strongMethods and strongContexts are by which a provider says that somebody proved themselves with more than a
// password: methods of RFC 8176, and the contexts of the OpenID Connect Extended Authentication Profile (ACR Values
// 1.0), REFEDS and Entra.
var (
	strongMethods  = []string{"mfa"}
	strongContexts = []string{"phr", "phrh", "https://refeds.org/profile/mfa",
		"http://schemas.microsoft.com/claims/multipleauthn"}
)

// Strong reports whether the claims say that somebody proved themselves with more than a password.
func (c Claims) Strong() bool {
	return slices.ContainsFunc(c["amr"], func(m string) bool { return slices.Contains(strongMethods, m) }) ||
		slices.Contains(strongContexts, c.First("acr"))
}

// longAgo is older than any proof may be. It is not zero, which is stored of a session that was proved when it was
// begun.
var longAgo = time.Unix(1, 0).UTC()

// SignedInAt returns when the provider says that somebody proved there who they are (auth_time), now at the latest.
// Where it does not say, that is longAgo: a session there may have lasted for however long.
func (c Claims) SignedInAt(now time.Time) time.Time {
	at, err := strconv.ParseFloat(c.First("auth_time"), 64)
	switch {
	case err != nil || !(at >= 1): // nor is it NaN
		return longAgo
	case at >= float64(now.Unix()):
		return now.UTC().Truncate(time.Millisecond)
	}
	return time.Unix(int64(at), 0).UTC()
}

// Address returns the mail address that the provider says it has proved, empty if it says so of none or of several.
// That is said by true, or by its text as some providers do.
func (c Claims) Address() string {
	address, proved := c["email"], c["email_verified"]
	if len(address) != 1 || len(proved) != 1 || proved[0] != "true" || CheckMail(address[0]) != nil {
		return ""
	}
	return address[0]
}

// Person returns the name of somebody, for whom at least a first name is made up.
func (c Claims) Person() Person {
	var p Person
	p.FirstName, p.LastName = CleanName(c.First("given_name")), CleanName(c.First("family_name"))
	if p.FirstName == "" {
		first, last, _ := strings.Cut(CleanName(c.First("name")), " ")
		p.FirstName, p.LastName = first, strings.TrimSpace(last)
	}
	if p.FirstName == "" {
		p.FirstName, _, _ = strings.Cut(CleanName(c.Shown()), "@")
	}
	if p.FirstName == "" {
		p.FirstName = "?"
	}
	return p
}

// Shown returns what people know somebody by, empty if the provider says nothing of the kind. It proves nothing.
func (c Claims) Shown() string {
	for _, name := range []string{"preferred_username", "email", "name"} {
		if text := CleanName(c.First(name)); text != "" {
			return text
		}
	}
	return ""
}
