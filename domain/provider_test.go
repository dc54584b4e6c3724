package domain

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func claimsOf(t *testing.T, text string) Claims {
	t.Helper()
	var object map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &object))
	return ClaimsOf(object)
}

func TestClaims(t *testing.T) {
	c := claimsOf(t, `{"sub":"1","groups":["a","b"],"realm_access":{"roles":["x"]},"level":12.5,"vip":true,"none":null,
		"email":"ada@example.org","email_verified":true,"given_name":"Ada","family_name":"Lovelace",
		"people":[{"name":"p"},{"name":"q"}]}`)
	require.Equal(t, Claims{"sub": {"1"}, "groups": {"a", "b"}, "realm_access.roles": {"x"}, "level": {"12.5"},
		"vip": {"true"}, "email": {"ada@example.org"}, "email_verified": {"true"}, "given_name": {"Ada"},
		"family_name": {"Lovelace"}, "people.name": {"p", "q"}}, c)
	require.Equal(t, Person{FirstName: "Ada", LastName: "Lovelace"}, c.Person())
	require.Equal(t, "ada@example.org", c.Address())
	require.Equal(t, Person{FirstName: "Ada", LastName: "King Lovelace"},
		Claims{"name": {"Ada King Lovelace"}}.Person())
	require.Equal(t, "?", Claims{}.Person().FirstName)
	many := make([]any, 2*maxClaims)
	for i := range many {
		many[i] = "x"
	}
	require.Len(t, ClaimsOf(map[string]any{"a": many})["a"], maxClaims)
}

// An address counts only where the provider says that it has proved it.
func TestClaimedAddressIsProved(t *testing.T) {
	for _, unproved := range []string{`{"email":"a@example.org"}`, `{"email":"a@example.org","email_verified":false}`,
		`{"email":"a@example.org","email_verified":["false","true"]}`, `{"email":"a","email_verified":true}`,
		`{"email":"a@example.org","email_verified":["true","false"]}`, `{"email":"a@example.org","email_verified":"True"}`,
		`{"email":"a@example.org","email_verified":"1"}`, `{"email":"a@example.org","email_verified":null}`,
		`{"email":["a@example.org","b@example.org"],"email_verified":true}`,
		`{"email":"a@example.org","email_verified":1}`} {
		require.Empty(t, claimsOf(t, unproved).Address(), unproved)
	}
	require.Equal(t, "a@example.org", claimsOf(t, `{"email":"a@example.org","email_verified":"true"}`).Address(),
		"as some providers write it")
}

func TestStrongClaims(t *testing.T) {
	for text, want := range map[string]bool{`{}`: false, `{"amr":["pwd"]}`: false, `{"amr":["pwd","mfa"]}`: true,
		`{"acr":"phr"}`: true, `{"acr":"1"}`: false, `{"acr":"https://refeds.org/profile/mfa"}`: true} {
		require.Equal(t, want, claimsOf(t, text).Strong(), text)
	}
}

// Who somebody is follows from the issuer and the subject alone, and the two ways to say it are never one another's.
func TestIdentity(t *testing.T) {
	p := Provider{ProviderKey: ProviderKey{Organization: 7}, Issuer: "https://a.example", Subject: SubjectSub}
	id, err := p.Identity(claimsOf(t, `{"sub":"t/o","email":"b@example.org","tid":"t","oid":"o"}`))
	require.NoError(t, err)
	require.Equal(t, Identity{7, "https://a.example", "t/o"}, id)
	p.Subject = SubjectOID
	other, err := p.Identity(claimsOf(t, `{"sub":"x","tid":"t","oid":"o"}`))
	require.NoError(t, err)
	require.Equal(t, "t/o", other.Subject)
	require.NotEqual(t, id, other)
	for _, lacking := range []string{`{"sub":"x","oid":"o"}`, `{"sub":"x","tid":"t"}`, `{}`} {
		_, err = p.Identity(claimsOf(t, lacking))
		require.ErrorIs(t, err, ErrProviderAnswer, lacking)
	}
	p.Subject = SubjectSub
	for _, lacking := range []Claims{{}, {"sub": {""}}, {"sub": {strings.Repeat("x", 256)}}} {
		_, err = p.Identity(lacking)
		require.ErrorIs(t, err, ErrProviderAnswer)
	}
}

