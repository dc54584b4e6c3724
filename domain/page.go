package domain

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Page says which part of a list is wanted.
type Page struct {
	// Limit is how many entries at most; 0 is as many as the store reads at once.
	Limit int
	// After is the cursor of the last entry already seen; empty starts at the beginning.
	After Cursor
}

// Cursor marks a place in a list, in a form only the store reads. It goes with the list's
// filter and order; a list returns Invalid, field "after", for another one.
type Cursor string

// MaxLimit is the largest limit of a page. A list without a limit streams.
const MaxLimit = 1000

// ErrCursor reports a cursor that does not belong to the list.
var ErrCursor = &Error{Kind: Invalid, Code: "cursor_invalid", Field: "after",
	Public: "Give the cursor of an answer to this very list."}

// UserFilter narrows a list of users. The zero filter keeps all.
type UserFilter struct {
	// Prefix keeps users whose alias, first name, last name or mail begins with it,
	// compared by Fold.
	Prefix string
	// Part keeps users in whose alias, first name, last name, mail or phone number it occurs, compared by Fold; one
	// of fewer than MinPart characters only at the beginning of one.
	Part   string
	Role   Role       // 0 keeps all
	Group  GroupID    // 0 keeps all; else the members of that group
	Active *bool      // nil keeps all
	State  *UserState // nil keeps all
	// Connected keeps users who have ever signed in, or those who never have; nil keeps all.
	Connected *bool
	// NotConnectedSince keeps users who have not signed in since then, or never; zero keeps all.
	NotConnectedSince time.Time
	// ConnectedSince keeps users who have signed in since then, or at that time; zero keeps all.
	ConnectedSince time.Time
	// Mail keeps users who have that mail address, compared by Fold; empty keeps all.
	Mail string
	// Blocked keeps users who are blocked from some environment, by what the reader sees of their lists, or those who
	// are from none; nil keeps all.
	Blocked *bool
	// BlockedHome keeps users who are blocked from their own home, by what the reader sees of their
	// lists, or those who are not; nil keeps all.
	BlockedHome *bool
	// AllowedOutside keeps users who are allowed an environment of another organization, by what the reader
	// sees of their lists, or those who are not; nil keeps all.
	AllowedOutside *bool
	// Strongest keeps users whose strongest factor gives that proof, ByPassword those who have none; nil keeps all.
	// Weaker keeps those whose strongest factor gives less than that proof; ByPassword keeps all.
	Strongest *Proof
	Weaker    Proof
	// ActsAs keeps users who act with that role, by themselves or by a group; 0 keeps all.
	ActsAs Role
	// UsableAt keeps users whose account can be used at that time, as Standing says; zero keeps all.
	UsableAt time.Time
	// Linked keeps users who are linked with somebody at an enabled identity provider of their organization, or those
	// who are not; nil keeps all.
	Linked *bool
	// Except leaves these accounts out.
	Except BreakGlass
	// Programs keeps the accounts of programs, or those of people; nil keeps all.
	Programs *bool
	// OldKeys keeps the accounts of programs that have an old API key; zero keeps all.
	OldKeys OldKeys
	// Emergency keeps the accounts that an environment leaves out of SignInRules.OnlyProvider, or the others; nil keeps
	// all.
	Emergency *bool
	// Conditions are further ones.
	Conditions Conditions
	Order      UserOrder
	// Everybody is how many users there are where the list is asked for, without the filter, if that is known; 0 is
	// not known.
	Everybody int64
}

// Plain reports whether the filter keeps all users.
func (f *UserFilter) Plain() bool {
	return f.Prefix == "" && f.Part == "" && f.Role == 0 && f.Group == 0 && f.Active == nil && f.State == nil &&
		f.Connected == nil && f.NotConnectedSince.IsZero() && f.ConnectedSince.IsZero() && f.Mail == "" &&
		f.Blocked == nil && f.BlockedHome == nil &&
		f.AllowedOutside == nil && f.Strongest == nil && f.Weaker == ByPassword && f.Programs == nil &&
		f.ActsAs == 0 && f.UsableAt.IsZero() && f.Linked == nil && f.Except == (BreakGlass{}) &&
		f.OldKeys == (OldKeys{}) && f.Emergency == nil && len(f.Conditions.All) == 0
}

// Standing reports whether the filter looks at nothing but the role, the state and whether somebody is active.
func (f *UserFilter) Standing() bool {
	rest := *f
	rest.Role, rest.State, rest.Active, rest.Conditions = 0, nil, nil, Conditions{}
	for _, c := range f.Conditions.All {
		if c.Field != UserRole && c.Field != UserStanding && c.Field != UserActive {
			return false
		}
	}
	return rest.Plain() && !f.Conditions.Any
}

// GroupFilter narrows a list of groups. The zero filter keeps all.
type GroupFilter struct {
	IDs          []GroupID // none keeps all, as of all lists here
	Aliases      []string  // exactly
	Descriptions []string
	Since, Until time.Time         // made at Since or later, and before Until; zero is unbounded
	Matches      func(string) bool // keeps those whose alias it reports true for; nil keeps all
}

// OldKeys says which API keys are old: those that were made before Made, and those that were neither made nor used
// since Used.
type OldKeys struct{ Made, Used time.Time }

// The ages at which an API key is old: one that is used, and one that nobody uses.
const (
	oldKey    = 365 * 24 * time.Hour
	unusedKey = 90 * 24 * time.Hour
)

// OldKeysAt returns what keys are old at now.
func OldKeysAt(now time.Time) OldKeys { return OldKeys{now.Add(-oldKey), now.Add(-unusedKey)} }

// MinPart is how many characters something has at least that is looked for inside words.
const MinPart = 3

// PartBegins reports whether Part is too short to be looked for inside words.
func (f *UserFilter) PartBegins() bool { return utf8.RuneCountInString(f.Part) < MinPart }

// ErrNoWords reports that nothing is looked for inside words, as the database cannot.
var ErrNoWords = &Error{Kind: Invalid, Code: "words_unsearched", Field: "part",
	Public: "Nothing is looked for inside words here: the database lacks the extension pg_trgm. " +
		"Give how something begins."}

// UserOrder is the order of a list of users.
type UserOrder uint8

// The orders. Ties are broken by the user's number.
const (
	TreeOrder UserOrder = iota // by place in the tree, then number
	AliasOrder
	AliasOrderDescending
	NumberOrder
	NumberOrderDescending
	NameOrder // by last name, then first name
	NameOrderDescending
	CreatedOrder // by when the account was made
	CreatedOrderDescending
	ConnectedOrder // by when they last signed in; those who never have come first
	ConnectedOrderDescending
	MailOrder // those without an address come first
	MailOrderDescending
)

var userOrders = []string{"tree", "alias", "-alias", "userid", "-userid", "name", "-name", "created", "-created",
	"lastconnected", "-lastconnected", "mail", "-mail"}

// ParseUserOrder reads the name of an order; the empty name is TreeOrder.
func ParseUserOrder(s string) (UserOrder, error) {
	if s == "" {
		return TreeOrder, nil
	}
	for i, name := range userOrders {
		if name == s {
			return UserOrder(i), nil
		}
	}
	return 0, InvalidField("sort", "Give one of %s and %s.", strings.Join(userOrders[:len(userOrders)-1], ", "),
		userOrders[len(userOrders)-1])
}
