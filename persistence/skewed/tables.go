package skewed

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"canopy/domain"
)

// eachPlace yields all places but the root.
func (f *filling) eachPlace(row func(o, n int, p *place) []any) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for o, tree := range f.places {
			for n, p := range tree {
				if r := row(o, n, p); r != nil && !yield(r) {
					return
				}
			}
		}
	}
}

func (f *filling) writeOrganizations() error {
	return f.write("organizations", "organization_id generation", f.eachPlace(func(_, n int, p *place) []any {
		if n > 0 {
			return nil
		}
		return []any{p.id, int64(1)}
	}))
}

func (f *filling) writeEnvironments() error {
	err := f.write("environments", `organization_id id uuid parent_id path is_organization alias alias_key alias_path
		alias_path_key code send_url active time_zone git_repository`, f.eachPlace(func(o, n int, p *place) []any {
		inactive := o != bigOrganization && n > 0 && mixed("inactive place", int(p.id))%100 == 0
		return []any{p.organization, p.id, uuidOf(1, p.id), p.parent, p.path, n == 0, p.alias, domain.Fold(p.alias),
			p.aliasPath, domain.Fold(p.aliasPath), "", false, !inactive, "Europe/Zurich", ""}
	}))
	if err != nil {
		return err
	}
	return f.write("environment_names", "organization_id parent_id alias_key environment_organization_id environment_id",
		f.eachPlace(func(_, n int, p *place) []any {
			in := p.organization
			if n == 0 {
				in = 1
			}
			return []any{in, p.parent, domain.Fold(p.alias), p.organization, p.id}
		}))
}

// groupsOf is how many groups an organization has of its own.
func groupsOf(o int) int {
	if o == bigOrganization {
		return 50
	}
	return 2
}

func (f *filling) writeGroups() error {
	f.groups = 4
	mask := int64(domain.BuiltInGroups()[1].Mask)
	return f.write("groups", `organization_id id uuid environment_path parent_id alias alias_key mask role role_title
		description created_at`, func(yield func([]any) bool) {
		for o, tree := range f.places {
			for n := range groupsOf(o) {
				alias := fmt.Sprintf("%s %d", departments[n%len(departments)], n)
				row := []any{tree[0].id, f.groups, uuidOf(2, f.groups), tree[0].path, int64(2), alias, domain.Fold(alias), mask,
					int64(0), "", "", int64(now)}
				f.groups++
				if !yield(row) {
					return
				}
			}
		}
	})
}

// groupOf returns the first group of its own of an organization.
func (f *filling) groupOf(o int) int64 {
	if o == bigOrganization {
		return 4
	}
	return 4 + 50 + 2*int64(o-1)
}

