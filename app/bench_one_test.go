package app_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/persistence/skewed"
)

func BenchmarkUpdate(b *testing.B) {
	for _, engine := range databases {
		b.Run(engine.name, func(b *testing.B) {
			db, _ := engine.open(b)
			_, address := serveFor(b, db, nil)
			size := skewed.Directory{Organizations: 100, Environments: 1_000, Users: 20_000, Blocks: 10}
			require.NoError(b, size.Fill(context.Background(), db))
			token := signIn(b, address, "big.admin", testPassword)
			var n atomic.Int64
			change := func(body string) func() *fasthttp.Request {
				return func() *fasthttp.Request {
					req := get(address+"/rest/users/big.middle", token)()
					req.Header.SetMethod("POST")
					req.Header.SetContentType("application/json")
					req.SetBodyString(fmt.Sprintf(body, n.Add(1)))
					return req
				}
			}
			for _, clients := range []int{8} {
				b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
					raceOf(b, clients, []*contender{{name: "get", request: get(address+"/rest/users/big.middle", token)},
						{name: "phone", request: change(`{"person":{"phone":"+49 %d"}}`)},
						{name: "service", request: change(`{"person":{"service":"Service %d"}}`)}})
				})
			}
		})
	}
}
