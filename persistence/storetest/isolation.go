package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// attempt is one method of a store, used by mine on what belongs to theirs. It returns the
// method's error, or what it returned, which must be nothing.
type attempt func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error)

// onTheirs returns the attempt to do something with what belongs to a user of theirs, who has an API key. The
// user is held first, which is where the scope is asked for.
func onTheirs(do func(tx *persistence.Tx, user domain.UserKey, key domain.APIKey) error) attempt {
	return func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		key := w.Keys[lower(theirs)+".user"]
		return nil, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			if _, err := tx.User(key.UserKey); err != nil {
				return err
			}
			return do(tx, key.UserKey, key)
		})
	}
}

// onProvider returns the attempt to do something with the identity provider of theirs.
func onProvider(do func(tx *persistence.Tx, p domain.Provider) error) attempt {
	return func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error { return do(tx, w.Issuers[theirs]) })
	}
}

// attempts has every method of every store that takes a scope.
var attempts = map[string]attempt{
	"UserStore.List": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		users, _, err := w.Users.List(ctx, mine.Read(), domain.UserFilter{Prefix: lower(theirs)}, domain.Page{})
		return users, err
	},
	"UserStore.Count": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		n, err := w.Users.Count(ctx, mine.Read(), domain.UserFilter{Prefix: lower(theirs)})
		return n, err
	},
	"UserStore.Totals": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		kept, _, err := w.Users.Totals(ctx, mine.Read(), domain.UserFilter{Prefix: lower(theirs)})
		return kept.N, err
	},
	"UserStore.Get": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Users.Get(ctx, mine.Read(), domain.UserRef{ID: w.People[lower(theirs)+".user"].ID})
	},
	"UserStore.ByUUIDs": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Users.ByUUIDs(ctx, mine.Read(), []domain.UUID{w.People[lower(theirs)+".user"].UUID})
	},
	"UserStore.Newest": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		users, _, err := w.Users.Newest(ctx, mine.Read(), domain.PeopleFilter{Aliases: []string{lower(theirs) + ".user"}}, 0,
			domain.Page{})
		return users, err
	},
	"UserStore.CountPeople": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		n, err := w.Users.CountPeople(ctx, mine.Read(),
			domain.PeopleFilter{IDs: []domain.UserID{w.People[lower(theirs)+".user"].ID}})
		return n, err
	},
	"UserStore.Reaching": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		users, _, err := w.Users.Reaching(ctx, mine.Read(), w.Places[theirs].Path, domain.Page{})
		return keep(users, err,
			func(u domain.User) bool { return u.Organization == w.Places[theirs].Organization })
	},
	"UserStore.Administrators": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		at := w.Places[theirs].Path
		users, err := w.Users.Administrators(ctx, mine.Read(), at, at, 10)
		return keep(users, err,
			func(u domain.User) bool { return u.Organization == w.Places[theirs].Organization })
	},
	"SocialStore.Contacts": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		contacts, err := w.Social.Contacts(ctx, mine.Read())
		return keep(contacts, err,
			func(c domain.Contact) bool { return c.User.Organization == w.Places[theirs].Organization })
	},
	"Tx.AddContact": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Social.AddContact(ctx, mine, lower(theirs)+".power")
	},
	"Tx.RemoveContact": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Social.RemoveContact(ctx, mine, lower(theirs)+".user")
	},
	"Tx.SetPresence": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Social.SetPresence(ctx, mine, w.Things[theirs+"/Talk"].ID, domain.PresenceOnline, w.DB.Now())
	},
	"Tx.EndPresence": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		talk := w.Things[theirs+"/Talk"]
		return nil, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			return tx.EndPresence(talk.Key(), w.KeyOf(lower(theirs)+".admin"))
		})
	},
	"SocialStore.PresencesOfContacts": func(ctx context.Context, w *World, mine tenancy.WriteScope,
		theirs string) (any, error) {
		presences, err := w.Social.PresencesOfContacts(ctx, mine.Read(), mine.Read(), time.UnixMilli(1))
		return keep(presences, err,
			func(p domain.Presence) bool { return p.User.User.Organization == w.Places[theirs].Organization })
	},
	"SocialStore.Presences": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		presences, err := w.Social.Presences(ctx, mine.Read(), domain.PresenceFilter{}, 0, domain.MaxPresences)
		return keep(presences, err,
			func(p domain.Presence) bool { return p.User.User.Organization == w.Places[theirs].Organization })
	},
	"SocialStore.CountPresences": func(ctx context.Context, w *World, mine tenancy.WriteScope,
		theirs string) (any, error) {
		n, err := w.Social.CountPresences(ctx, mine.Read(), domain.PresenceFilter{Topic: w.Things[theirs+"/Talk"].ID})
		return n, err
	},
	"SocialStore.Visited": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		visited, _, err := w.Social.Visited(ctx, mine.Read(), []domain.ObjectID{w.Things[theirs+"/Talk"].ID})
		return visited, err
	},
	"UserStore.Attributes": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Users.Attributes(ctx, mine.Read(), []domain.UserID{w.People[lower(theirs)+".user"].ID})
	},
	"UserStore.Pictures": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Users.Pictures(ctx, mine.Read(), []domain.UserID{w.People[lower(theirs)+".user"].ID})
	},
	"UserStore.Picture": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		p, err := w.Users.Picture(ctx, mine.Read(), domain.UserRef{UUID: w.People[lower(theirs)+".user"].UUID})
		return p.JPEG, err
	},
	"EnvironmentStore.Picture": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		p, err := w.Environments.Picture(ctx, mine.Read(),
			tenancy.EnvironmentKey{Organization: w.Places[theirs].Organization, ID: w.Places[theirs].ID})
		return p.JPEG, err
	},
	"EnvironmentStore.Complete": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Environments.Complete(ctx, mine.Read(), []domain.Environment{w.Places[theirs]})
	},
	"EnvironmentStore.Organizations": func(ctx context.Context, w *World, mine tenancy.WriteScope,
		theirs string) (any, error) {
		es, _, err := w.Environments.Organizations(ctx, mine.Read(), domain.OrganizationFilter{}, domain.Page{})
		return keep(es, err, func(e domain.Environment) bool { return w.Places[theirs].Path.Contains(e.Path) })
	},
	"Tx.PurgeOrganization": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Environments.Purge(ctx, mine, w.Places[theirs].Organization)
	},
	"Store.Depart": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		departing, err := w.Store.Depart(ctx, mine, w.Places[theirs].Organization)
		if err != nil || departing == nil {
			return []domain.Departing(nil), err
		}
		return []domain.Departing{*departing}, nil
	},
	"Tx.Users": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		var found []domain.User
		err := w.Users.Do(ctx, mine, func(tx *persistence.Tx) (err error) {
			found, err = tx.Users([]domain.UserKey{w.KeyOf(lower(theirs) + ".user")})
			return err
		})
		return found, err
	},
	"Tx.User": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Users.Do(ctx, mine,
			func(tx *persistence.Tx) error { _, err := tx.User(w.KeyOf(lower(theirs) + ".user")); return err })
	},
	"Tx.AddSecret": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		return tx.AddSecret(user, domain.Secret{Purpose: domain.ResetPassword, Text: "text"})
	}),
	"Tx.Spend": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		_, err := tx.Spend(user, domain.Presented{Text: "text", Purposes: domain.SecretPurposes})
		return err
	}),
	"Tx.Withdraw": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		return tx.Withdraw(user, domain.ResetPassword)
	}),
	"Tx.AddKey": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		return tx.AddKey(user, &domain.APIKey{Name: "intruder", Text: "intruder"})
	}),
	"Tx.UseCode": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		err := w.Users.Do(ctx, mine, func(tx *persistence.Tx) error {
			_, err := tx.UseCode(domain.SecretText("code of " + theirs))
			return err
		})
		if domain.ErrRegistrationCode.Is(err) { // as for any code that there is not
			err = domain.ErrRegistrationCodeNotFound
		}
		return nil, err
	},
	"Tx.Group": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Store.Do(ctx, mine,
			func(tx *persistence.Tx) error { _, err := tx.Group(w.Teams[theirs+"/Team"].ID); return err })
	},
	"Tx.InsertUser": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		_, err := w.Users.Insert(ctx, mine, w.NewUser("intruder", theirs+"/Prod", domain.RoleUser, domain.UserGroup), "")
		return nil, err
	},
	"Tx.SaveUser": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Users.Update(ctx, mine, w.KeyOf(lower(theirs)+".user"), "hash",
			change(func(u *domain.User) { u.Active = false }))
	},
	"Tx.DeleteUser": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Users.Delete(ctx, mine, w.KeyOf(lower(theirs)+".user"))
	},
	"EnvironmentStore.List": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		es, _, err := w.Environments.List(ctx, mine.Read(), domain.Page{})
		return keep(es, err, func(e domain.Environment) bool { return w.Places[theirs].Path.Contains(e.Path) })
	},
	"EnvironmentStore.Children": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		es, _, err := w.Environments.Children(ctx, mine.Read(), w.Places[theirs+"/Prod"].ID, domain.Page{})
		return es, err
	},
	"EnvironmentStore.CountedChildren": func(ctx context.Context, w *World, mine tenancy.WriteScope,
		theirs string) (any, error) {
		es, _, err := w.Environments.CountedChildren(ctx, mine.Read(), w.Places[theirs+"/Prod"].ID, domain.Page{})
		return es, err
	},
	"EnvironmentStore.Search": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		es, err := w.Environments.Search(ctx, mine.Read(), "", domain.MaxLimit)
		return keep(es, err, func(e domain.Environment) bool { return w.Places[theirs].Path.Contains(e.Path) })
	},
	"EnvironmentStore.SignInRulesOf": func(ctx context.Context, w *World, mine tenancy.WriteScope,
		theirs string) (any, error) {
		e := w.Places[theirs+"/Prod"]
		rules, err := w.Environments.SignInRulesOf(ctx, mine.Read(), tenancy.KeyOf(&e))
		return int64(rules.MinPassword), err
	},
	"Tx.SignInRulesOf": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		e := w.Places[theirs+"/Prod"]
		return nil, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			_, err := tx.SignInRulesOf(tenancy.KeyOf(&e))
			return err
		})
	},
	"Tx.RulesOnWay": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			_, err := tx.RulesOnWay(w.Places[theirs+"/Prod"].Path)
			return err
		})
	},
	"Store.Remind": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var told []domain.User
		_, err := w.Store.Remind(ctx, mine, w.DB.Now(), 500, func(u *domain.User, _ domain.Coming) domain.Mail {
			cancel() // so that mine are not told either
			if u.Organization == w.Places[theirs].Organization {
				told = append(told, *u)
			}
			return domain.Mail{Kind: "asked", To: u.Person.Mail, User: u.Key()}
		})
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		return told, err
	},
	"Tx.LetIn": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		e := w.Places[theirs]
		return nil, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			_, err := tx.LetIn(tenancy.KeyOf(&e), []domain.UserID{w.KeyOf(lower(theirs) + ".user").User})
			return err
		})
	},
	"Tx.NoteBreakGlass": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			if _, err := tx.User(w.KeyOf(lower(theirs) + ".user")); err != nil {
				return err
			}
			_, err := tx.NoteBreakGlass(w.KeyOf(lower(theirs)+".user"), "192.0.2.1", 1)
			return err
		})
	},
	"Tx.LostEmergencies": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			key := w.KeyOf(lower(theirs) + ".user")
			if _, err := tx.User(key); err != nil {
				return err
			}
			if err := tx.DeleteUser(key); err != nil {
				return err
			}
			_, err := tx.LostEmergencies(1)
			return err
		})
	},
	"Tx.SaveSignInRules": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		e := w.Places[theirs+"/Prod"]
		return nil, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			return tx.SaveSignInRules(tenancy.KeyOf(&e), domain.SignInRules{People: domain.ByCode})
		})
	},
	"Tx.InsertEnvironment": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		_, err := w.Environments.Insert(ctx, mine,
			domain.Environment{Parent: w.Places[theirs+"/Prod"].ID, Alias: "Intruder", Active: true})
		return nil, err
	},
	"Tx.SaveEnvironment": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Environments.Update(ctx, mine, w.Places[theirs+"/Prod"].ID,
			func(e *domain.Environment) error { e.Code = "x"; return nil })
	},
	"Tx.Environment": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		e := w.Places[theirs+"/Prod"]
		return nil, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			_, err := tx.Environment(tenancy.KeyOf(&e))
			return err
		})
	},
	"Tx.DeleteEnvironment": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Environments.Delete(ctx, mine, w.Places[theirs+"/Prod/West"].ID)
	},
	"GroupStore.List": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		groups, err := w.Groups.List(ctx, mine.Read())
		return keep(groups, err, func(g domain.Group) bool { return g.Organization == w.Places[theirs].Organization })
	},
	"GroupStore.Page": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		groups, _, err := w.Groups.Page(ctx, mine.Read(), domain.Page{})
		return keep(groups, err, func(g domain.Group) bool { return g.Organization == w.Places[theirs].Organization })
	},
	"GroupStore.ByAlias": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		groups, _, err := w.Groups.ByAlias(ctx, mine.Read(), domain.GroupFilter{}, 0, 0)
		return keep(groups, err, func(g domain.Group) bool { return g.Organization == w.Places[theirs].Organization })
	},
	"GroupStore.Search": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		groups, err := w.Groups.Search(ctx, mine.Read(), "", domain.MaxLimit)
		return keep(groups, err, func(g domain.Group) bool { return g.Organization == w.Places[theirs].Organization })
	},
	"GroupStore.Get": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Groups.Get(ctx, mine.Read(), w.Teams[theirs+"/Team"].ID)
	},
	"GroupStore.ByUUID": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Groups.ByUUID(ctx, mine.Read(), w.Teams[theirs+"/Team"].UUID)
	},
	"Tx.InsertGroup": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		_, err := w.InsertGroup(ctx, mine, domain.Group{Organization: w.Places[theirs].Organization, Parent: domain.UserGroup,
			Alias: "Intruder"})
		return nil, err
	},
	"GroupStore.Members": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		members := []domain.GroupMember{}
		for m, err := range w.Groups.Members(ctx, mine.Read(),
			[]domain.GroupID{domain.UserGroup, domain.AdminGroup, w.Teams[theirs+"/Team"].ID}) {
			if err != nil {
				return nil, err
			}
			members = append(members, m)
		}
		return keep(members, nil,
			func(m domain.GroupMember) bool { return m.User.Organization == w.Places[theirs].Organization })
	},
	"GroupStore.CountMembers": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		n, err := w.Groups.CountMembers(ctx, mine.Read(), []domain.GroupID{w.Teams[theirs+"/Team"].ID})
		return n, err
	},
	"GroupStore.Admins": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Groups.Admins(ctx, mine.Read(), []domain.GroupID{w.Teams[theirs+"/Team"].ID})
	},
	"GroupStore.Administers": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		is, err := w.Groups.Administers(ctx, mine.Read(), w.Teams[theirs+"/Team"].ID)
		return map[bool]int64{true: 1}[is], err
	},
	"Tx.AddGroupAdmin": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.AddGroupAdmin(ctx, mine, w.Teams[theirs+"/Team"].ID, w.KeyOf(lower(theirs)+".user"))
	},
	"Tx.RemoveGroupAdmin": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.RemoveGroupAdmin(ctx, mine, w.Teams[theirs+"/Team"].ID, w.KeyOf(lower(theirs)+".admin"))
	},
	"Tx.SaveGroup": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.UpdateGroup(ctx, mine, w.Teams[theirs+"/Team"].ID, func(g *domain.Group) { g.Mask = 0 })
	},
	"Tx.DeleteGroup": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.DeleteGroup(ctx, mine, w.Teams[theirs+"/Team"].ID)
	},
	"SessionStore.List": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		sessions, err := w.Sessions.List(ctx, mine.Read(), w.KeyOf(lower(theirs)+".user"))
		return sessions, err
	},
	"Tx.EndSession": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Sessions.End(ctx, mine, w.KeyOf(lower(theirs)+".user"), w.SignIns[lower(theirs)+".user"].ID,
			nobodyMinds)
	},
	"Tx.EndSessions": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Sessions.EndAll(ctx, mine, w.KeyOf(lower(theirs)+".user"), nobodyMinds)
	},
	"APIKeyStore.List": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.APIKeys.List(ctx, mine.Read(), w.KeyOf(lower(theirs)+".user"))
	},
	"Tx.APIKeys": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		_, err := tx.APIKeys(user)
		return err
	}),
	"Tx.NoteAPIKeyShown": onTheirs(func(tx *persistence.Tx, _ domain.UserKey, key domain.APIKey) error {
		return tx.NoteAPIKeyShown(&key)
	}),
	"Tx.InsertAPIKey": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		return tx.InsertAPIKey(user, &domain.APIKey{Name: "intruder", Text: "intruder"})
	}),
	"Tx.DeleteAPIKey": onTheirs(func(tx *persistence.Tx, user domain.UserKey, key domain.APIKey) error {
		return tx.DeleteAPIKey(user, key.ID)
	}),
	"FactorStore.List": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Factors.List(ctx, mine.Read(), w.KeyOf(lower(theirs)+".user"))
	},
	"FactorStore.RecoveryCodes": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		n, err := w.Factors.RecoveryCodes(ctx, mine.Read(), w.KeyOf(lower(theirs)+".user"))
		return n, err
	},
	"Tx.Factors": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		_, err := tx.Factors(user)
		return err
	}),
	"Tx.AddFactor": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		return tx.AddFactor(user, &domain.Factor{Kind: domain.CodeFactor, Name: "intruder", Confirmed: true})
	}),
	"Tx.ConfirmFactor": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		return tx.ConfirmFactor(&domain.Factor{UserKey: user, ID: domain.UUID("offered")})
	}),
	"Tx.UseFactor": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		return tx.UseFactor(&domain.Factor{UserKey: user, ID: theirFactor(tx, user)}, 99, time.UnixMilli(1))
	}),
	"Tx.RenameFactor": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		return tx.RenameFactor(user, theirFactor(tx, user), "intruder")
	}),
	"Tx.RemoveFactor": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		_, err := tx.RemoveFactor(user, theirFactor(tx, user))
		return err
	}),
	"Tx.EndOtherSessions": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		return tx.EndOtherSessions(user, "")
	}),
	"Tx.RenewSession": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		return tx.RenewSession(domain.SessionKey{UserKey: user}, domain.Session{SessionKey: domain.SessionKey{UserKey: user}},
			100, nil)
	}),
	"Tx.SetRecoveryCodes": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		return tx.SetRecoveryCodes(user, []domain.SecretText{"intruder"})
	}),
	"Tx.SpendRecoveryCode": onTheirs(func(tx *persistence.Tx, user domain.UserKey, _ domain.APIKey) error {
		_, err := tx.SpendRecoveryCode(user, "recovery code", time.UnixMilli(1))
		return err
	}),
	"UserStore.Approvers": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Users.Approvers(ctx, mine.Read(), w.Places[theirs].Organization, 10)
	},
	"RegistrationCodeStore.List": func(ctx context.Context, w *World, mine tenancy.WriteScope,
		theirs string) (any, error) {
		return w.Codes.List(ctx, mine.Read(), w.Places[theirs].Organization)
	},
	"RegistrationCodeStore.Get": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		_, err := w.Codes.Get(ctx, mine.Read(), w.Places[theirs].Organization, domain.SecretText("code of "+theirs))
		return nil, err
	},
	"Tx.RegistrationCode": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Codes.Change(ctx, mine, w.Places[theirs].Organization, domain.SecretText("code of "+theirs),
			func(*persistence.Tx, domain.RegistrationCode) error { return nil })
	},
	"Tx.InsertRegistrationCode": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Codes.Insert(ctx, mine,
			domain.RegistrationCode{Organization: w.Places[theirs].Organization, Code: "intruder"})
	},
	"Tx.SaveRegistrationCode": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			before := theirCode(w, theirs)
			after := before
			after.Enabled = false
			return tx.SaveRegistrationCode(&before, &after)
		})
	},
	"Tx.DeleteRegistrationCode": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Store.Do(ctx, mine, func(tx *persistence.Tx) error {
			code := theirCode(w, theirs)
			return tx.DeleteRegistrationCode(&code)
		})
	},
	"ProviderStore.List": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Providers.List(ctx, mine.Read(), w.Places[theirs].Organization)
	},
	"ProviderStore.Get": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		_, err := w.Providers.Get(ctx, mine.Read(), w.Issuers[theirs].ProviderKey)
		return nil, err
	},
	"ProviderStore.Links": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Providers.Links(ctx, mine.Read(), w.KeyOf(lower(theirs)+".user"))
	},
	"Tx.Provider": onProvider(func(tx *persistence.Tx, p domain.Provider) error {
		_, err := tx.Provider(p.ProviderKey)
		return err
	}),
	"Tx.InsertProvider": onProvider(func(tx *persistence.Tx, p domain.Provider) error {
		p.Issuer, p.Domains = "https://intruder.example", nil
		return tx.InsertProvider(&p)
	}),
	"Tx.SaveProvider": onProvider(func(tx *persistence.Tx, p domain.Provider) error {
		after := p
		after.Enabled = false
		return tx.SaveProvider(&p, &after)
	}),
	"Tx.DeleteProvider": onProvider(func(tx *persistence.Tx, p domain.Provider) error { return tx.DeleteProvider(&p) }),
	"ProviderStore.Domains": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Providers.Domains(ctx, mine.Read(), w.Places[theirs].Organization)
	},
	"Tx.SaveDomain": onProvider(func(tx *persistence.Tx, p domain.Provider) error {
		return tx.SaveDomain(&domain.MailDomain{Organization: p.Organization, Name: p.Domains[0]})
	}),
	"Tx.DomainAsked": onProvider(func(tx *persistence.Tx, p domain.Provider) error {
		return tx.DomainAsked(&domain.MailDomain{Organization: p.Organization, Name: p.Domains[0],
			Asked: time.UnixMilli(1 << 42)})
	}),
	"Tx.Links": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		var links []domain.Link
		err := w.Store.Do(ctx, mine, func(tx *persistence.Tx) (err error) {
			links, err = tx.Links(w.KeyOf(lower(theirs) + ".user"))
			return err
		})
		return links, err
	},
	"Tx.HasLink": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Factors.OnUser(ctx, mine, w.KeyOf(lower(theirs)+".user"), func(tx *persistence.Tx) error {
			_, err := tx.HasLink(w.KeyOf(lower(theirs) + ".user"))
			return err
		})
	},
	"Tx.HasSession": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		k := w.KeyOf(lower(theirs) + ".user")
		return nil, w.Factors.OnUser(ctx, mine, k, func(tx *persistence.Tx) error {
			_, err := tx.HasSession(domain.SessionKey{UserKey: k})
			return err
		})
	},
	"Tx.InsertLink": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.AddLink(ctx, mine, lower(theirs)+".user", theirs, "intruder")
	},
	"Tx.DeleteLink": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Unlink(ctx, mine, lower(theirs)+".user", theirs, "theirs")
	},
	"OverviewStore.People": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		o, err := w.Overviews.People(ctx, mine.Read().Below(w.Places[theirs].Path), w.DB.Now())
		return o.Looked, err
	},
	"OverviewStore.Tally": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		n, err := w.Overviews.Tally(ctx, mine.Read().Below(w.Places[theirs].Path), domain.UserFilter{Weaker: domain.ByCode})
		return n.N, err
	},
	"OverviewStore.Unguarded": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		places, _, err := w.Overviews.Unguarded(ctx, mine.Read(), 100)
		if err != nil {
			return nil, err
		}
		return slices.DeleteFunc(places,
			func(e domain.Environment) bool { return e.ID != w.Places[theirs+"/Prod/West"].ID }), nil
	},
	"OverviewStore.Place": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		at, sc := w.Places[theirs], mine.Read().Below(w.Places[theirs].Path)
		o, err := w.Overviews.Place(ctx, sc.Choosing(sc), sc, sc, &at, time.UnixMilli(1))
		return o.Here + o.Below + o.Lonely + int64(len(o.Largest)+len(o.FirstLonely)+len(o.Groups)+len(o.SignIns)), err
	},
	"OverviewStore.Contents": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		sc := mine.Read().Below(w.Places[theirs].Path)
		c, err := w.Overviews.Contents(ctx, sc.Choosing(mine.Read()), w.Places[theirs].Path)
		return c.Environments + c.People + c.GrantsIn + c.GrantsOut, err
	},
	"AuditStore.List": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		entries, _, err := w.Audit.List(ctx, mine.Read(), domain.AuditFilter{}, domain.Page{})
		return keep(entries, err, func(e domain.AuditEntry) bool { return w.Places[theirs].Path.Contains(e.Path) })
	},
	"ObjectStore.List": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		objects, _, err := w.Objects.List(ctx, mine.Read(), domain.ObjectFilter{}, domain.Page{})
		return keep(objects, err, func(o domain.Object) bool { return w.Places[theirs].Path.Contains(o.Path) })
	},
	"ObjectStore.Count": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		n, err := w.Objects.Count(ctx, mine.Read(), domain.ObjectFilter{Owner: w.KeyOf(lower(theirs) + ".user")})
		return n, err
	},
	"ObjectStore.Get": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Objects.Get(ctx, mine.Read(), domain.ObjectRef(w.Things[theirs+"/Watch"].UUID))
	},
	"ObjectStore.Owners": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Objects.Owners(ctx, mine.Read(), domain.NumberedObject(w.Things[theirs+"/Watch"].ID))
	},
	"Tx.InsertObject": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		e := w.Places[theirs+"/Prod"]
		_, err := w.Objects.Insert(ctx, mine,
			domain.Object{Kind: domain.KindObserver, Name: "Intruder", Organization: e.Organization,
				Environment: e.ID, Path: e.Path})
		return nil, err
	},
	"Tx.Object": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Objects.with(ctx, mine, w.keyOfThing(theirs+"/Watch"),
			func(*persistence.Tx, *domain.Object) error { return nil })
	},
	"Tx.Parent": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		talk := w.Things[theirs+"/Talk"]
		below := talk.Clone()
		below.Parent = talk.ID
		var parent *domain.Object
		err := w.Store.Do(ctx, mine, func(tx *persistence.Tx) (err error) {
			parent, err = tx.Parent(&below)
			return err
		})
		return parent, err
	},
	"Tx.ObjectsBelow": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		talk := w.Things[theirs+"/Talk"]
		talk.FullName = "" // all topics lie below
		var below []domain.Object
		err := w.Store.Do(ctx, mine, func(tx *persistence.Tx) (err error) {
			below, err = tx.ObjectsBelow(&talk)
			return err
		})
		return below, err
	},
	"Tx.SaveObject": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Objects.Update(ctx, mine, w.Things[theirs+"/Watch"],
			func(o *domain.Object) error { o.Name = "x"; return nil })
	},
	"Tx.DeleteObject": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Objects.Delete(ctx, mine, w.Things[theirs+"/Watch"])
	},
	"Tx.GrantObjects": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Objects.Share(ctx, mine, w.Things[theirs+"/Talk"], true,
			domain.Access{Group: domain.UserGroup, Level: domain.LevelRead})
	},
	"Tx.HandOverObjects": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		n, err := w.Objects.HandOverAll(ctx, mine, w.KeyOf(lower(theirs)+".user"), w.KeyOf(lower(theirs)+".power"))
		return n, err
	},
	"ObjectStore.CopyRequests": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		offers, _, err := w.Objects.CopyRequests(ctx, mine.Read(), nil, domain.Page{})
		return keep(offers, err, func(c domain.CopyRequest) bool { return c.Organization == w.Places[theirs].Organization })
	},
	"ObjectStore.CopyRequest": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return w.Objects.CopyRequest(ctx, mine.Read(), w.Offers[theirs])
	},
	"Tx.InsertCopyRequest": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		_, err := w.Objects.Offer(ctx, mine, w.Things[theirs+"/Watch"], w.KeyOf("root.admin"), w.DB.Now().Add(time.Hour))
		return nil, err
	},
	"Tx.CopyRequest": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Store.Do(ctx, mine,
			func(tx *persistence.Tx) error { _, err := tx.CopyRequest(w.Offers[theirs]); return err })
	},
	"Tx.AcceptCopyRequest": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		_, err := w.Objects.Accept(ctx, mine, w.Offers[theirs],
			func(c *domain.CopyRequest) (domain.Object, error) { return c.Object, nil })
		return nil, err
	},
	"Tx.DeclineCopyRequest": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Objects.Decline(ctx, mine, w.Offers[theirs])
	},
	"ObjectStore.SweepCopyRequests": func(ctx context.Context, w *World, mine tenancy.WriteScope, _ string) (any, error) {
		// of everybody's what has expired, which nothing has
		return int64(0), w.Objects.SweepCopyRequests(ctx, mine, w.DB.Now())
	},
	"ObjectStore.Bookmarks": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		bookmarks, _, err := w.Objects.Bookmarks(ctx, mine.Read(), nil, domain.Page{})
		return keep(bookmarks, err, func(b domain.Bookmark) bool { return w.Places[theirs].Path.Contains(b.Object.Path) })
	},
	"Tx.AddBookmark": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Objects.Bookmark(ctx, mine, w.Things[theirs+"/Watch"])
	},
	"Tx.RemoveBookmark": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		return nil, w.Objects.Unbookmark(ctx, mine, w.Things[theirs+"/Watch"])
	},
	"ObjectStore.Usage": func(ctx context.Context, w *World, mine tenancy.WriteScope, theirs string) (any, error) {
		usage, _, err := w.Objects.Usage(ctx, mine.Read(), domain.UsageFilter{}, domain.Page{})
		return keep(usage, err, func(u domain.Usage) bool { return u.Object == w.Things[theirs+"/Watch"].ID })
	},
	"ObjectStore.AddUsage": func(ctx context.Context, w *World, mine tenancy.WriteScope, _ string) (any, error) {
		return int64(0), w.Objects.AddUsage(ctx, mine, nil) // what is counted was authorized when it was counted
	},
}

