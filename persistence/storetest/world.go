package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// World is a small directory to test on: two organizations of the same shape, Acme and
// Bolt, with an organization nested in each, and somebody of each role in both.
type World struct {
	DB           *db.DB
	Store        *persistence.Store
	Gate         *tenancy.Gate
	Users        UserStore
	Environments EnvironmentStore
	Groups       *persistence.GroupStore
	Audit        *persistence.AuditStore
	Overviews    *persistence.OverviewStore
	Accounts     *persistence.AccountStore
	Sessions     SessionStore
	APIKeys      APIKeyStore
	Factors      FactorStore
	Codes        CodeStore
	Providers    *persistence.ProviderStore
	Objects      ObjectStore
	Social       SocialStore

	// Places finds environments by alias path, "/" for the root.
	Places map[string]domain.Environment
	// People finds users by alias.
	People map[string]domain.User
	// SignIns finds the session that every user of a tenant has, by alias.
	SignIns map[string]domain.Session
	// Teams finds groups by "organization alias/group alias".
	Teams map[string]domain.Group
	// Things finds objects by "organization alias/name".
	Things map[string]domain.Object
	// Offers are the offers of copies by organization alias.
	Offers map[string]domain.CopyRequestID
	// Keys finds the API key that the user of each tenant has, by alias.
	Keys map[string]domain.APIKey
	// Issuers finds the identity provider that each tenant has, at which the tenant's user is linked as "theirs".
	Issuers map[string]domain.Provider
}

// Tenants are the organizations of a World that mirror each other.
var Tenants = []string{"Acme", "Bolt"}

// Everything is the scope of whoever tests the directory itself.
func Everything(p domain.Permission) tenancy.WriteScope { return tenancy.Operator("(test)", p) }

