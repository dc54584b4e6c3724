package app_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"canopy/app/directory"
	"canopy/domain"
)

// world is what everybody can do everywhere, each asked for alone.
type world struct {
	paths map[domain.EnvironmentID]domain.EnvironmentPath
	users map[domain.UserID]map[spot]domain.Mask
}

// spot is an environment, or what may come to lie below it; the zero one is the own account.
type spot struct {
	id    domain.EnvironmentID
	below bool
}

func (m *machine) world(t *rapid.T) world {
	ctx, operator := context.Background(), m.operator(t)
	w := world{map[domain.EnvironmentID]domain.EnvironmentPath{}, map[domain.UserID]map[spot]domain.Mask{}}
	environments, err := m.d.Environments.List(ctx, operator, directory.ListEnvironments{Environment: "/"})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range environments.Items {
		if err != nil {
			t.Fatal(err)
		}
		w.paths[e.ID] = e.Path
	}
	users, err := m.d.Users.List(ctx, operator, directory.ListUsers{Everywhere: true})
	if err != nil {
		t.Fatal(err)
	}
	for u, err := range users.Items {
		if err != nil {
			t.Fatal(err)
		}
		w.users[u.ID] = m.effect(t, u.Alias, w.paths)
	}
	return w
}

func (m *machine) effect(t *rapid.T, alias string,
	paths map[domain.EnvironmentID]domain.EnvironmentPath) map[spot]domain.Mask {
	ctx, can := context.Background(), make(map[spot]domain.Mask)
	account, err := m.accounts.ByLogin(ctx, alias)
	if err != nil {
		t.Fatal(err)
	}
	if !account.Usable(time.Now()) {
		return can
	}
	own, _, err := m.d.Gate.Abilities(ctx, &account.Principal)
	if err != nil {
		t.Fatal(err)
	}
	if own != 0 {
		can[spot{}] = own
	}
	for _, info := range domain.Catalogue {
		p := info.Permission
		for id, path := range paths {
			for _, below := range []bool{false, true} {
				at := path
				if below {
					at = path.Child(domain.MaxID)
				}
				yes, err := m.d.Gate.Can(ctx, &account.Principal, p, at)
				if err != nil {
					t.Fatal(err)
				}
				if yes {
					can[spot{id, below}] |= p.Mask()
				}
			}
		}
	}
	return can
}

// differences are what people gain and lose, by spot; somebody without any is not there.
type differences map[domain.UserID]map[spot][2]domain.Mask

func (w world) until(v world) differences {
	all := make(differences)
	users := maps.Clone(w.users)
	maps.Copy(users, v.users)
	for id := range users {
		spots := maps.Clone(w.users[id])
		if spots == nil {
			spots = map[spot]domain.Mask{}
		}
		maps.Copy(spots, v.users[id])
		for s := range spots {
			had, has := w.users[id][s], v.users[id][s]
			if had == has {
				continue
			}
			if all[id] == nil {
				all[id] = make(map[spot][2]domain.Mask)
			}
			all[id][s] = [2]domain.Mask{has &^ had, had &^ has}
		}
	}
	return all
}

