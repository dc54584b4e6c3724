package storetest

import (
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
)

// overtaking returns what stops first in a function that asks for the time, begins second, and lets first go on when
// second waits for it or has ended.
func overtaking(database *db.DB) func(t *testing.T, where string, first, second func() error) (errFirst,
	errSecond error) {
	type pause struct {
		where string // a function that asks for the time
		wait  func()
	}
	var stop atomic.Pointer[pause]
	database.Now = func() time.Time {
		if p := stop.Load(); p != nil && strings.Contains(string(debug.Stack()), "."+p.where+"(") &&
			stop.CompareAndSwap(p, nil) {
			p.wait()
		}
		return time.Now()
	}
	return func(t *testing.T, where string, first, second func() error) (errFirst, errSecond error) {
		t.Helper()
		stopped, on := make(chan struct{}), make(chan struct{})
		stop.Store(&pause{where, func() { close(stopped); <-on }})
		one, two := make(chan error, 1), make(chan error, 1)
		go func() { one <- first() }()
		select {
		case <-stopped:
		case err := <-one:
			t.Fatalf("it ended before it could be stopped: %v", err)
		}
		go func() { two <- second() }()
		require.Eventually(t, func() bool {
			return len(two) > 0 || database.OneWriter() || waiting(t, database) > 0
		}, 20*time.Second, time.Millisecond)
		close(on)
		return <-one, <-two
	}
}

// waiting returns how many wait for what others have locked.
func waiting(t *testing.T, database *db.DB) (n int) {
	err := database.Pool().QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n)
	if err != nil {
		return 0
	}
	return n
}