// NewWorld fills db, which must be empty.
func NewWorld(t *testing.T, database *db.DB) *World {
	t.Helper()
	w := &World{
		DB: database, Store: persistence.NewStore(database), Gate: Gate(t, database), Users: newUserStore(database),
		Environments: EnvironmentStore{persistence.NewEnvironmentStore(database), database},
		Groups:       persistence.NewGroupStore(database), Audit: persistence.NewAuditStore(database),
		Overviews: persistence.NewOverviewStore(database),
		Accounts:  persistence.NewAccountStore(database),
		Sessions:  SessionStore{persistence.NewSessionStore(database), persistence.NewStore(database)},
		APIKeys:   APIKeyStore{persistence.NewAPIKeyStore(database), persistence.NewStore(database)},
		Factors:   FactorStore{persistence.NewFactorStore(database), persistence.NewStore(database)},
		Codes:     CodeStore{persistence.NewRegistrationCodeStore(database), persistence.NewStore(database)},
		Providers: persistence.NewProviderStore(database), Issuers: make(map[string]domain.Provider),
		Objects: ObjectStore{persistence.NewObjectStore(database), persistence.NewStore(database)},
		Social:  SocialStore{persistence.NewSocialStore(database), persistence.NewStore(database)},
		Things:  make(map[string]domain.Object), Offers: make(map[string]domain.CopyRequestID),
		Keys:   make(map[string]domain.APIKey),
		Places: make(map[string]domain.Environment), People: make(map[string]domain.User),
		Teams: make(map[string]domain.Group), SignIns: make(map[string]domain.Session),
	}
	database.Vault = db.NewVault([]byte("a key for tests"))
	w.root(t)
	require.NoError(t, persistence.NewSigningKeyStore(database).Ensure(t.Context()))
	w.AddUser(t, "root.admin", "/", domain.RoleSuperUser, domain.RootGroup)
	for _, tenant := range Tenants {
		lower := strings.ToLower(tenant)
		w.AddEnvironment(t, tenant, true)
		for _, path := range []string{"Prod", "Prod/East", "Prod/West", "Test"} {
			w.AddEnvironment(t, tenant+"/"+path, false)
		}
		w.AddEnvironment(t, tenant+"/Labs", true)
		w.AddEnvironment(t, tenant+"/Labs/One", false)
		prod, west := w.Places[tenant+"/Prod"], w.Places[tenant+"/Prod/West"]
		require.NoError(t, w.Store.Do(t.Context(), Everything(domain.EnvironmentWrite), func(tx *persistence.Tx) error {
			later := time.Date(2099, 1, 31, 0, 0, 0, 0, time.UTC)
			err := tx.SaveSignInRules(tenancy.KeyOf(&west), domain.SignInRules{OnlyProvider: true, Grace: later})
			if err != nil {
				return err
			}
			return tx.SaveSignInRules(tenancy.KeyOf(&prod), domain.SignInRules{MinPassword: 8, People: domain.ByCode,
				Grace: later})
		}))
		w.AddGroup(t, tenant, "Team")
		require.NoError(t, w.Codes.Insert(t.Context(), Everything(domain.UserCreate), domain.RegistrationCode{
			Organization: w.Places[tenant].Organization, Code: domain.SecretText("code of " + tenant), Enabled: true}))
		w.AddUser(t, lower+".admin", tenant, domain.RoleOAdmin, domain.AdminGroup)
		w.AddUser(t, lower+".power", tenant+"/Prod", domain.RolePower, domain.AdminGroup)
		w.AddUser(t, lower+".user", tenant+"/Prod/East", domain.RoleUser, domain.UserGroup)
		w.AddUser(t, lower+".labs", tenant+"/Labs/One", domain.RoleUser, domain.UserGroup)
		for _, alias := range []string{lower + ".admin", lower + ".power", lower + ".user", lower + ".labs"} {
			w.SignIns[alias] = w.SignIn(t, alias, domain.RefreshSession)
		}
		require.NoError(t, w.AddGroupAdmin(t.Context(), Everything(domain.GroupWrite), w.Teams[tenant+"/Team"].ID,
			w.KeyOf(lower+".admin")))
		w.Keys[lower+".user"] = w.AddAPIKey(t, lower+".user", "key of "+lower)
		w.Issuers[tenant] = w.AddProvider(t, tenant, lower+".example")
		require.NoError(t, w.AddLink(t.Context(), Everything(domain.UserUpdate), lower+".user", tenant, "theirs"))
		w.AddObject(t, tenant, "Watch", domain.KindObserver, tenant+"/Prod/East", lower+".user", nil)
		w.AddObject(t, tenant, "Talk", domain.KindTopic, tenant, lower+".admin",
			func(o *domain.Object) { o.Visibility = domain.Shared })
		watch := w.Things[tenant+"/Watch"]
		offer, err := w.Objects.Offer(t.Context(), w.ObjectScope(t, lower+".user"), watch, w.KeyOf(lower+".power"),
			w.DB.Now().Add(time.Hour))
		require.NoError(t, err)
		w.Offers[tenant] = offer.ID
		require.NoError(t, w.Objects.Bookmark(t.Context(), w.ObjectScope(t, lower+".user"), watch))
		require.NoError(t, w.Social.AddFavourite(t.Context(), w.Scope(t, lower+".user", domain.ProfileUpdate),
			domain.FavouriteTags, "tag"))
		require.NoError(t, w.Social.SetPresence(t.Context(), w.ObjectScope(t, lower+".admin"), w.Things[tenant+"/Talk"].ID,
			domain.PresenceBusy, time.UnixMilli(1000)))
		require.NoError(t, w.Objects.AddUsage(t.Context(), Everything(domain.ObjectManage), map[domain.UsageKey]int64{
			{Organization: watch.Organization, Object: watch.ID, Owner: watch.Owner, Month: 202611}: 3}))
	}
	w.addContacts(t)
	return w
}

// addContacts makes people of each tenant contacts of one another and of the other tenant's:
// they are allowed there for a moment.
func (w *World) addContacts(t *testing.T) {
	t.Helper()
	allow := func(alias string, grants []domain.Grant) {
		_, err := w.Users.Update(t.Context(), Everything(domain.UserUpdate), w.KeyOf(alias), "",
			change(func(u *domain.User) { u.Allowed = grants }))
		require.NoError(t, err)
	}
	for i, tenant := range Tenants {
		e, other := w.Places[Tenants[1-i]], lower(Tenants[1-i])
		for _, from := range []string{lower(tenant) + ".user", lower(tenant) + ".admin", lower(tenant) + ".power"} {
			allow(from, []domain.Grant{{Environment: e.ID, Organization: e.Organization, Path: e.Path}})
			for _, to := range []string{from, other + ".user", other + ".admin"} {
				require.NoError(t, w.Social.AddContact(t.Context(), w.Scope(t, from, domain.EnvironmentRead), to))
			}
			allow(from, nil)
		}
	}
}

// root makes environment 1 and the built-in groups.
func (w *World) root(t *testing.T) {
	t.Helper()
	store := persistence.NewDirectoryStore(w.DB)
	_, err := store.Claim(t.Context(), Everything(domain.OrganizationWrite), domain.Numbers{1, 3, 0, 0})
	require.NoError(t, err)
	require.NoError(t, store.Write(t.Context(), Everything(domain.OrganizationWrite),
		func(tx *persistence.DirectoryTx) error {
			root := domain.Environment{ID: 1, Parent: 1, Path: domain.RootPath, Organization: 1, IsOrganization: true,
				Alias: "root", Active: true}
			placed := []domain.PlacedEnvironment{{Environment: root, Above: domain.RootOrganization}}
			if err := tx.InsertEnvironments(placed); err != nil {
				return err
			}
			w.Places["/"] = placed[0].Environment
			groups := domain.BuiltInGroups()
			slices.SortFunc(groups, func(a, b domain.Group) int { return int(a.Parent - b.Parent) }) // User is below Admin
			for _, g := range groups {
				if err := tx.InsertGroup(&g); err != nil {
					return err
				}
				w.Teams["/"+g.Alias] = g
			}
			return nil
		}))
}