// change draws a change of what people may do, and returns what makes it.
func (m *machine) change(t *rapid.T) (what string, make func(context.Context, domain.Principal) error) {
	user := domain.UserRef{ID: pick(t, "user", m.users)}
	place, other := domain.NumberRef(pick(t, "environment", m.environments)), domain.NumberRef(pick(t, "other", m.environments))
	group, above := domain.NumberedGroup(pick(t, "group", m.groups)), domain.NumberedGroup(pick(t, "above", m.groups))
	active := rapid.Bool().Draw(t, "active")
	patch := m.patch(t)
	updateUser := func(patch directory.UserPatch) func(context.Context, domain.Principal) error {
		return func(ctx context.Context, who domain.Principal) error {
			_, err := m.d.Users.Update(ctx, who, directory.UpdateUser{User: user, UserPatch: patch})
			return err
		}
	}
	updatePlace := func(patch directory.EnvironmentPatch) func(context.Context, domain.Principal) error {
		return func(ctx context.Context, who domain.Principal) error {
			_, err := m.d.Environments.Update(ctx, who,
				directory.UpdateEnvironment{Environment: place, EnvironmentPatch: patch})
			return err
		}
	}
	updateGroup := func(patch directory.GroupPatch) func(context.Context, domain.Principal) error {
		return func(ctx context.Context, who domain.Principal) error {
			_, err := m.d.Groups.Update(ctx, who, directory.UpdateGroup{Group: group, GroupPatch: patch})
			return err
		}
	}
	newcomer := patch
	newcomer.Home, newcomer.Alias = &other, m.next("n")
	newcomer.FirstName = newcomer.Alias
	mask := domain.Mask(rapid.Uint64Range(0, uint64(domain.AllPermissions)).Draw(t, "mask"))
	changes := map[string]func(context.Context, domain.Principal) error{
		"update a user": updateUser(patch),
		"move a user":   updateUser(directory.UserPatch{Home: &other}),
		"switch a user": updateUser(directory.UserPatch{Active: &active}),
		"create a user": func(ctx context.Context, who domain.Principal) error {
			_, err := m.d.Users.Create(ctx, who, newcomer)
			return err
		},
		"delete a user": func(ctx context.Context, who domain.Principal) error {
			return m.d.Users.Delete(ctx, who, directory.DeleteUser{User: user})
		},
		"create an environment": func(ctx context.Context, who domain.Principal) error {
			_, err := m.d.Environments.Create(ctx, who,
				directory.EnvironmentPatch{Parent: &other, Alias: newcomer.Alias, Active: &active})
			return err
		},
		"move an environment":   updatePlace(directory.EnvironmentPatch{Parent: &other}),
		"switch an environment": updatePlace(directory.EnvironmentPatch{Active: &active}),
		"delete an environment": func(ctx context.Context, who domain.Principal) error {
			return m.d.Environments.Delete(ctx, who, directory.DeleteEnvironment{Environment: place})
		},
		"change a group": updateGroup(directory.GroupPatch{Mask: &mask}),
		"move a group":   updateGroup(directory.GroupPatch{Parent: &above}),
	}
	what = rapid.SampledFrom(slices.Sorted(maps.Keys(changes))).Draw(t, "what")
	return what, changes[what]
}

// tables are all of them that a change may touch.
var tables = []string{"users", "user_groups", "user_environments", "user_attributes", "login_names", "mail_addresses",
	"environments", "environment_names", "environment_counts", "organizations", "organization_counts", "groups", "audit",
	"outbox", "secrets", "sessions", "limits", "api_keys", "id_blocks", "settings"}

