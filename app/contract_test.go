package app_test

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"canopy/app"
)

// TestContract runs every contract file of every surface of the server, each against a
// fresh directory, on both engines unless it ends before them. What goes to and fro must also be what the surface's
// description says.
func TestContract(t *testing.T) {
	for _, offered := range surfaces(t) {
		described := describe(t, offered)
		for _, told := range stories(t, offered.Name) {
			for _, engine := range told.engines() {
				t.Run(strings.Join([]string{offered.Name, filepath.Base(told.name), engine}, "/"), func(t *testing.T) {
					t.Parallel()
					perform(t, told, engine, described)
				})
			}
		}
	}
}

// engines returns the databases that a story is told to. What is refused for its shape or its
// credentials does not get as far as what the databases do in different ways.
func (s *story) engines() []string {
	refused := []string{"400", "401", "405", "413", "415"}
	for i := range s.steps {
		if status, _, _ := strings.Cut(s.steps[i].status, " "); !slices.Contains(refused, status) {
			return engines()
		}
	}
	return engines()[:1]
}

// stories returns the contract files of a surface. A surface without any fails.
func stories(t *testing.T, surface string) []story {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("surface", surface, "testdata", "contract", "*.http"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatalf("the surface %s has no contract files", surface)
	}
	var all []story
	for _, name := range names {
		told, err := readStory(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, told)
	}
	return all
}

// perform sends the requests of a story. After a response that differs the rest is not
// sent: it would differ for that reason.
func perform(t *testing.T, told story, engine string, described *description) {
	c := newClock(storyBegins)
	server := serveFixture(t, engine, described.name, c)
	play(t, told, server, c, described, func(caller *client, s *step, request []byte) (*reply, error) {
		return caller.send(request, s.method)
	})
}

// play performs a story on a server; send sends the request of a step.
func play(t *testing.T, told story, server *running, c *clock, described *description,
	send func(*client, *step, []byte) (*reply, error)) {
	t.Helper()
	caller := &client{address: server.host()}
	defer caller.close()
	known := captures{}
	if slices.ContainsFunc(told.steps, func(s step) bool { return strings.Contains(s.body, "{{issuer}}") }) {
		known["issuer"] = newRogue(t).URL
	}
	for _, s := range told.steps {
		if !s.clock.IsZero() {
			c.set(s.clock)
		}
		if s.jobs || s.link != "" {
			if err := server.directory.RunJobs(t.Context()); err != nil {
				t.Fatalf("%s: %s\n%v", s.place, s.title, err)
			}
		}
		if s.link != "" {
			known[s.link] = server.mailedSecret(t, s.linkTo)
		}
		known[clockName] = strconv.FormatInt(c.now().UnixMilli(), 10)
		request, err := s.compose(caller.address, known)
		if err != nil {
			t.Fatalf("%s: %s\n%v", s.place, s.title, err)
		}
		got, err := send(caller, &s, request)
		if err != nil {
			t.Fatalf("%s: %s\n%v", s.place, s.title, err)
		}
		if problems := s.differences(got, known); len(problems) > 0 {
			t.Fatalf("%s: %s\n%s", s.place, s.title, strings.Join(problems, "\n"))
		}
		of := described
		if s.at != "" {
			all := server.Surfaces()
			of = describe(t, all[slices.IndexFunc(all, func(o app.Offered) bool { return o.Name == s.at })])
		}
		if err := of.check(request, got); err != nil {
			t.Errorf("%s: %s\nthe description says otherwise: %v", s.place, s.title, err)
		}
	}
}
