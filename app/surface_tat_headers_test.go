package app

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
)

// TestPreflightsForTat holds that only a page that asks for one of Tat's headers asks Tat.
func TestPreflightsForTat(t *testing.T) {
	for wanted, is := range map[string]bool{"tat_username": true, "Content-Type, Tat-Password": true,
		"content-type,TAT_from": true,
		"":                      false, "X-Status": false, "x-tat_y": false, "status_x": false,
		"Authorization, X-State": false} {
		var r fasthttp.Request
		r.Header.SetMethod(fasthttp.MethodOptions)
		r.Header.Set("Access-Control-Request-Headers", wanted)
		require.Equal(t, is, carriesTat(&r), wanted)
	}
}
