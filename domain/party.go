package domain

import "fmt"

// Party is on whose account expensive work is done, where many have to wait for it: work is done in
// turns by account and by network. A field that is empty counts for nothing.
type Party struct {
	Account string // equal for all work on account of one user, or of one name that nobody has
	Network string // as NetworkOf returns it
	// Known parties have proved who they are, or are where they have done so before.
	Known bool
}

// PartyOf returns the party of a user who has proved to be one. They wait for their own work only,
// wherever they and others are.
func PartyOf(k UserKey) Party { return Party{Account: k.party(), Known: true} }

// Stranger returns the party of a request from an address that says nothing about who sends it.
func Stranger(address string) Party { return Party{Network: NetworkOf(address)} }

// Claimant returns the party of somebody at an address who says that they are account, nil for a
// name that nobody has. known says whether account has signed in from there.
func Claimant(login string, account *Account, address string, known bool) Party {
	p := Party{Account: "name " + Fold(login), Network: NetworkOf(address), Known: known}
	if account != nil {
		p.Account = account.UserKey().party()
	}
	return p
}

func (k UserKey) party() string { return fmt.Sprintf("user %d %d", k.Organization, k.User) }