// dump is every row of the database as text.
func (m *machine) dump(t fataler) string {
	var lines []string
	for _, table := range tables {
		rows, err := m.d.DB.Pool().Query("SELECT * FROM " + table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, into := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, fmt.Sprint(table, columns, values))
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestPreviewsTellTheDifference compares what a preview says of random changes in random worlds with what
// everybody can do before the change and after it, each asked for alone; and the preview leaves every row of
// the directory as it was.
func TestPreviewsTellTheDifference(t *testing.T) {
	happened := make(chan string, 100_000)
	onRandomDirectories(t, 8, func(rt *rapid.T, m *machine) {
		grown := m.actions()
		delete(grown, "delete a user")
		delete(grown, "delete an environment")
		rt.Repeat(grown)
		for range 4 {
			what, change := m.change(rt)
			ctx, operator := context.Background(), m.operator(rt)
			before, rows := m.world(rt), m.dump(rt)
			preview, err := m.d.Previews.Run(ctx, operator,
				func(ctx context.Context) error { return change(ctx, operator) })
			if m.dump(rt) != rows {
				rt.Fatalf("%s: the preview changed the directory", what)
			}
			if !done(rt, err) {
				if real := change(ctx, operator); real == nil || real.Error() != err.Error() {
					rt.Fatalf("%s: the preview says %v, the change %v", what, err, real)
				}
				continue
			}
			err = m.d.Previews.CarryOut(ctx, operator, preview.Hash,
				func(ctx context.Context) error { return change(ctx, operator) })
			if err != nil {
				rt.Fatalf("%s: %v", what, err)
			}
			after := m.world(rt)
			if wrong := m.compare(before.until(after), preview, before, after); wrong != "" {
				rt.Fatalf("%s: %s", what, wrong)
			}
			happened <- what
			break
		}
	})
	t.Cleanup(func() {
		close(happened)
		seen := make(map[string]int)
		for what := range happened {
			seen[what]++
		}
		t.Log(seen)
	})
}

// compare returns what is wrong with a preview of differences, empty for nothing.
func (m *machine) compare(all differences, preview directory.PreviewDocument, before, after world) string {
	gaining, losing := 0, 0
	type row struct {
		p      domain.Permission
		gained bool
	}
	people := make(map[row]map[domain.UserID]bool)
	for id, spots := range all {
		sum := sumOf(spots)
		if sum[0] != 0 {
			gaining++
		}
		if sum[1] != 0 {
			losing++
		}
		for _, info := range domain.Catalogue {
			for i, mask := range sum {
				r := row{info.Permission, i == 0}
				if mask.Has(r.p) {
					if people[r] == nil {
						people[r] = map[domain.UserID]bool{}
					}
					people[r][id] = true
				}
			}
		}
	}
	if preview.Affected != len(all) || preview.Gaining != gaining || preview.Losing != losing || preview.LeftOut {
		return fmt.Sprintf("it counts %d people, %d gaining, %d losing (left out: %t); they are %d, %d and %d", preview.Affected,
			preview.Gaining, preview.Losing, preview.LeftOut, len(all), gaining, losing)
	}
	for _, person := range preview.People {
		id := person.User.ID
		if id == 0 { // who is made has a number by now
			for made := range after.users {
				if _, there := before.users[made]; !there {
					id = made
				}
			}
		}
		var told [2]domain.Mask
		for _, part := range person.Parts {
			told[0], told[1] = told[0]|part.Gained, told[1]|part.Lost
			if part.Environment == nil && [2]domain.Mask{part.Gained, part.Lost} != all[id][spot{}] {
				return fmt.Sprintf("user %d: it says %v of their own account, and that is %v", id, part, all[id][spot{}])
			}
			if wrong := part.Environment != nil && part.Environment.ID != 0 && !saysSo(part, all[id]); wrong {
				return fmt.Sprintf("user %d: it says %v in %v, and that is %v", id, part, part.Environment.Path, all[id])
			}
		}
		if told != sumOf(all[id]) {
			return fmt.Sprintf("user %d: it says %v, and that is %v: %v", id, told, sumOf(all[id]), all[id])
		}
	}
	for _, gained := range []bool{true, false} {
		counts := preview.Losses
		if gained {
			counts = preview.Gains
		}
		told := make(map[domain.Permission]int)
		for _, n := range counts {
			told[n.Permission] = max(told[n.Permission], n.People)
		}
		for _, info := range domain.Catalogue {
			have := people[row{info.Permission, gained}]
			if (told[info.Permission] == 0) != (len(have) == 0) || told[info.Permission] > len(have) {
				return fmt.Sprintf("it says %d of %s (gained: %t), and that are %d", told[info.Permission], info.Permission,
					gained, len(have))
			}
		}
	}
	return ""
}

// saysSo reports whether somebody gains and loses what is said, where it is said.
func saysSo(part directory.PreviewPart, spots map[spot][2]domain.Mask) bool {
	at, below := spots[spot{part.Environment.ID, false}], spots[spot{part.Environment.ID, true}]
	isOf := func(masks [2]domain.Mask) bool { return part.Gained.Within(masks[0]) && part.Lost.Within(masks[1]) }
	switch part.Extent {
	case domain.ExtentWhole:
		return isOf(at) && isOf(below)
	case domain.ExtentAlone:
		return isOf(at)
	case domain.ExtentBelow:
		return isOf(below)
	}
	return true
}

func sumOf(spots map[spot][2]domain.Mask) (sum [2]domain.Mask) {
	for _, masks := range spots {
		sum[0], sum[1] = sum[0]|masks[0], sum[1]|masks[1]
	}
	return sum
}