// AddEnvironment makes the environment with that alias path; the one above it must exist.
func (w *World) AddEnvironment(t *testing.T, path string, organization bool) domain.Environment {
	t.Helper()
	above, alias := "/", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		above, alias = path[:i], path[i+1:]
	}
	e, err := w.Environments.Insert(t.Context(), Everything(domain.EnvironmentWrite),
		domain.Environment{Parent: w.Places[above].ID, Alias: alias, Active: true, IsOrganization: organization,
			Picture: pictureOf(alias, organization)})
	require.NoError(t, err)
	w.Places[path] = e
	return e
}

// pictureOf returns what is kept as the picture of an organization, which is its alias.
func pictureOf(alias string, organization bool) domain.Picture {
	if !organization {
		return domain.Picture{}
	}
	return domain.Picture{Tag: alias, JPEG: []byte(alias)}
}

// AddGroup makes a group below User in an organization.
func (w *World) AddGroup(t *testing.T, organization, alias string) domain.Group {
	t.Helper()
	g, err := w.InsertGroup(t.Context(), Everything(domain.GroupWrite), domain.Group{
		Organization: w.Places[organization].Organization, Parent: domain.UserGroup, Alias: alias,
		Mask: domain.UserRead.Mask()})
	require.NoError(t, err)
	w.Teams[organization+"/"+alias] = g
	return g
}

// NewUser returns a user of the world who is not stored yet.
func (w *World) NewUser(alias, home string, role domain.Role, group domain.GroupID) domain.User {
	e := w.Places[home]
	return domain.User{
		Alias: alias, Organization: e.Organization, Home: e.ID, HomePath: e.Path, Role: role, Groups: []domain.GroupID{group},
		Person: domain.Person{FirstName: alias, Mail: alias + "@example.org"},
		Standing: domain.Standing{Active: true, Created: w.DB.Now().UTC().Truncate(1e6), IdleSince: w.DB.Now().UTC().
			Truncate(1e6)},
	}
}

// AddUser makes a user.
func (w *World) AddUser(t *testing.T, alias, home string, role domain.Role, group domain.GroupID) domain.User {
	t.Helper()
	u := w.NewUser(alias, home, role, group)
	u.Attributes = domain.Attributes{domain.AttributeMobile: "+1 " + alias}
	u.Picture = domain.Picture{Tag: alias, JPEG: []byte(alias)}
	u, err := w.Users.Insert(t.Context(), Everything(domain.UserCreate), u, "")
	require.NoError(t, err)
	w.People[alias] = u
	return u
}

// NewSession returns a session of the user with that alias that is not stored yet.
func (w *World) NewSession(alias string, kind domain.SessionKind) domain.Session {
	now := w.DB.Now().UTC().Truncate(time.Millisecond)
	u := w.People[alias]
	return domain.Session{
		SessionKey: domain.SessionKey{UserKey: domain.UserKey{Organization: u.Organization, User: u.ID},
			ID: domain.UUID(uuid.Must(uuid.NewV7()).String())},
		Kind: kind, TokenEpoch: 1, Environment: u.Home, Hash: "hash", Created: now, LastUsed: now,
		Expires: now.Add(time.Hour),
		Client:  "curl/8", Network: "192.0.2.1", Surface: "rest",
		Proved: domain.Proved{Proof: domain.ByCode, At: now},
	}
}

// SignIn begins a session of the user with that alias.
func (w *World) SignIn(t *testing.T, alias string, kind domain.SessionKind) domain.Session {
	t.Helper()
	s := w.NewSession(alias, kind)
	_, err := w.Accounts.Begin(t.Context(), s, 100, nil)
	require.NoError(t, err)
	return s
}

// AddAPIKey gives the user with that alias an API key.
func (w *World) AddAPIKey(t *testing.T, alias, text string) domain.APIKey {
	t.Helper()
	k, err := w.APIKeys.Insert(t.Context(), Everything(domain.UserUpdate), w.KeyOf(alias),
		domain.APIKey{Name: "key", Text: domain.SecretText(text), Created: w.DB.Now().UTC().Truncate(time.Millisecond)},
		func(domain.User, []domain.APIKey) error { return nil })
	require.NoError(t, err)
	return k
}

