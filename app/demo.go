package app

import (
	"context"
	_ "embed"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/transfer/document"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
)

//go:embed demo.json
var demoText string

// fillDemo imports the people of the demo, and begins the directory if it is new. All have
// the configured password, those too who are there already.
func fillDemo(ctx context.Context, cfg *Config, database *db.DB, new bool) error {
	hash, err := adminHash(ctx, cfg, cfg.AdminPassword)
	if err != nil {
		return err
	}
	root := &document.Section{Path: "/"}
	if new {
		root = rootSection(cfg.RootAlias)
	}
	root.Users = only(adminRecord(hash))
	text := ReadJSON(func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(demoText)), nil })
	began, clock := cfg.Now(), database.Now
	now := began.AddDate(0, 0, -demoDays-1)
	database.Now = func() time.Time { return now }
	defer func() { database.Now = clock }()
	into, people := transferNew(database, "(demo)", new), withPassword{text, hash}
	if err := importAll(ctx, into, joined{sections{root}, people}); err != nil {
		return err
	}
	past := *cfg
	past.BreachedPasswords = "" // nobody chooses one
	past.Now = database.Now
	d, err := Wire(ctx, past, database)
	if err != nil {
		return err
	}
	defer d.background.flush()
	ctx = domain.WithRequest(ctx, domain.Request{ID: "demo", Surface: "console"})
	for day := demoDays; day > 0; day-- {
		now = began.AddDate(0, 0, -day)
		if err := d.liveDemo(ctx, day, cfg.AdminPassword); err != nil {
			return err
		}
	}
	return nil
}

// withPassword is a document whose users all have one password.
type withPassword struct {
	document.Document
	hash domain.PasswordHash
}

// Sections implements document.Document.
func (d withPassword) Sections() iter.Seq2[*document.Section, error] {
	return func(yield func(*document.Section, error) bool) {
		for s, err := range d.Document.Sections() {
			if err == nil {
				users := s.Users
				s.Users = func(yield func(document.UserRecord, error) bool) {
					for u, err := range users {
						u.Hash = &d.hash
						if !yield(u, err) {
							return
						}
					}
				}
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// demoDays is how long ago the demo begins.
const demoDays = 28

// demoSignIns are who of the demo signed in when, in days ago; some more than once.
var demoSignIns = map[string][]int{
	"grace.hopper": {26, 19, 12, 8, 5, 2, 1}, "ada.lovelace": {24, 16, 9, 4, 1}, "alan.turing": {21, 3},
	"barbara.liskov": {14, 6}, "margaret.hamilton": {13, 5}, "frances.allen": {10}, "dennis.ritchie": {7},
	"brian.kernighan": {2}, "claude.shannon": {11, 4}, "lynn.conway": {6}, "bill.lumbergh": {15, 3},
}

// liveDemo lets the people of the demo act as they would have on a day some days ago, so that there is a history
// to read and something to mend. They act by the use cases that everybody has.
func (d *Directory) liveDemo(ctx context.Context, day int, password string) error {
	for _, login := range slices.Sorted(maps.Keys(demoSignIns)) {
		if !slices.Contains(demoSignIns[login], day) {
			continue
		}
		_, err := d.Sessions.SignIn(ctx, accounts.SignIn{Login: login, Password: password, Client: "demo",
			Address: "127.0.0.1"})
		if err != nil {
			return err
		}
	}
	act := demoActs[day]
	if act == nil {
		return nil
	}
	grace, err := persistence.NewAccountStore(d.DB).ByLogin(ctx, "grace.hopper")
	if err != nil {
		return err
	}
	err = act(ctx, d, grace.Principal)
	if err != nil && domain.AsError(err).Kind == domain.Conflict {
		return nil // a start that broke off did it already
	}
	return err
}

// demoActs are what the admin of Acme did, by how many days ago.
var demoActs = map[int]func(context.Context, *Directory, domain.Principal) error{
	24: func(ctx context.Context, d *Directory, grace domain.Principal) error {
		alias, parent, about := "Auditors", domain.GroupRef("/User"), "People who read the history."
		mask := domain.AuditRead.Mask()
		_, err := d.Groups.Create(ctx, grace, directory.GroupPatch{Alias: &alias, Parent: &parent, Description: &about,
			Mask: &mask})
		return err
	},
	19: func(ctx context.Context, d *Directory, grace domain.Principal) error {
		return update(ctx, d, grace, "katherine.johnson", directory.UserPatch{
			Groups: &[]domain.GroupRef{"Auditors"}, JobTitle: new("Mathematician")})
	},
	12: func(ctx context.Context, d *Directory, grace domain.Principal) error {
		if err := update(ctx, d, grace, "rob.pike", directory.UserPatch{
			Blocked: &[]domain.EnvironmentRef{"Acme/Dev"}}); err != nil {
			return err
		}
		return invite(ctx, d, grace, "annie.easley", "Annie", "Easley", "Acme/Staging")
	},
	5: func(ctx context.Context, d *Directory, grace domain.Principal) error {
		if err := update(ctx, d, grace, "niklaus.wirth", directory.UserPatch{Role: new(domain.RolePower)}); err != nil {
			return err
		}
		_, err := d.Environments.Update(ctx, grace, directory.UpdateEnvironment{Environment: "Acme/Dev",
			EnvironmentPatch: directory.EnvironmentPatch{Code: new("AC-D")}})
		return err
	},
	1: func(ctx context.Context, d *Directory, grace domain.Principal) error {
		return invite(ctx, d, grace, "mary.kenneth.keller", "Mary Kenneth", "Keller", "Acme/Dev")
	},
}

func update(ctx context.Context, d *Directory, caller domain.Principal, alias string,
	patch directory.UserPatch) error {
	_, err := d.Users.Update(ctx, caller, directory.UpdateUser{User: domain.UserRef{Alias: alias}, UserPatch: patch})
	return err
}

// invite makes an account that waits for its owner. No mail is sent, as there is nobody to read it.
func invite(ctx context.Context, d *Directory, caller domain.Principal, alias, first, last string,
	home domain.EnvironmentRef) error {
	group, mail := domain.GroupRef("/User"), alias+"@acme.example"
	_, err := d.Accounts.Invite(ctx, caller, accounts.Invite{User: directory.UserPatch{Alias: &alias, FirstName: &first,
		LastName: &last, Mail: &mail, Home: &home, Group: &group}, Lifetime: demoDays * 24 * time.Hour})
	return err
}
