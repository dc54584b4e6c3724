package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"canopy/domain"
	"canopy/persistence"
	"canopy/persistence/db"
)

// Copies tests what the port of copy requests promises.
func Copies(t *testing.T, db *db.DB) {
	var now atomic.Int64
	now.Store(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC).UnixMilli())
	db.Now = func() time.Time { return time.UnixMilli(now.Load()) }
	w := NewWorld(t, db)
	ctx := t.Context()
	w.AddUser(t, "acme.other", "Acme/Prod/East", domain.RoleUser, domain.UserGroup)
	offer := func(o domain.Object, from, to string) (domain.CopyRequest, error) {
		return w.Objects.Offer(ctx, w.ObjectScope(t, from), o, w.KeyOf(to), db.Now().Add(time.Hour))
	}
	list := func(caller string) []domain.CopyRequestID {
		offers, next, err := w.Objects.CopyRequests(ctx, w.ObjectScope(t, caller).Read(), nil, domain.Page{})
		require.NoError(t, err)
		require.Empty(t, next)
		var ids []domain.CopyRequestID
		for _, c := range offers {
			ids = append(ids, c.ID)
		}
		return ids
	}
	copied := func(c *domain.CopyRequest) (domain.Object, error) {
		o := c.Object
		o.Owner, o.Access, o.Visibility = c.To, nil, domain.Private
		return o, nil
	}
	watch := w.Things["Acme/Watch"]

	t.Run("both sides see an offer, and nobody else", func(t *testing.T) {
		c, err := offer(watch, "acme.user", "acme.other")
		require.NoError(t, err)
		_, err = offer(watch, "acme.user", "acme.other")
		require.ErrorIs(t, err, domain.ErrCopyRequested)
		require.Equal(t, []domain.CopyRequestID{c.ID}, list("acme.other"))
		require.Equal(t, []domain.CopyRequestID{w.Offers["Acme"], c.ID}, list("acme.user"))
		require.Empty(t, list("acme.labs"))
		require.Empty(t, list("acme.admin"), "an admin was offered nothing")
		err = w.Objects.Decline(ctx, w.ObjectScope(t, "acme.admin"), c.ID)
		require.ErrorIs(t, err, domain.ErrCopyRequestNotFound)
		err = w.Objects.Decline(ctx, w.ObjectScope(t, "acme.user"), c.ID)
		require.NoError(t, err, "whoever made it takes it back")
		require.Empty(t, list("acme.other"))
	})

	t.Run("one offer makes one copy, however many accept at once", func(t *testing.T) {
		c, err := offer(watch, "acme.user", "acme.other")
		require.NoError(t, err)
		var wg sync.WaitGroup
		var made atomic.Int64
		scope := w.ObjectScope(t, "acme.other")
		for range 16 {
			wg.Go(func() {
				_, err := w.Objects.Accept(ctx, scope, c.ID, copied)
				if err == nil {
					made.Add(1)
				} else if !domain.ErrCopyRequestNotFound.Is(err) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, made.Load())
		n, err := w.Objects.Count(ctx, scope.Read(), domain.ObjectFilter{Owner: w.KeyOf("acme.other")})
		require.NoError(t, err)
		require.EqualValues(t, 1, n)
	})

	t.Run("an error of the copy leaves the offer", func(t *testing.T) {
		c, err := offer(watch, "acme.user", "acme.other")
		require.NoError(t, err)
		_, err = w.Objects.Accept(ctx, w.ObjectScope(t, "acme.other"), c.ID,
			func(*domain.CopyRequest) (domain.Object, error) {
				return domain.Object{}, domain.ErrForbidden
			})
		require.ErrorIs(t, err, domain.ErrForbidden)
		require.Equal(t, []domain.CopyRequestID{c.ID}, list("acme.other"))
	})

	t.Run("an offer that expired does not exist, and can be made again", func(t *testing.T) {
		old := list("acme.other")
		require.Len(t, old, 1)
		now.Add(time.Hour.Milliseconds())
		require.Empty(t, list("acme.other"))
		_, err := w.Objects.Accept(ctx, w.ObjectScope(t, "acme.other"), old[0], copied)
		require.ErrorIs(t, err, domain.ErrCopyRequestNotFound)
		_, err = offer(watch, "acme.user", "acme.other")
		require.NoError(t, err)
		now.Add(time.Hour.Milliseconds())
		require.NoError(t, w.Objects.SweepCopyRequests(ctx, Everything(domain.ObjectManage), db.Now()))
		require.Empty(t, strings1(t, w, "SELECT id FROM copy_requests"))
	})

	t.Run("an offer ends with what allowed it", func(t *testing.T) {
		_, err := offer(watch, "acme.admin", "acme.other")
		require.NoError(t, err)
		mine, err := offer(watch, "acme.user", "acme.power")
		require.NoError(t, err)
		require.NoError(t, w.Objects.Share(ctx, Everything(domain.ObjectManage), watch, false,
			domain.Access{User: w.KeyOf("acme.labs"), Level: domain.LevelRead}))
		require.Empty(t, list("acme.other"), "somebody else's offer")
		require.Equal(t, []domain.CopyRequestID{mine.ID}, list("acme.power"), "the owner's own")
		_, err = w.Objects.Update(ctx, Everything(domain.ObjectManage), watch, func(o *domain.Object) error {
			o.Owner = w.KeyOf("acme.other")
			return nil
		})
		require.NoError(t, err)
		require.Empty(t, list("acme.power"))
		_, err = offer(watch, "acme.other", "acme.user")
		require.NoError(t, err)
		require.NoError(t, w.Users.Delete(ctx, Everything(domain.UserDelete), w.KeyOf("acme.other")))
		require.Empty(t, list("acme.user"))
	})

	t.Run("only so many offers wait for one person", func(t *testing.T) {
		for i := range persistence.MaxOffers {
			o := w.AddObject(t, "Acme", fmt.Sprint("offered ", i), domain.KindSector, "Acme/Prod/East", "acme.user", nil)
			_, err := offer(o, "acme.user", "acme.labs")
			require.NoError(t, err)
		}
		o := w.AddObject(t, "Acme", "one more", domain.KindSector, "Acme/Prod/East", "acme.user", nil)
		_, err := offer(o, "acme.user", "acme.labs")
		require.ErrorIs(t, err, domain.ErrTooManyCopyRequests)
	})
}

// strings1 returns the first column of a statement's rows.
func strings1(t *testing.T, w *World, query string) []string {
	t.Helper()
	rows, err := w.DB.Pool().QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var s string
		require.NoError(t, rows.Scan(&s))
		all = append(all, s)
	}
	require.NoError(t, rows.Err())
	return all
}