// theirFactor returns the factor of a user whom the transaction holds.
func theirFactor(tx *persistence.Tx, user domain.UserKey) domain.UUID {
	all, err := tx.Factors(user)
	if err != nil || len(all) == 0 {
		return ""
	}
	return all[0].ID
}

func theirCode(w *World, theirs string) domain.RegistrationCode {
	return domain.RegistrationCode{Organization: w.Places[theirs].Organization,
		Code: domain.SecretText("code of " + theirs), Enabled: true}
}

func lower(tenant string) string { return string(tenant[0]+'a'-'A') + tenant[1:] }

func keep[T any](all []T, err error, wanted func(T) bool) ([]T, error) {
	kept := []T{}
	for _, v := range all {
		if wanted(v) {
			kept = append(kept, v)
		}
	}
	return kept, err
}

// unscoped are the methods that tell and change nothing of one tenant in particular, with the reason.
var unscoped = map[string]string{
	"UserStore.Number": "numbers are nobody's",
	"Tx.SuperUsers":    "the last of them is kept for everybody",
	"Tx.HoldEmpty":     "there is nobody to see in an empty directory",
	"Tx.Mail":          "mail names whom it is to by itself",

	"SocialStore.Favourites": ownLists,
	"Tx.AddFavourite":        ownLists,
	"Tx.RemoveFavourite":     ownLists,
	"Tx.SetFavourites":       ownLists,
}

