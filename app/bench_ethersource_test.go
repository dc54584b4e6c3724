package app_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"

	"canopy/app"
	"canopy/app/objects"
	"canopy/domain"
	"canopy/persistence"
	"canopy/tenancy"
)

// bookmarked makes n observers of the admin with a bookmark each, and returns the admin and the
// observers.
func bookmarked(b *testing.B, d *app.Directory, n int) (domain.Principal, []domain.ObjectRef) {
	b.Helper()
	ctx := context.Background()
	a, err := persistence.NewAccountStore(d.DB).ByLogin(ctx, "admin")
	require.NoError(b, err)
	refs := make([]domain.ObjectRef, n)
	for i := range refs {
		o, err := d.Objects.Create(ctx, a.Principal,
			objects.NewObject{Kind: domain.KindObserver, Name: fmt.Sprintf("Observer %d", i)})
		require.NoError(b, err)
		refs[i] = domain.NumberedObject(o.ID)
		require.NoError(b, d.Objects.AddBookmark(ctx, a.Principal, refs[i]))
	}
	return a.Principal, refs
}

// BenchmarkBookmarks measures GET /users/bookmarks with 50 bookmarks by API key, at the root, where
// the credentials say which surface it is, and at the surface's own place, as a share of a bare
// handler that runs the same statements with nothing around them and sends a body of the same size.
func BenchmarkBookmarks(b *testing.B) {
	for _, engine := range databases {
		b.Run(engine.name, func(b *testing.B) {
			db, _ := engine.open(b)
			d, address := serveFor(b, db, nil)
			who, _ := bookmarked(b, d, 50)
			held, err := d.APIKeys.First(context.Background(), who, domain.UserRef{})
			require.NoError(b, err)
			sc, err := d.Gate.EnterObjects(context.Background(), &who, tenancy.Anywhere())
			require.NoError(b, err)
			at := func(place string) func() *fasthttp.Request {
				return func() *fasthttp.Request {
					req := fasthttp.AcquireRequest()
					req.SetRequestURI(address + place + "/users/bookmarks")
					req.Header.Set("apiKey", string(held.Text))
					return req
				}
			}
			root := at("")
			text := []byte(strings.Repeat("x", len(answer(b, root()))))
			store := persistence.NewObjectStore(db)
			bare := fiber.New(fiber.Config{DisableStartupMessage: true})
			bare.Get("/", func(c *fiber.Ctx) error {
				if _, _, err := store.Bookmarks(c.UserContext(), sc, []domain.ObjectKind{domain.KindObserver, domain.KindSector},
					domain.Page{}); err != nil {
					return err
				}
				return c.Send(text)
			})
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(b, err)
			go bare.Listener(listener) //nolint:errcheck // ends with the benchmark
			b.Cleanup(func() { _ = bare.Shutdown() })
			race(b, []*contender{{name: "bare", request: get("http://"+listener.Addr().String()+"/", "")},
				{name: "root", request: root}, {name: "place", request: at("/ethersource/rest/v2")}})
		})
	}
}

// BenchmarkUsage measures how many uses a second are counted and written down, and how many rows
// are written for each.
func BenchmarkUsage(b *testing.B) {
	const clients, each, observers = 4, 1000, 50
	for _, engine := range databases {
		b.Run(engine.name, func(b *testing.B) {
			db, _ := engine.open(b)
			d, _ := serveFor(b, db, nil)
			who, refs := bookmarked(b, d, observers)
			began, counted, written := time.Now(), 0, 0
			for b.Loop() {
				var wg sync.WaitGroup
				for range clients {
					wg.Go(func() {
						for i := range each {
							if _, err := d.Objects.RecordUsage(context.Background(), who,
								objects.RecordUsage{Object: refs[i%len(refs)], Count: 1}); err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
				require.NoError(b, d.FlushUsage(context.Background()))
				counted, written = counted+clients*each, written+observers
			}
			b.ReportMetric(float64(counted)/time.Since(began).Seconds(), "uses/s")
			b.ReportMetric(float64(written)/float64(counted), "rows/use")
		})
	}
}
