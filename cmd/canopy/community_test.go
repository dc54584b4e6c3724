package main_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// community is a table of people in the shape of an open source community: a few organizations
// with groups of teams in them, most people somewhere deep and with further places to work in.
func community(organizations, teams, people int) (table string, environments int) {
	var b strings.Builder
	b.WriteString("alias,firstname,lastname,mailaddress,environment,role,group,envs,envsbloque\n")
	seen := make(map[string]bool)
	name := func(o, team int) string {
		path := fmt.Sprintf("org-%d", o)
		if team > 0 {
			path += fmt.Sprintf("/sig-%d/team %d", team%3, team)
		}
		for at, c := range path + "/" {
			if c == '/' {
				seen[path[:at]] = true
			}
		}
		return path
	}
	for o := range organizations {
		for p := range people {
			alias := fmt.Sprintf("Member-%d-%d", o, p)
			role, home := "user", name(o, p%(teams+1))
			if p == 0 {
				role, home = "oadmin", name(o, 0)
			}
			envs := name(o, (p+1)%(teams+1)) + ";" + name((o+1)%organizations, (p+2)%(teams+1))
			fmt.Fprintf(&b, "%s,%s,,%s@example.org,%s,%s,User,%s,\n", alias, alias, strings.ToLower(alias), home, role, envs)
		}
	}
	return b.String(), len(seen)
}

func TestImportOfACommunity(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		const organizations, people = 7, 60
		table, environments := community(organizations, 12, people)
		file := write(t, "community.csv", table)

		require.Contains(t, importFile(at, file, "--dry-run", "--create-environments").succeeds(t),
			fmt.Sprintf("environments: %d would be created", environments))
		run := importFile(at, file).run(t)
		require.Equal(t, 1, run.code())
		require.Contains(t, run.err.String(), `line 2: environment: There is no environment "org-0".`)

		report := importFile(at, file, "--create-environments").succeeds(t)
		require.Equal(t, fmt.Sprintf("%d organizations imported\nenvironments: %d created, 0 changed, 0 unchanged\n"+
			"groups:       0 created, 0 changed, 0 unchanged\nusers:        %d created, 0 changed, 0 unchanged\n",
			organizations, environments, organizations*people), report)
		require.NotRegexp(t, `[1-9]\d* (created|changed)`, importFile(at, file, "--create-environments").succeeds(t))

		// Imported beside a running server it is there at once.
		s := serve(t, at)
		var all []struct {
			Path         string
			Organization bool
		}
		s.admin().get(t, "/rest/environments").ok(t).into(t, &all)
		require.Len(t, all, environments+1)
		tenants := 0
		for _, e := range all {
			require.Equal(t, e.Path == "/" || !strings.Contains(e.Path, "/"), e.Organization, e.Path)
			if e.Organization {
				tenants++
			}
		}
		require.Equal(t, organizations+1, tenants)
		more, _ := community(organizations+1, 12, people+5)
		importFile(at, write(t, "more.csv", more), "--create-environments").succeeds(t)
		users := s.admin().get(t, "/rest/users?total=true").ok(t)
		require.Equal(t, fmt.Sprint((organizations+1)*(people+5)+1), users.header.Get("X-Total-Count"))
		require.Len(t, users.list(t), (organizations+1)*(people+5)+1)
		canopy("user", "set-password", "member-3-0").in(at).with("CANOPY_PASSWORD", "long enough").succeeds(t)
		require.Len(t, s.as("Member-3-0", "long enough").get(t, "/rest/users?env=/org-3").list(t), people+5,
			"the admin of one organization")
	})
}

// A list of environments is imported with what is above each, and nobody in it.
func TestImportOfAListOfEnvironments(t *testing.T) {
	everywhere(t, func(t *testing.T, at place) {
		file := write(t, "environments.txt", "Acme/Prod/Europe\n\n  Acme/Prod/Asia  \r\nGlobex\n/Acme/Prod\n")
		require.Contains(t, importFile(at, file).succeeds(t), "environments: 5 created, 0 changed, 0 unchanged")
		require.Contains(t, importFile(at, file).succeeds(t), "environments: 0 created, 0 changed, 0 unchanged")
		all := export(t, at)
		for _, path := range []string{"Acme", "Acme/Prod", "Acme/Prod/Europe", "Acme/Prod/Asia", "Globex"} {
			require.Contains(t, all, fmt.Sprintf(`{"path":%q,`, path))
		}
		run := importFile(at, write(t, "bad.txt", "Good\nAcme/Prod/12\nGlobex/ Below\n")).run(t)
		require.Equal(t, 1, run.code())
		require.Contains(t, run.err.String(), "line 2: alias: Give an alias that is no number.\n"+
			"line 3: alias: Spaces at the beginning or end are not allowed.\n")
		require.Contains(t, run.out.String(), "1 organizations imported")
	})
}
