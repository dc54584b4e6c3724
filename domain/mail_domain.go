package domain

import (
	"strings"
	"time"
)

// MailDomain is a domain of mail addresses that an organization has proved to be its own. Several organizations may
// have proved the same one, and none is told of another.
type MailDomain struct {
	Organization OrganizationID
	Name         string // in lower case, as DNS has it
	// Proved is when it was proved first, Found when the proof was found in DNS last, and Asked when it was looked for
	// last.
	Proved, Found, Asked time.Time
	// Confirmed means that somebody who has the whole directory said so, without DNS.
	Confirmed bool
}

// How long the proof of a domain is good after it was found, how often it is looked for again, and how old it may be
// to let somebody in to an account that is there.
const (
	DomainKept  = 7 * 24 * time.Hour
	DomainAsked = 24 * time.Hour
	DomainFresh = time.Hour
)

// Good reports whether the domain is proved at now, by a proof that is younger than age. One that was confirmed does
// not age.
func (d *MailDomain) Good(now time.Time, age time.Duration) bool {
	return d.Confirmed || now.Sub(d.Found) < age
}

// DomainRecord returns the name of the record of DNS that proves a domain, of the type TXT.
func DomainRecord(name string) string { return "_canopy." + name }

// DomainText returns what that record says for an organization whose token it is.
func DomainText(token string) string { return "canopy-domain=" + token }

// DomainOf returns the domain of what may be a mail address, in lower case. It reports false if there is none, or one
// with other characters than ASCII, of which several may look alike, or be folded into one.
func DomainOf(address string) (string, bool) {
	i := strings.LastIndexByte(address, '@')
	if i < 1 || i == len(address)-1 || !IsASCII(address[i:]) {
		return "", false
	}
	return strings.ToLower(address[i+1:]), true
}

// isDomain reports whether s is a domain as DNS has it (RFC 1035, 2.3.1), in lower case and with a dot in it.
func isDomain(s string) bool {
	labels := strings.Split(s, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(r rune) bool {
				return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
			}) {
			return false
		}
	}
	return len(labels) > 1 && len(s) <= maxDomain
}

// maxDomain bounds a domain, in bytes, so that there is place for that of its record before it.
const maxDomain = 240

// Fields returns what the audit trail keeps of the proof.
func (d *MailDomain) Fields() Fields {
	return Fields{{"domain", d.Name}, {"proved", moment(d.Proved)}, {"confirmed", flag(d.Confirmed)}}
}

// Errors about domains of mail addresses.
var (
	ErrDomainNotFound = &Error{Kind: NotFound, Code: "domain_not_found", Field: "domain",
		Public: "No provider of the organization has this domain."}
	ErrDomainUnproved = &Error{Kind: Conflict, Code: "domain_unproved", Field: "domain",
		Public: "The record that proves the domain is not in DNS, or not yet; it may take a while to be seen."}
	ErrDNSUnreachable = &Error{Kind: Unavailable, Code: "dns_unreachable", Field: "domain",
		Public: "DNS does not answer for this domain; try again later.", RetryAfter: 5}
)