// The first rule that fits decides, and without one nobody is more than a user.
func TestPlacement(t *testing.T) {
	berlin, admins := Placement{5, UserGroup, RoleUser}, Placement{6, AdminGroup, RolePower}
	p := Provider{ProviderKey: ProviderKey{Organization: 7}, Newcomers: PlacedNewcomers, Rules: []PlacementRule{
		{"department", "Berlin", berlin}, {"groups", "admins", admins}}}
	place := func(text string) (Placement, int) {
		where, rule, err := p.Place(claimsOf(t, text))
		if err != nil {
			require.ErrorIs(t, err, ErrNoNewcomer)
			return Placement{}, -1
		}
		return where, rule
	}
	for text, want := range map[string]int{`{"department":"Berlin","groups":["admins"]}`: 1,
		`{"groups":["others","admins"]}`: 2, `{"department":"berlin"}`: -1, `{"groups":"admin"}`: -1} {
		where, rule := place(text)
		require.Equal(t, want, rule, text)
		if rule > 0 {
			require.Equal(t, p.Rules[rule-1].Placement, where)
		}
	}
	p.Newcomers = AllNewcomers
	where, rule := place(`{}`)
	require.Zero(t, rule)
	require.Equal(t, Placement{7, UserGroup, RoleUser}, where)
	p.Newcomers = NoNewcomers
	_, rule = place(`{"department":"Berlin"}`)
	require.Equal(t, -1, rule)
	p.Newcomers, p.Rules = PlacedNewcomers, append(p.Rules, PlacementRule{Placement: berlin})
	_, rule = place(`{}`)
	require.Equal(t, 3, rule, "an empty claim is everybody's")
}

func TestProviderKey(t *testing.T) {
	k := ProviderKey{7, "01a22b9e-2cda-7df9-b496-fa0585f709af"}
	read, ok := ParseProviderKey(k.String())
	require.True(t, ok)
	require.Equal(t, k, read)
	for _, wrong := range []string{"", "7", "7-", "-01a22b9e-2cda-7df9-b496-fa0585f709af",
		"07-01a22b9e-2cda-7df9-b496-fa0585f709af", "7-01A22B9E-2cda-7df9-b496-fa0585f709af"} {
		_, ok := ParseProviderKey(wrong)
		require.False(t, ok, wrong)
	}
}

func TestProviderRules(t *testing.T) {
	right := Provider{Name: "Acme", Issuer: "https://a.example/x", ClientID: "c", Subject: SubjectSub,
		Domains: []string{"acme.example"}, Scopes: []string{"email"},
		Rules: []PlacementRule{{"a", "b", Placement{1, 2, RoleOAdmin}}}}
	require.NoError(t, right.Validate())
	for field, wrong := range map[string][]func(*Provider){
		"name": {func(p *Provider) { p.Name = "" }},
		"issuer": {func(p *Provider) { p.Issuer = "a.example" }, func(p *Provider) { p.Issuer = "https://a.example?x" },
			func(p *Provider) { p.Issuer = "https://u:p@a.example" }, func(p *Provider) { p.Issuer = "file:///etc" }},
		"client_id": {func(p *Provider) { p.ClientID = "" }},
		"subject":   {func(p *Provider) { p.Subject = "email" }},
		"scopes":    {func(p *Provider) { p.Scopes = []string{"a b"} }},
		"domains": {func(p *Provider) { p.Domains = []string{"localhost"} },
			func(p *Provider) { p.Domains = []string{"Acme.example"} }, func(p *Provider) { p.Domains = []string{"a@b.example"} }},
		"newcomers": {func(p *Provider) { p.Newcomers = 3 }},
		"rules": {func(p *Provider) { p.Rules[0].Role = RoleSuperUser }, func(p *Provider) { p.Rules[0].Role = 0 },
			func(p *Provider) { p.Rules[0].Environment = 0 }, func(p *Provider) { p.Rules[0].Group = 0 },
			func(p *Provider) { p.Rules[0].Claim = "" }, func(p *Provider) { p.Rules = make([]PlacementRule, maxRules+1) }},
	} {
		for i, change := range wrong {
			p := right
			p.Rules = append([]PlacementRule(nil), right.Rules...)
			change(&p)
			err := p.Validate()
			require.Error(t, err, "%s %d", field, i)
			require.Equal(t, field, AsError(err).Field)
		}
	}
}
