package app

import (
	"context"
	"crypto/rand"
	"iter"

	"canopy/app/authn"
	"canopy/app/directory"
	"canopy/app/transfer"
	"canopy/app/transfer/document"
	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
	"canopy/tenancy"
)

// Begun says how a directory began.
type Begun struct {
	// New is true if the directory was empty before.
	New bool
	// Login and Password are those of the first superUser, if one was made; Password is
	// empty if it was configured.
	Login, Password string
}

// adminLogin is the login name of the first superUser.
const adminLogin = "admin"

// Begin gives an empty directory its root environment and built-in groups, and one without
// users its first superUser unless the configuration says otherwise. It does nothing to one
// that has them.
func Begin(ctx context.Context, cfg *Config, db *db.DB) (Begun, error) {
	there, err := exists(ctx, db)
	if err != nil {
		return Begun{}, err
	}
	begun, section := Begun{New: !there}, rootSection(cfg.RootAlias)
	if there {
		users, err := persistence.NewUserStore(db).
			Count(ctx, tenancy.Operator(bootstrap, domain.UserRead).Read(), domain.UserFilter{})
		if err != nil || users > 0 || cfg.Bootstrap != BootstrapAdmin {
			return Begun{}, err
		}
		section = &document.Section{Path: "/"}
	}
	if cfg.Bootstrap == BootstrapAdmin {
		begun.Login = adminLogin
		password := cfg.AdminPassword
		if password == "" {
			password = rand.Text()
			begun.Password = password
		}
		hash, err := adminHash(ctx, cfg, password)
		if err != nil {
			return begun, err
		}
		section.Users = only(adminRecord(hash))
	}
	into := Transfer(db, bootstrap)
	if !there {
		into = transferNew(db, bootstrap, true)
	}
	return begun, importAll(ctx, into, sections{section})
}

// transferNew is Transfer that has the root ask for passwords as domain.DefaultSignInRules does. The root comes first
// if it is not there.
func transferNew(db *db.DB, operator string, empty bool) *transfer.Directory {
	store := newDirectoryStore{directoryStore{persistence.NewDirectoryStore(db)}, empty}
	return transferOf(store, db, operator)
}

// newDirectoryStore writes a new directory together with what its root asks of passwords, so that there is none
// without.
type newDirectoryStore struct {
	directoryStore
	empty bool // there is no directory yet
}

// Claim implements transfer.DirectoryStore. Where there is nothing all numbers are free, those too that were claimed by
// a server that died then.
func (s newDirectoryStore) Claim(ctx context.Context, w tenancy.WriteScope,
	last domain.Numbers) (first domain.Numbers, err error) {
	if first, err = s.directoryStore.Claim(ctx, w, last); s.empty {
		first = domain.Numbers{}
	}
	return first, err
}

// Write implements transfer.DirectoryStore.
func (s newDirectoryStore) Write(ctx context.Context, w tenancy.WriteScope, work func(transfer.Tx) error) error {
	return s.DirectoryStore.Write(ctx, w, func(tx *persistence.DirectoryTx) error {
		if err := work(tx); err != nil {
			return err
		}
		root := tenancy.EnvironmentKey{Organization: domain.RootOrganization, ID: domain.RootEnvironment}
		return tx.SaveSignInRules(root, domain.DefaultSignInRules)
	})
}

// adminHash returns the hash of the password of a new directory, which must keep to --min-password-length.
func adminHash(ctx context.Context, cfg *Config, password string) (domain.PasswordHash, error) {
	hasher := authn.NewHasher(cfg.PasswordCost, cfg.MinPasswordLength)
	defer hasher.Close()
	if cfg.AdminPassword != "" {
		if err := hasher.Judge(password); err != nil {
			return "", domain.AsError(err).On("CANOPY_ADMIN_PASSWORD")
		}
	}
	return hasher.Hash(ctx, domain.Party{}, password)
}

// bootstrap is who begins directories, in the audit trail.
const bootstrap = "(bootstrap)"

// only yields one user.
func only(u document.UserRecord) iter.Seq2[document.UserRecord, error] {
	return func(yield func(document.UserRecord, error) bool) { yield(u, nil) }
}

// exists reports whether the directory has its root environment.
func exists(ctx context.Context, db *db.DB) (bool, error) {
	found, err := persistence.NewSource(db).Generations(ctx, []domain.OrganizationID{domain.RootOrganization})
	return len(found) > 0, err
}

// importAll imports a document of our own, in which nothing can be wrong.
func importAll(ctx context.Context, d *transfer.Directory, doc document.Document) error {
	report, err := d.Import(ctx, doc, transfer.ImportOptions{})
	if err == nil && len(report.Problems) > 0 {
		err = report.Problems[0].Err
	}
	return err
}

// sections is a document in memory.
type sections []*document.Section

// Sections implements document.Document.
func (s sections) Sections() iter.Seq2[*document.Section, error] {
	return func(yield func(*document.Section, error) bool) {
		for _, section := range s {
			if !yield(section, nil) {
				return
			}
		}
	}
}

func rootSection(alias string) *document.Section {
	s := &document.Section{Path: "/", Users: document.NoUsers}
	s.Environments = []document.EnvironmentRecord{{Line: 1, Path: "/", Number: int64(domain.RootEnvironment),
		EnvironmentPatch: directory.EnvironmentPatch{Alias: &alias}}}
	groups := domain.BuiltInGroups()
	for _, g := range groups {
		parent := domain.GroupRef(groups[g.Parent-1].Alias)
		s.Groups = append(s.Groups, document.GroupRecord{Line: 1, Number: int64(g.ID),
			GroupPatch: directory.GroupPatch{Alias: &g.Alias, Parent: &parent, Mask: &g.Mask}})
	}
	return s
}

func adminRecord(hash domain.PasswordHash) document.UserRecord {
	alias, home, role, group := adminLogin, domain.EnvironmentRef("/"), domain.RoleSuperUser, domain.GroupRef("Root")
	return document.UserRecord{Line: 1, Number: 1, Person: 1, Hash: &hash,
		UserPatch: directory.UserPatch{Alias: &alias, FirstName: &alias, LastName: &alias, Home: &home, Role: &role,
			Group: &group}}
}

// joined is one document behind another.
type joined [2]document.Document

// Sections implements document.Document.
func (j joined) Sections() iter.Seq2[*document.Section, error] {
	return func(yield func(*document.Section, error) bool) {
		for _, doc := range j {
			for s, err := range doc.Sections() {
				if !yield(s, err) {
					return
				}
			}
		}
	}
}