func (f *filling) writeUsers() error {
	err := f.write("users", `organization_id id uuid environment_id environment_path alias alias_key role state active
		person_id first_name first_name_key last_name last_name_key mail mail_key phone phone_key job_title department
		language time_zone default_page first_access password_delay revoke_delay password_hash created_at last_password_at
		last_connected_at last_seen_at idle_since archived system lists_users claims epoch token_epoch`,
		func(yield func([]any) bool) {
			for p := range f.people() {
				p.home.users++
				if !yield(f.userRow(p)) {
					return
				}
			}
		})
	if err != nil {
		return err
	}
	// The rows of people are kept as little as those of places: whose a name is comes from its number again.
	type key = func(*someone) string
	for table, name := range map[string]key{"login_names": func(p *someone) string { return p.alias },
		"mail_addresses": f.mail} {
		err := f.write(table, "name organization_id user_id", func(yield func([]any) bool) {
			var rows [][]any
			for p := range f.people() {
				rows = append(rows, []any{domain.Fold(name(p)), p.home.organization, int64(p.id)})
			}
			slices.SortFunc(rows, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) })
			for _, row := range rows {
				if !yield(row) {
					return
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *filling) mail(p *someone) string {
	return fmt.Sprintf("%s@org%d.example", p.alias, max(p.o, 0))
}

// userRow returns the row of a person, in the order that writeUsers names.
func (f *filling) userRow(p *someone) []any {
	first, last := pick(firstNames, "first", p.id), pick(lastParts, "last", p.id)+pick(lastTails, "tail", p.id)
	mail, phone := f.mail(p), ""
	if mixed("has phone", p.id)%10 < 6 {
		phone = fmt.Sprintf("+41 %d %03d %02d %02d", 20+p.id%60, mixed("phone", p.id)%1000, p.id%100, mixed("tail", p.id)%100)
	}
	state, active, archived := domain.Approved, true, false
	created := now - int64(mixed("created", p.id)%(5*365*86400))*1000
	seen := min(created+int64(mixed("seen", p.id)%(365*86400))*1000, now)
	own := p.o < 0 || p.n < firstPerson[p.o] || p.n == 0
	if !own {
		switch chance := mixed("state", p.id) % 100; {
		case chance < 3:
			state, seen = domain.Invited, 0
		case chance < 4:
			state, seen = domain.Pending, 0
		case chance < 9:
			active = false
		case chance < 10:
			active, archived = false, true
		case chance < 25:
			seen = 0 // never came
		}
	}
	return []any{p.home.organization, int64(p.id), uuidOf(3, int64(p.id)), p.home.id, p.home.path, p.alias,
		domain.Fold(p.alias), int64(p.role), int64(state), active, int64(p.id), first, domain.Fold(first), last,
		domain.Fold(last), mail, domain.Fold(mail), phone, domain.Fold(phone), pick(jobs, "job", p.id),
		pick(departments, "department", p.id), pick(languages, "language", p.id), pick(zones, "zone", p.id), int64(1),
		false, int64(0), int64(0), f.hash, created, created, seen, seen, max(created, seen), archived, false, false, "",
		int64(1), int64(1)}
}

func (f *filling) writeLists() error {
	err := f.write("user_groups", "organization_id user_id group_id rank", func(yield func([]any) bool) {
		for p := range f.people() {
			if !yield([]any{p.home.organization, int64(p.id), p.group, int64(0)}) {
				return
			}
			if p.o >= 0 && p.n > 5 && mixed("group", p.id)%100 < 4 {
				own := f.groupOf(p.o) + int64(mixed("which group", p.id)%uint64(groupsOf(p.o)))
				if !yield([]any{p.home.organization, int64(p.id), own, int64(1)}) {
					return
				}
			}
		}
	})
	if err != nil {
		return err
	}
	return f.write("user_environments",
		"organization_id user_id blocked environment_id environment_organization_id environment_path",
		func(yield func([]any) bool) {
			for p := range f.people() {
				for _, e := range p.allowed {
					if !yield([]any{p.home.organization, int64(p.id), false, e.id, e.organization, e.path}) {
						return
					}
				}
				for _, e := range p.blocked {
					if !yield([]any{p.home.organization, int64(p.id), true, e.id, e.organization, e.path}) {
						return
					}
				}
			}
		})
}

// writeObjects writes a topic for every twenty people, which lie and belong where these do.
func (f *filling) writeObjects() error {
	f.objects = make([]int64, len(f.places))
	next := int64(1)
	each := func(row func(p *someone, id int64) []any) iter.Seq[[]any] {
		return func(yield func([]any) bool) {
			next = 1
			for p := range f.people() {
				if p.o >= 0 && p.n%20 == 1 {
					if !yield(row(p, next)) {
						return
					}
					next++
				}
			}
		}
	}
	name := func(id int64) string { return fmt.Sprintf("/%s/%d", plain(pick(departments, "topic", int(id))), id) }
	err := f.write("objects", `organization_id id uuid kind environment_id environment_path owner_organization_id owner_id
		parent_id name full_name full_name_key attributes visibility created_at changed_at`,
		each(func(p *someone, id int64) []any {
			f.objects[p.o]++
			full := name(id)
			return []any{p.home.organization, id, uuidOf(4, id), string(domain.KindTopic), p.home.id, p.home.path,
				p.home.organization, int64(p.id), int64(0), fmt.Sprint(id), full, domain.Fold(full), "{}", int64(domain.Shared),
				int64(now), int64(now)}
		}))
	if err != nil {
		return err
	}
	err = f.write("object_names", "organization_id kind name object_id", each(func(p *someone, id int64) []any {
		return []any{p.home.organization, string(domain.KindTopic), domain.Fold(name(id)), id}
	}))
	if err != nil {
		return err
	}
	return f.write("object_owners", "organization_id object_id rank owner_organization_id owner_id began_at ended_at",
		each(func(p *someone, id int64) []any {
			return []any{p.home.organization, id, int64(0), p.home.organization, int64(p.id), int64(now), int64(0)}
		}))
}

// writeAudit writes an entry for every fifth person: that they were created.
func (f *filling) writeAudit() error {
	return f.write("audit", `organization_id id at actor_organization_id actor_id actor_alias actor_key action target_kind
		target_id target_name target_key environment_id environment_path changes request_id client_request_id surface times
		last_at`, func(yield func([]any) bool) {
		for p := range f.people() {
			if p.id%5 != 0 {
				continue
			}
			at := now - int64(f.Users-p.id)*1000
			row := []any{p.home.organization, uuidOf(5, int64(p.id)), at, int64(1), int64(1), "admin", "ADMIN", "user:create",
				"user", int64(p.id), p.alias, domain.Fold(p.alias), p.home.id, p.home.path,
				`[{"field":"alias","after":"` + p.alias + `"}]`,
				fmt.Sprint(p.id), "", "rest", int64(1), int64(0)}
			if !yield(row) {
				return
			}
		}
	})
}

func (f *filling) writeCounts() error {
	err := f.write("environment_counts", "organization_id environment_id environment_path users",
		f.eachPlace(func(_, _ int, p *place) []any { return []any{p.organization, p.id, p.path, p.users} }))
	if err != nil {
		return err
	}
	var users, environments int64 = 0, 1
	err = f.write("organization_counts", "organization_id users environments groups objects",
		f.eachPlace(func(o, n int, p *place) []any {
			environments++
			if n > 0 {
				return nil
			}
			users += int64(f.homes[o])
			return []any{p.id, int64(f.homes[o]), int64(len(f.places[o]) - 1), int64(groupsOf(o)), f.objects[o]}
		}))
	if err != nil {
		return err
	}
	objects := int64(1)
	for _, n := range f.objects {
		objects += n
	}
	return f.run(
		"UPDATE environment_counts SET users = users + 1 WHERE environment_id = 1",
		fmt.Sprintf("UPDATE organization_counts SET users = users + 1, environments = environments + %d "+
			"WHERE organization_id = 1", len(f.places)),
		fmt.Sprintf("UPDATE id_blocks SET next = %d WHERE name IN ('user', 'person')", users+3),
		fmt.Sprintf("UPDATE id_blocks SET next = %d WHERE name = 'environment'", environments+1),
		fmt.Sprintf("UPDATE id_blocks SET next = %d WHERE name = 'group'", f.groups),
		fmt.Sprintf("UPDATE id_blocks SET next = %d WHERE name = 'object'", objects))
}