const ownLists = "lists of names are those of whoever the scope was given to"

// Isolation tests that whatever somebody of one tenant does, they neither see nor change
// anything of the other, for every method of every store, both ways round.
func Isolation(t *testing.T, database *db.DB) {
	w := NewWorld(t, database)
	for _, store := range []any{&persistence.Tx{}, w.Users.UserStore, w.Environments.EnvironmentStore, w.Groups, w.Audit,
		w.Overviews,
		w.Sessions.SessionStore, w.APIKeys.APIKeyStore, w.Factors.FactorStore, w.Codes.RegistrationCodeStore, w.Providers,
		w.Objects.ObjectStore, w.Social.SocialStore} {
		kind := reflect.TypeOf(store)
		for m := range kind.NumMethod() {
			name := kind.Elem().Name() + "." + kind.Method(m).Name
			if _, engine := reflect.TypeOf(&db.Tx{}).MethodByName(kind.Method(m).Name); kind.Elem().Name() == "Tx" && engine ||
				unscoped[name] != "" {
				continue
			}
			require.Contains(t, attempts, name, "each method of a store needs an attempt")
		}
	}
	for _, tenant := range Tenants {
		require.NotZero(t, w.Offers[tenant])
		user := w.KeyOf(lower(tenant) + ".user")
		require.NoError(t, w.Factors.OnUser(t.Context(), Everything(domain.UserUpdate), user, func(tx *persistence.Tx) error {
			if err := tx.SetRecoveryCodes(user, []domain.SecretText{"recovery code"}); err != nil {
				return err
			}
			return tx.AddFactor(user, &domain.Factor{Kind: domain.CodeFactor, Name: "phone", Confirmed: true})
		}))
	}
	for i, tenant := range Tenants {
		theirs := Tenants[1-i]
		scopes := map[string]tenancy.WriteScope{
			"zero":   {},
			"admin":  w.Scope(t, lower(tenant)+".admin", domain.EnvironmentWrite),
			"power":  w.Scope(t, lower(tenant)+".power", domain.UserUpdate),
			"self":   w.Scope(t, lower(tenant)+".user", domain.UserRead),
			"places": w.Scope(t, lower(tenant)+".user", domain.EnvironmentRead),
			"groups": w.Scope(t, lower(tenant)+".user", domain.GroupRead),
			"things": w.ObjectScope(t, lower(tenant)+".user"),
			"manage": w.ObjectScope(t, lower(tenant)+".admin"),
		}
		before := w.Dump(t)
		for name, attempt := range attempts {
			for caller, mine := range scopes {
				got, err := attempt(t.Context(), w, mine, theirs)
				switch {
				case err != nil:
					require.Equal(t, domain.NotFound, domain.AsError(err).Kind, "%s of %s by %s: %v", name, theirs, caller, err)
				case got != nil:
					require.Zero(t, length(got), "%s of %s by %s: %v", name, theirs, caller, got)
				default:
					t.Errorf("%s of %s by %s went through", name, theirs, caller)
				}
			}
			require.Equal(t, before, w.Dump(t), "%s of %s changed something", name, theirs)
		}
	}
}

func length(v any) int64 {
	if n, ok := v.(int64); ok {
		return n
	}
	return int64(reflect.ValueOf(v).Len())
}
