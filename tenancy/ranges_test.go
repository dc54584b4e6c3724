package tenancy

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"canopy/domain"
)

// places are all paths of a small tree, three levels of three and two digits.
var places = func() []domain.EnvironmentPath {
	paths := []domain.EnvironmentPath{domain.RootPath}
	for _, up := range []int{1, 2, 10} {
		p := domain.RootPath.Child(domain.EnvironmentID(up))
		paths = append(paths, p)
		for _, id := range []int{3, 30, 31, 4} {
			q := p.Child(domain.EnvironmentID(id))
			paths = append(paths, q, q.Child(5), q.Child(50), q.Child(9))
		}
	}
	return paths
}()

// set is a set of places, the slow and certain way.
type set map[domain.EnvironmentPath]bool

// stretchOf draws a stretch: a subtree or one environment.
func stretchOf(t *rapid.T) (Range, set) {
	p := rapid.SampledFrom(places).Draw(t, "place")
	if rapid.Bool().Draw(t, "alone") {
		return alone(p), set{p: true}
	}
	below := set{}
	for _, q := range places {
		if strings.HasPrefix(string(q), string(p)) {
			below[q] = true
		}
	}
	return subtree(p), below
}

func rangesOf(t *rapid.T, name string) (ranges, set) {
	var stretches []Range
	all := set{}
	for range rapid.IntRange(0, 6).Draw(t, name) {
		r, s := stretchOf(t)
		stretches = append(stretches, r)
		for p := range s {
			all[p] = true
		}
	}
	return union(stretches...), all
}

func same(t *rapid.T, r ranges, want set, what string) {
	for _, p := range places {
		if r.contains(p) != want[p] {
			t.Fatalf("%s: %s is in it: %v, want %v; %v", what, p, r.contains(p), want[p], r)
		}
	}
	for i := range r {
		if r[i].From >= r[i].Until || i > 0 && r[i].From <= r[i-1].Until {
			t.Fatalf("%s: the stretches are not in order: %v", what, r)
		}
	}
}

func TestRangesAreSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, inA := rangesOf(t, "a")
		b, inB := rangesOf(t, "b")
		same(t, a, inA, "union")

		minus := set{}
		for p := range inA {
			minus[p] = !inB[p]
		}
		same(t, a.minus(b), minus, "minus")

		r, inR := stretchOf(t)
		within := set{}
		for p := range inA {
			within[p] = inR[p]
		}
		same(t, a.within(r), within, "within")

		covers := true
		for p := range inB {
			covers = covers && inA[p]
		}
		// A set can cover all places there are of another one and still not all that may come.
		if a.covers(b) && !covers {
			t.Fatalf("%v covers %v", a, b)
		}
		if !a.covers(a) || !union(append(append([]Range{}, a...), b...)...).covers(b) {
			t.Fatalf("%v does not cover itself", a)
		}
	})
}

// oracle walks up from p and says whether a subject reaches it.
func oracle(s *domain.Subject, inactive []domain.EnvironmentPath, p domain.EnvironmentPath) bool {
	included := false
	for q := p; ; q = q.Parent() {
		for _, b := range s.Blocked {
			if q == b {
				return false
			}
		}
		for _, b := range inactive {
			if q == b && s.Role != domain.RoleSuperUser {
				return false
			}
		}
		for _, a := range s.Allowed {
			included = included || q == a
		}
		switch s.Role {
		case domain.RoleUser:
			included = included || p == s.Home
		case domain.RolePower:
			included = included || q == s.Home
		case domain.RoleOAdmin:
			included = included || q == s.OrganizationPath()
		case domain.RoleSuperUser:
			included = true
		}
		if q == domain.RootPath {
			return included
		}
	}
}

func TestReachIsWhatWalkingUpSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := func(name string) []domain.EnvironmentPath {
			return rapid.SliceOfN(rapid.SampledFrom(places), 0, 4).Draw(t, name)
		}
		home := rapid.SampledFrom(places).Draw(t, "home")
		s := domain.Subject{Home: home, Role: rapid.SampledFrom(domain.Roles).Draw(t, "role"), Allowed: some("allowed"),
			Blocked: some("blocked")}
		up := rapid.SampledFrom(ancestors(home)).Draw(t, "organization")
		s.Organization = domain.OrganizationID(up.ID())
		inactive := some("inactive")
		r := newReach(&s, inactive)
		for _, p := range places {
			want := oracle(&s, inactive, p)
			if r.Contains(p) != want || r.set.contains(p) != want {
				t.Fatalf("%s: by causes %v, by ranges %v, walking up %v", p, r.Contains(p), r.set.contains(p), want)
			}
			included, excluded := r.Why(p)
			if (included.Kind != domain.CauseNone && excluded.Kind == domain.CauseNone) != want {
				t.Fatalf("%s: the reason %v %v is not the decision", p, included, excluded)
			}
			for _, m := range []domain.Cause{included, excluded} {
				if m.Kind != domain.CauseNone && !m.Path.Contains(p) {
					t.Fatalf("%s: the reason %v does not contain it", p, m)
				}
			}
		}
	})
}

func ancestors(p domain.EnvironmentPath) []domain.EnvironmentPath {
	all := []domain.EnvironmentPath{p}
	for p != domain.RootPath {
		p = p.Parent()
		all = append(all, p)
	}
	return all
}

func TestReachOfNobodyIsNowhere(t *testing.T) {
	var r Reach
	require.False(t, r.Contains(domain.RootPath))
	r = NominalReach(&domain.Subject{Home: "/1/2/", Allowed: []domain.EnvironmentPath{"/1/"}})
	require.False(t, r.Contains("/1/2/"), "without a role nothing is reached")
	require.False(t, Scope{}.Covers(domain.RootPath))
	require.False(t, Scope{}.Shows(domain.RootPath))
	require.False(t, WriteScope{}.Covers(domain.RootPath))
}

// siblings checks that a number which begins like another one is not below it.
func TestSiblingsThatShareDigits(t *testing.T) {
	r := NominalReach(&domain.Subject{Role: domain.RolePower, Home: "/1/3/"})
	require.True(t, r.Contains("/1/3/5/"))
	require.False(t, r.Contains("/1/30/"))
	require.False(t, r.Contains("/1/31/5/"))
}

func BenchmarkReachContains(b *testing.B) {
	for _, blocked := range []int{0, 10, 1000} {
		s := domain.Subject{Role: domain.RoleOAdmin, Home: "/1/2/", Organization: 2}
		for i := range blocked {
			s.Blocked = append(s.Blocked, domain.EnvironmentPath("/1/2/").Child(domain.EnvironmentID(100+2*i)))
		}
		r := NominalReach(&s)
		b.Run("blocked="+strconv.Itoa(blocked), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Contains("/1/2/1001/7/")
			}
		})
	}
}
