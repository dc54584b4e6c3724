package app_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// whyOf returns the address of a question.
func whyOf(user, permission, place string) string {
	return "why?" + url.Values{"user": {user}, "permission": {permission}, "environment": {place}}.Encode()
}

// TestWhyAndWhatWouldChangeIt asks as a branch admin, without script, and makes what the page offers: each turns the
// answer round, after a preview.
func TestWhyAndWhatWouldChangeIt(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine string) {
		r := openConsole(t, engine, nil)
		grace := r.visitAs(t, "grace.hopper")
		question := whyOf("ada.lovelace", "user:update", "/Acme/Prod")
		yes := grace.get(t, question)
		require.Contains(t, yes.text, "Yes. Ada Lovelace may change people in Acme/Prod.")
		require.Contains(t, yes.text, "They are at home in <a href=\"place?id=")
		require.Contains(t, yes.text, `Operators</a> gives it.`)
		for _, c := range []struct{ edit, back, reason string }{
			{"role", "role", "The role User does not permit it."},
			{"take", "give", `Operators</a> does not give it.`},
			{"block", "unblock", "They are blocked from <a"},
			{"deactivate", "activate", "The account is switched off."},
		} {
			no := grace.carryOut(t, grace.get(t, question), c.edit)
			require.Contains(t, no.text, "No. Ada Lovelace may not change people in Acme/Prod.", c.edit)
			require.Contains(t, no.text, c.reason, c.edit)
			require.Contains(t, grace.carryOut(t, no, c.back).text, "Yes. Ada Lovelace may", c.back)
		}
		closed := grace.carryOut(t, grace.get(t, question), "close")
		require.NotContains(t, closed.text, "Acme/Prod", "what is switched off is not hers to see")
		status, _ := basicCaller(r.Address(), "ada.lovelace", demoPassword).call(t, "GET", "/rest/users?limit=1", "")
		require.Equal(t, 403, status, "nobody who is at home there gets in")
	})
}

// carryOut makes an edit that the page of an answer offers.
func (g *guest) carryOut(t *testing.T, on page, kind string) page {
	t.Helper()
	form := formWith(t, on, "why-change", "kind", kind)
	preview := g.submit(t, "why-change", form)
	require.Equal(t, 200, preview.status, preview.text)
	require.Contains(t, preview.text, "Nothing has been changed yet.", kind)
	done := g.submit(t, "why-change", formOf(t, preview, "why-change"))
	require.Contains(t, done.text, "Saved.", kind)
	return done
}

// TestWhySaysWhatJSONSays compares the page with the explanation that its command asks for.
func TestWhySaysWhatJSONSays(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	grace := r.visitAs(t, "grace.hopper")
	for _, question := range []string{whyOf("alan.turing", "user:update", "/Acme"),
		whyOf("ada.lovelace", "user:update", "/Acme/Prod"), whyOf("alan.turing", "password:change", ""),
		whyOf("grace.hopper", "organization:write", "/Acme"), whyOf("", "audit:read", "/Acme/Prod")} {
		got := grace.get(t, question)
		require.Equal(t, 200, got.status, got.text)
		command := textOf(elements(t, got, "code")[0])
		_, address, found := strings.Cut(command, publicURL)
		require.True(t, found, command)
		status, answer := basicCaller(r.Address(), "grace.hopper", demoPassword).
			call(t, "GET", strings.TrimSuffix(address, "'"), "")
		require.Equal(t, 200, status, answer)
		var said struct {
			Data struct {
				Allowed bool
				Reasons []struct{ Holds bool }
				Changes []struct {
					Edits []struct{ Mine bool }
				}
			} `json:"data"`
		}
		answer.into(t, &said)
		verdict := "No. "
		if said.Data.Allowed {
			verdict = "Yes. "
		}
		require.Contains(t, got.text, `>`+verdict, question)
		holds, mine := 0, 0
		for _, reason := range said.Data.Reasons {
			if reason.Holds {
				holds++
			}
		}
		for _, change := range said.Data.Changes {
			for _, edit := range change.Edits {
				if edit.Mine {
					mine++
				}
			}
		}
		require.Len(t, said.Data.Reasons, 4)
		require.Equal(t, holds, strings.Count(got.text, ">Yes<"), question)
		require.Equal(t, 4-holds, strings.Count(got.text, ">No<"), question)
		require.Equal(t, mine, strings.Count(got.text, `action="why-change"`), question)
	}
}

// TestWhyIsForOnesOwnBranch holds that nothing is said of others, and that only what the reader may do is offered and
// done.
func TestWhyIsForOnesOwnBranch(t *testing.T) {
	r := openConsole(t, "sqlite", nil)
	grace, ada := r.visitAs(t, "grace.hopper"), r.visitAs(t, "ada.lovelace")
	stranger, nobody := grace.get(t, whyOf("claude.shannon", "user:read", "")), grace.get(t, whyOf("nobody.here", "user:read", ""))
	require.Equal(t, 404, stranger.status)
	require.Equal(t, lasting(nobody.text), lasting(strings.ReplaceAll(stranger.text, "claude.shannon", "nobody.here")))
	require.Contains(t, stranger.text, `value="claude.shannon"`, "what was typed stays")
	require.Equal(t, 404, grace.get(t, whyOf("alan.turing", "user:read", "/Globex")).status)
	require.Equal(t, 400, grace.get(t, whyOf("alan.turing", "sleep", "")).status)

	require.Equal(t, 404, ada.get(t, whyOf("grace.hopper", "user:update", "Prod")).status, "she is at home above Ada")
	mine := ada.get(t, whyOf("", "audit:read", "Prod"))
	require.Contains(t, mine.text, "No. Ada Lovelace may not read the history in Prod.")
	require.Contains(t, mine.text, "nobody whom you see may")
	require.NotContains(t, mine.text, `action="why-change"`, "nobody makes more of themselves")
	form := formWith(t, grace.get(t, whyOf("ada.lovelace", "audit:read", "/Acme/Prod")), "why-change", "kind", "role")
	form.Set("csrf", formOf(t, ada.get(t, "me"), "me").Get("csrf"))
	refused := ada.send(t, "POST", "why-change", form)
	require.Equal(t, 403, refused.status, refused.text)

	form = formWith(t, grace.get(t, whyOf("alan.turing", "user:update", "/Acme")), "why-change", "kind", "role")
	form.Set("role", "superUser")
	back := grace.send(t, "POST", "why-change", form)
	require.Equal(t, 303, back.status, "it is no change that would turn the answer round and be hers")
}
