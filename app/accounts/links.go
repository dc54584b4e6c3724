package accounts

import (
	"net/url"
	"strings"
	"unicode"

	"canopy/app/directory"
	"canopy/domain"
)

// The placeholders of a link or note; each becomes the value, written so that it can
// stand in a path or a query.
const (
	PlaceSecret   = "{secret}"
	PlaceMail     = "{mail}"
	PlaceAlias    = "{alias}"    // the UUID, if the alias is no plain word
	PlaceLanguage = "{language}" // the reader's
	PlaceLink     = "{link}"     // in notes: the whole link
)

// Pages is the path below which the pages are to which links of mail lead; empty where there
// are none. The secret is then mailed by itself, for a program to ask for it.
type Pages string

// Accept returns the link of an invitation.
func (p Pages) Accept() string { return p.link("accept", "mailaddress="+PlaceMail+"&user="+PlaceAlias) }

// Reset returns the link to another password.
func (p Pages) Reset() string { return p.link("reset", "mailaddress="+PlaceMail+"&user="+PlaceAlias) }

// Verify returns the link that proves the address of a registration.
func (p Pages) Verify() string { return p.link("verify", "mailaddress="+PlaceMail) }

// Mail returns the link that proves another address of an account.
func (p Pages) Mail() string { return p.link("mail", "user="+PlaceAlias) }

// Begin returns the link to a password that is made for a login name.
func (p Pages) Begin() string { return p.link("begin", "user="+PlaceAlias) }

// Factors returns the page where one adds factors, empty where there are no pages.
func (p Pages) Factors() string {
	if p == "" {
		return ""
	}
	return string(p) + "/my-factors"
}

// Sessions returns the page of one's own sessions, empty where there are no pages.
func (p Pages) Sessions() string {
	if p == "" {
		return ""
	}
	return string(p) + "/my-sessions"
}

func (p Pages) link(page, whose string) string {
	if p == "" {
		return PlaceSecret
	}
	return string(p) + "/" + page + "?" + whose + "&secret=" + PlaceSecret + "&lang=" + PlaceLanguage
}

// linked returns a letter with the link that path makes, or with the secret by itself where path
// is nothing else.
func (a *Accounts) linked(letter domain.Letter, path string, u *domain.User, secret domain.Secret) domain.Letter {
	if path == PlaceSecret {
		letter.Code = secret.Text
		return letter
	}
	letter.Link = a.link(path, u, secret)
	return letter
}

// link returns the link of a mail. A path begins at the server's public address, which
// comes from the configuration and never from a request.
func (a *Accounts) link(path string, u *domain.User, secret domain.Secret) string {
	if strings.HasPrefix(path, "/") {
		path = a.rules.PublicURL + path
	}
	return fill(path, u, secret)
}

func fill(text string, u *domain.User, secret domain.Secret) string {
	return strings.NewReplacer(PlaceSecret, escape(string(secret.Text)), PlaceMail, escape(secret.Address),
		PlaceAlias, escape(reference(u)), PlaceLanguage, escape(language(u))).Replace(text)
}

// reference returns what a link names the account by, as Whose.Alias: nothing that a stranger
// could have written as they like.
func reference(u *domain.User) string {
	if domain.PlainWord(u.Alias) {
		return u.Alias
	}
	return string(u.UUID)
}

// language returns the language of the account, unless it says something else.
func language(u *domain.User) string {
	if !domain.PlainWord(u.Language) {
		return ""
	}
	return u.Language
}

// escape writes a value so that it can stand in a path and in a query.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// maxNote is how much of a note is kept, in characters.
const maxNote = 500

// note returns what is sent of a text that a stranger wrote: one paragraph of bounded
// length, without control characters, and without anything a reader's program could turn
// into a link, except links to this server. It is empty unless such a link is left that
// holds the secret.
func (a *Accounts) note(text, path string, u *domain.User, secret domain.Secret) string {
	text = strings.ReplaceAll(text, PlaceLink, a.rules.PublicURL+path)
	var kept []string
	length, proves := 0, false
	for word := range strings.FieldsFuncSeq(text,
		func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		word = strings.Map(visible, word)
		ours := a.ours(word)
		if !ours && directory.Linkable(word) {
			continue
		}
		if length += len([]rune(word)) + 1; length > maxNote {
			break
		}
		proves = proves || ours && strings.Contains(word, PlaceSecret)
		kept = append(kept, word)
	}
	if !proves {
		return ""
	}
	return fill(strings.Join(kept, " "), u, secret)
}

// visible drops what cannot be seen.
func visible(r rune) rune {
	if !unicode.IsPrint(r) {
		return -1
	}
	return r
}

// ours reports whether a word is a link to this server.
func (a *Accounts) ours(word string) bool {
	rest, ok := strings.CutPrefix(word, a.rules.PublicURL)
	return ok && strings.HasPrefix(rest, "/") && !strings.Contains(rest, "://") && !strings.ContainsAny(rest, "<>\"@\\")
}