// Noted tests what the ports of bookmarks and usage promise.
func Noted(t *testing.T, db *db.DB) {
	w := NewWorld(t, db)
	ctx := t.Context()
	all := Everything(domain.ObjectManage)
	user := w.ObjectScope(t, "acme.user")
	var objects []domain.Object
	for i := range 5 {
		objects = append(objects, w.AddObject(t, "Acme", fmt.Sprint("noted ", i), domain.KindSector, "Acme/Prod/East",
			"acme.user", nil))
	}
	marked := func(kinds []domain.ObjectKind, limit int) (ids []domain.ObjectID) {
		for after := domain.Cursor(""); ; {
			page, next, err := w.Objects.Bookmarks(ctx, w.ObjectScope(t, "acme.user").Read(), kinds,
				domain.Page{Limit: limit, After: after})
			require.NoError(t, err)
			for _, b := range page {
				ids = append(ids, b.Object.ID)
			}
			if after = next; after == "" {
				return ids
			}
		}
	}

	t.Run("a bookmark is there once, until it is taken away or the object gone", func(t *testing.T) {
		watch := w.Things["Acme/Watch"].ID
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				if err := w.Objects.Bookmark(ctx, user, objects[i%4]); err != nil {
					t.Error(err)
				}
				if err := w.Objects.Unbookmark(ctx, user, objects[4]); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		want := []domain.ObjectID{watch, objects[0].ID, objects[1].ID, objects[2].ID, objects[3].ID}
		require.Equal(t, want, marked(nil, 2))
		require.Equal(t, want[1:], marked([]domain.ObjectKind{domain.KindSector}, 100))
		require.NoError(t, w.Objects.Unbookmark(ctx, user, objects[0]))
		require.NoError(t, w.Objects.Delete(ctx, all, objects[1]))
		_, err := w.Objects.Update(ctx, all, objects[2],
			func(o *domain.Object) error { o.Owner = w.KeyOf("acme.admin"); return nil })
		require.NoError(t, err)
		require.Equal(t, []domain.ObjectID{watch, objects[3].ID}, marked(nil, 100), "what cannot be read is not listed")
		require.ErrorIs(t, w.Objects.Bookmark(ctx, user, objects[2]), domain.ErrObjectNotFound)
	})

	t.Run("usage adds up by month and owner", func(t *testing.T) {
		o := objects[3]
		key := domain.UsageKey{Organization: o.Organization, Object: o.ID, Owner: o.Owner, Month: 202611}
		before := key
		before.Month = 202610
		other := key
		other.Owner = w.KeyOf("acme.power")
		gone := key
		gone.Object = objects[1].ID
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := w.Objects.AddUsage(ctx, all,
					map[domain.UsageKey]int64{key: 2, before: 1, other: 5, gone: 7}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		count := func(caller string, f domain.UsageFilter) string {
			var text string
			for after := domain.Cursor(""); ; {
				page, next, err := w.Objects.Usage(ctx, w.ObjectScope(t, caller).Read(), f, domain.Page{Limit: 1, After: after})
				require.NoError(t, err)
				for _, u := range page {
					text += fmt.Sprintf("%d:%d ", u.Month, u.Count)
				}
				if after = next; after == "" {
					return text
				}
			}
		}
		f := domain.UsageFilter{Object: o.ID}
		require.Equal(t, "202610:8 202611:40 202611:16 ", count("acme.user", f))
		require.Equal(t, "202611:40 ", count("acme.power", f), "an earlier owner sees their time")
		require.Empty(t, count("acme.labs", f))
		f.Until = 202610
		require.Equal(t, "202610:8 ", count("acme.user", f))
		f.From, f.Until = 202611, 0
		f.Owner = o.Owner
		require.Equal(t, "202611:16 ", count("acme.user", f))
		require.Empty(t, count("acme.user", domain.UsageFilter{Object: objects[1].ID}))
		_, _, err := w.Objects.Usage(ctx, all.Read(), f, domain.Page{After: "x"})
		require.ErrorIs(t, err, domain.ErrCursor)
	})
}