// Overtaking tests that a change of an environment waits for what is being written below it,
// however deep, and takes it along.
func Overtaking(t *testing.T, database *db.DB) {
	overtakeAt := overtaking(database)
	w := NewWorld(t, database)
	ctx := t.Context()
	all := Everything(domain.EnvironmentWrite)
	update := func(path string, change func(*domain.Environment)) func() error {
		return func() error {
			_, err := w.Environments.Update(ctx, all, w.Places[path].ID,
				func(e *domain.Environment) error { change(e); return nil })
			return err
		}
	}
	move := func(path, to string) func() error {
		return update(path, func(e *domain.Environment) { e.Parent = w.Places[to].ID })
	}
	insert := func(path string) func() error {
		i := strings.LastIndexByte(path, '/')
		return func() error {
			_, err := w.Environments.Insert(ctx, all,
				domain.Environment{Parent: w.Places[path[:i]].ID, Alias: path[i+1:], Active: true})
			return err
		}
	}
	// overtake is overtakeAt where first writes its audit entry, before it commits.
	overtake := func(t *testing.T, first, second func() error) (errFirst, errSecond error) {
		t.Helper()
		return overtakeAt(t, "stamped", first, second)
	}
	// whole checks that everything says the same of where things are.
	whole := func(t *testing.T) {
		t.Helper()
		for what, query := range map[string]string{
			"environments": `SELECT c.path FROM environments c JOIN environments p ON p.id = c.parent_id
				WHERE c.id <> 1 AND (c.path <> p.path || c.id || '/'
					OR c.alias_path <> CASE WHEN p.id = 1 THEN '' ELSE p.alias_path || '/' END || c.alias)`,
			"counts": "SELECT c.environment_path FROM environment_counts c JOIN environments e ON e.id = c.environment_id " +
				"WHERE e.path <> c.environment_path",
			"users": "SELECT u.environment_path FROM users u JOIN environments e ON e.id = u.environment_id WHERE e.path " +
				"<> u.environment_path",
			"lists": "SELECT g.environment_path FROM user_environments g JOIN environments e ON e.id = g.environment_id " +
				"WHERE e.path <> g.environment_path",
			"objects": "SELECT o.environment_path FROM objects o JOIN environments e ON e.id = o.environment_id WHERE e.path " +
				"<> o.environment_path",
			"groups": "SELECT g.environment_path FROM groups g JOIN environments e ON e.id = g.organization_id WHERE e.path " +
				"<> g.environment_path",
			"audit": "SELECT a.environment_path FROM audit a JOIN environments e ON e.id = a.environment_id WHERE e.path " +
				"<> a.environment_path",
		} {
			rows, err := database.Pool().QueryContext(ctx, query)
			require.NoError(t, err)
			for rows.Next() {
				var path string
				require.NoError(t, rows.Scan(&path))
				t.Errorf("%s at %s are not where they belong", what, path)
			}
			require.NoError(t, rows.Err())
			rows.Close()
		}
	}
	whole(t)

	guest := w.AddUser(t, "guest", "Bolt/Test", domain.RoleUser, domain.UserGroup)
	allow := func(path string) func() error {
		return func() error {
			_, err := w.Users.Update(ctx, all, guest.Key(), "",
				change(func(u *domain.User) { u.Allowed = []domain.Grant{w.Grant(path)} }))
			return err
		}
	}
	for _, path := range []string{"Acme/Spot", "Acme/Yard", "Acme/Yard/Shed"} {
		w.AddEnvironment(t, path, false)
	}
	for _, c := range []struct {
		name          string
		first, second func() error
	}{
		{"an environment two levels below a move", insert("Acme/Prod/East/New"), move("Acme/Prod", "Acme/Test")},
		{"an environment two levels below a new name", insert("Bolt/Prod/East/New"),
			update("Bolt/Prod", func(e *domain.Environment) { e.Alias = "Live" })},
		{"a move to below a move", move("Acme/Spot", "Acme/Yard/Shed"), move("Acme/Yard", "Acme/Test")},
		{"a user below a move", func() error {
			_, err := w.Users.Insert(ctx, all, w.NewUser("late", "Bolt/Prod/East", domain.RoleUser, domain.UserGroup), "")
			return err
		}, move("Bolt/Prod", "Bolt/Test")},
		{"a list that names a place below a move", allow("Bolt/Labs/One"), move("Bolt/Labs", "/")},
		{"an object below a move", func() error {
			e := w.Places["Bolt/Prod/West"]
			_, err := w.Objects.Insert(ctx, Everything(domain.ObjectManage),
				domain.Object{Kind: domain.KindObserver, Name: "Late",
					Organization: e.Organization, Environment: e.ID, Path: e.Path})
			return err
		}, move("Bolt/Prod", "Bolt")},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, second := overtake(t, c.first, c.second)
			require.NoError(t, first)
			require.NoError(t, second)
			whole(t)
			for path, e := range w.Places {
				w.Places[path] = w.find(t, e.ID)
			}
		})
	}

	t.Run("an object below another one and a move of its environment cause no deadlock", func(t *testing.T) {
		app := w.AddObject(t, "Bolt", "App", domain.KindApplication, "Bolt/Prod/West", "bolt.admin", nil)
		id, err := w.Objects.NextObject(ctx)
		require.NoError(t, err)
		var runs atomic.Int64 // a transaction that a deadlock ends is run again
		first, second := overtakeAt(t, "InsertObject", func() error {
			return w.Objects.Do(ctx, Everything(domain.ObjectManage), func(tx *persistence.Tx) error {
				runs.Add(1)
				return insertObject(tx, &domain.Object{ID: id, Kind: domain.KindKey, Name: "Late", Parent: app.ID,
					Organization: app.Organization, Environment: app.Environment, Path: app.Path})
			})
		}, update("Bolt/Prod/West", func(e *domain.Environment) {
			runs.Add(1)
			e.Parent = w.Places["Bolt/Test"].ID
		}))
		require.NoError(t, first)
		require.NoError(t, second)
		require.EqualValues(t, 2, runs.Load())
		whole(t)
		for path, e := range w.Places {
			w.Places[path] = w.find(t, e.ID)
		}
	})

	t.Run("who was just allowed a place in what is closed is looked at anew", func(t *testing.T) {
		before := w.As(t, "guest").Epoch
		first, second := overtake(t, allow("Bolt/Test"), update("Bolt", func(e *domain.Environment) { e.Active = false }))
		require.NoError(t, first)
		require.NoError(t, second)
		require.EqualValues(t, before+2, w.As(t, "guest").Epoch)
	})

	t.Run("an import that read where things were before they moved is refused", func(t *testing.T) {
		above := w.Places["Acme"]
		below := domain.Environment{ID: 5000, Alias: "Imported", Active: true}
		below.Hang(&above)
		stale := w.Places["Bolt/Test"]
		there := w.AddUser(t, "there", "Bolt/Test", domain.RoleUser, w.Teams["Bolt/Team"].ID)
		store := persistence.NewDirectoryStore(database)
		var read domain.StoredUser
		require.NoError(t, store.Write(ctx, all, func(tx *persistence.DirectoryTx) error {
			found, err := tx.UsersNamed([]string{there.Alias})
			read = found[there.Alias]
			return err
		}))
		require.NoError(t, move("Acme", "Bolt")())
		require.NoError(t, move("Bolt/Test", "Bolt/Prod")())
		for _, put := range []func(*persistence.DirectoryTx) error{
			func(tx *persistence.DirectoryTx) error {
				return tx.InsertEnvironments([]domain.PlacedEnvironment{{Environment: below, Above: above.Organization}})
			},
			func(tx *persistence.DirectoryTx) error { return tx.HoldEnvironment(&stale) },
			func(tx *persistence.DirectoryTx) error {
				return tx.HoldUsers(read.Organization, []domain.StoredUser{read})
			},
		} {
			require.ErrorIs(t, store.Write(ctx, all, put), domain.ErrChanged)
		}
		whole(t)
	})
}
