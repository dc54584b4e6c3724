package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMistakesOfFactorsAreAtTheirFields holds that a page with several forms says in which one something is wrong.
func TestMistakesOfFactorsAreAtTheirFields(t *testing.T) {
	r, c := onFactors(t)
	g := r.visitAs(t, "grace.hopper")
	g.addCode(t, c, "phone")
	for _, f := range []struct{ action, field string }{{"my-code-offer", "password"}, {"my-recovery-codes", "password"},
		{"my-factor-remove", "password"}, {"my-factor-name", "name"}} {
		wrong := g.press(t, g.get(t, "my-factors"), f.action, map[string]string{f.field: ""})
		require.Contains(t, wrong.text, `<a href="#`+f.field+`">`, f.action)
		var at []string
		for _, form := range elements(t, wrong, "form") {
			for n := range form.Descendants() {
				if attr(n, "id") == f.field && attr(n, "aria-describedby") == f.field+"-wrong" {
					at = append(at, attr(form, "action"))
				}
			}
		}
		require.Equal(t, []string{f.action}, at)
	}
}
