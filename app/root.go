package app

import (
	"regexp"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"canopy/app/surface/tat"
	"canopy/domain"
)

// rootPaths are the paths that several products have at the root.
var rootPaths = below("/users", "/groups")

// Three products have /users at the root, and two /groups. There the credentials that a
// request carries say whose client sent it. They are looked at in the order of this list;
// what carries those of no other surface is for the last one, also what carries none.
var atRoot = []struct {
	surface     string
	credentials string
	carried     func(*fasthttp.Request) bool
}{
	{"tat", "the headers Tat_username and Tat_password (Tat)", carriesTat},
	{"ethersource", "HTTP Basic or an apiKey (Ethersource)", carriesBasicOrKey},
	{"tellius", "a token in the header Authorization (Tellius)", func(*fasthttp.Request) bool { return true }},
}

// whose returns the name of the surface whose credentials a request carries.
func whose(r *fasthttp.Request) string {
	for _, s := range atRoot {
		if s.carried(r) {
			return s.surface
		}
	}
	return ""
}

// errNobody is the error of a request at the root that carries no credentials.
func errNobody() error {
	var all []string
	for _, s := range atRoot {
		all = append(all, s.credentials)
	}
	last := len(all) - 1
	return domain.ErrUnauthenticated.Saying("Sign in first; send %s, or %s.", strings.Join(all[:last], ", "), all[last])
}

// tatHeaders are the headers of Tat's credentials.
var tatHeaders = slices.Concat(tat.UsernameHeaders, tat.PasswordHeaders)

// carriesTat reports whether a request has one of Tat's headers, or asks for a page whether
// it may send one.
func carriesTat(r *fasthttp.Request) bool {
	for _, name := range tatHeaders {
		if len(r.Header.Peek(name)) > 0 {
			return true
		}
	}
	wanted := r.Header.Peek("Access-Control-Request-Headers")
	return r.Header.IsOptions() && tatHeader.Match(wanted)
}

// tatHeader finds the beginning of one of Tat's headers in a list of headers.
var tatHeader = regexp.MustCompile(`(?i)(^|[\s,])tat[_-]`)

func carriesBasicOrKey(r *fasthttp.Request) bool {
	scheme, _, _ := strings.Cut(strings.TrimSpace(string(r.Header.Peek("Authorization"))), " ")
	return strings.EqualFold(scheme, "Basic") || len(r.Header.Peek("apiKey")) > 0 || r.URI().QueryArgs().Has("apiKey")
}