// havingFactors makes a user one who has these kinds of factors.
func (w *World) havingFactors(t *testing.T, u *domain.User, f domain.Factors) {
	t.Helper()
	w.exec(t, "UPDATE users SET factors = ? WHERE organization_id = ? AND id = ?", int64(f), int64(u.Organization),
		int64(u.ID))
}

// havingKeyOf makes a key one that was made and used last at these times, in milliseconds since 1970.
func (w *World) havingKeyOf(t *testing.T, k *domain.APIKey, made, used int64) {
	t.Helper()
	w.exec(t, "UPDATE api_keys SET created_at = ?, last_at = ? WHERE id = ?", made, used, string(k.ID))
}

func (w *World) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := w.DB.Writer().ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

// AddObject makes an object of somebody's in an environment.
func (w *World) AddObject(t *testing.T, tenant, name string, kind domain.ObjectKind, place, owner string,
	more func(*domain.Object)) domain.Object {
	t.Helper()
	e := w.Places[place]
	o := domain.Object{Kind: kind, Name: name, Organization: e.Organization, Environment: e.ID, Path: e.Path,
		Owner: w.KeyOf(owner)}
	if more != nil {
		more(&o)
	}
	o, err := w.Objects.Insert(t.Context(), Everything(domain.ObjectManage), o)
	require.NoError(t, err)
	w.Things[tenant+"/"+name] = o
	return o
}

// KeyOf returns where a user is stored; nobody's key for the empty alias.
func (w *World) KeyOf(alias string) domain.UserKey {
	u := w.People[alias]
	return u.Key()
}

// keyOfThing returns where an object is stored.
func (w *World) keyOfThing(name string) domain.ObjectKey {
	o := w.Things[name]
	return o.Key()
}

// ObjectScope returns what alias may do with objects, wherever.
func (w *World) ObjectScope(t *testing.T, alias string) tenancy.WriteScope {
	t.Helper()
	sc, err := w.Gate.EnterObjectsWrite(t.Context(), w.As(t, alias), domain.ObserverWrite)
	require.NoError(t, err)
	return sc
}

// Grant is the grant of the environment with that alias path.
func (w *World) Grant(path string) domain.Grant {
	e := w.Places[path]
	return domain.Grant{Environment: e.ID, Organization: e.Organization, Path: e.Path}
}

// As returns the principal of the user with that alias, as a request would find it.
func (w *World) As(t *testing.T, alias string) *domain.Principal {
	t.Helper()
	a, err := w.Accounts.ByLogin(t.Context(), alias)
	require.NoError(t, err)
	return &a.Principal
}

// Scope returns what alias may use p on, wherever.
func (w *World) Scope(t *testing.T, alias string, p domain.Permission) tenancy.WriteScope {
	t.Helper()
	sc, err := w.Gate.EnterWrite(t.Context(), w.As(t, alias), p, tenancy.Anywhere())
	require.NoError(t, err)
	return sc
}

// Dump returns every row of the tables that hold the directory, as text, with what is
// counted for everybody left out: equal dumps mean that nothing was changed.
func (w *World) Dump(t *testing.T) string {
	t.Helper()
	return Dump(t, w.DB)
}

// Dump is World.Dump of any database.
func Dump(t *testing.T, db *db.DB) string {
	t.Helper()
	var text strings.Builder
	ctx := context.Background()
	for _, table := range []string{"organizations", "environments", "environment_names", "environment_counts", "groups",
		"users",
		"user_groups", "user_environments", "user_attributes", "user_pictures", "organization_attributes",
		"login_names", "mail_addresses", "audit", "sessions",
		"api_keys", "api_key_names", "factors", "recovery_codes", "secrets", "registration_codes",
		"registration_code_names", "outbox", "providers", "mail_domains", "mail_domain_names",
		"provider_links", "provider_sessions",
		"objects", "object_names", "object_access", "object_uses", "object_owners", "object_usage", "copy_requests",
		"bookmarks", "user_marks", "user_contacts", "presences", "group_admins", "organization_counts", "departures"} {
		rows, err := db.Pool().QueryContext(ctx, "SELECT * FROM "+table)
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		var lines []string
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			require.NoError(t, rows.Scan(values...))
			line := table
			for i, v := range values {
				line += fmt.Sprintf(" %s=%v", columns[i], *(v.(*any)))
			}
			lines = append(lines, line)
		}
		require.NoError(t, rows.Err())
		rows.Close()
		text.WriteString(strings.Join(sorted(lines), "\n") + "\n")
	}
	return text.String()
}
