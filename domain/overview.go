package domain

import "time"

// PeopleOverview says how things stand with the people of a place.
type PeopleOverview struct {
	// Looked is at how many people Active, Inactive, Roles and OldestInvitation were taken, and Complete says that there
	// are no others: else it was the first of them in the order of the tree, as more than MaxUnusual of all have another
	// role than RoleUser or another standing than an active, approved account.
	Looked   int64
	Complete bool
	// Active and Inactive are how many there are of each UserState, and Roles of each Role.
	Active, Inactive [len(userStates)]int64
	Roles            [RoleSuperUser + 1]int64
	// NotConnected are those whom UserFilter.NotConnectedSince keeps for the time that was asked for;
	// BlockedHome and AllowedOutside those whom these filters keep. Of each no more than MaxTold are counted.
	NotConnected, BlockedHome, AllowedOutside Tally
	// OldestInvitation is when the account was made that has been invited for longest; zero is none.
	OldestInvitation time.Time
}

// PlaceOverview says how things stand with the rest of a place.
type PlaceOverview struct {
	// Here are the people at home in the environment itself, Below those in it and below it.
	Here, Below int64
	// Largest are the environments directly below it with most people in and below them, the largest first.
	Largest []PeopledEnvironment
	// Lonely is how many organizations have one admin or none, who is approved and active. FirstLonely are the first
	// MaxFirst of them in the order of the tree, with their admins.
	Lonely      int64
	FirstLonely []PeopledEnvironment
	// Groups are those of the organizations there, MaxGroupsSeen and one more at most, by number.
	Groups []GroupKey
	// SignIns are those that went through, by days in UTC since 1970. AllSignIns is false where only the last
	// MaxLooked entries of the audit trail were counted.
	SignIns    map[int64]int64
	AllSignIns bool
}

// Contents are what an environment holds, and takes along where it is moved.
type Contents struct {
	// Environments are those below it.
	Environments int64
	// People are those at home in it and below it.
	People int64
	// GrantsIn are how often somebody who is at home elsewhere is allowed or blocked in it or below it, and
	// GrantsOut how often somebody who is at home there is allowed or blocked elsewhere.
	GrantsIn, GrantsOut int64
	// Complete is false where it holds more environments, or more grants of a kind, than MaxLooked, as which they are
	// counted then.
	Complete bool
}

// PeopledEnvironment is an environment with how many people of some kind it has. Of the environment it has its
// key, place and names.
type PeopledEnvironment struct {
	Environment
	People int64
}

// GroupKey is where a group is stored.
type GroupKey struct {
	Organization OrganizationID
	Group        GroupID
}

// The bounds of an overview.
const (
	MaxLooked     = 100_000 // people, and entries of the audit trail
	MaxUnusual    = 25_000  // people whose role or standing is not the usual one
	MaxTold       = 1000    // people of a kind
	MaxFirst      = 20      // organizations and groups that are named
	MaxLargest    = 10      // environments that are named
	MaxGroupsSeen = 1000
)
