package ethersource

import (
	"context"
	"iter"

	"github.com/gofiber/fiber/v2"

	"canopy/app/accounts"
	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/app/objects"
	"canopy/domain"
)

// mediaType is how the document writes it.
const mediaType = `application/json;charset="UTF-8"`

func send(c *fiber.Ctx, status int, w *httpx.Writer) error {
	c.Set(fiber.HeaderContentType, mediaType)
	return c.Status(status).Send(w.Bytes())
}

// encodeTrue answers that something was done where the document has a boolean.
func encodeTrue[T any](c *fiber.Ctx, _ T) error {
	w := &httpx.Writer{}
	w.Flag("", true)
	return send(c, fiber.StatusCreated, w)
}

func encodeCreated(c *fiber.Ctx, h accounts.KeyHolder) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text("userId", h.User.Alias)
	w.Text("firstName", h.User.Person.FirstName)
	w.Text("lastName", h.User.Person.LastName)
	w.Text("email", h.User.Person.Mail)
	w.Text("company", h.User.Attributes[attributeCompany])
	w.Text("country", h.User.Attributes[attributeCountry])
	w.Text("language", h.User.Language)
	w.Flag("active", h.User.State == domain.Approved && h.User.Active)
	w.Text("apiKey", string(h.Key.Text))
	w.Close('}')
	return send(c, fiber.StatusCreated, w)
}

func encodeKey(c *fiber.Ctx, key accounts.HeldKey) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text("userId", key.Alias)
	w.Text("apiKey", string(key.Text))
	w.Close('}')
	return send(c, fiber.StatusOK, w)
}

// encodeRoles answers a trusted user.
func encodeRoles(c *fiber.Ctx, caller domain.Principal) error {
	w := &httpx.Writer{}
	w.Open("", '{')
	w.Text("userId", caller.Alias)
	w.Open("roles", '[')
	w.Text("", "AUTHENTICATED_USER")
	w.Text("", "TRUSTED_USER")
	w.Close(']')
	w.Close('}')
	return send(c, fiber.StatusOK, w)
}

// writeObserver and writeSector write an object as lists show it.
func writeObserver(w *httpx.Writer, key string, o *domain.Object) {
	w.Open(key, '{')
	w.Number("id", int64(o.ID))
	w.Text("name", o.Name)
	w.TextOrNull("language", o.Attributes["language"])
	w.Close('}')
}

func writeSector(w *httpx.Writer, key string, o *domain.Object) {
	w.Open(key, '{')
	w.Number("id", int64(o.ID))
	w.Text("title", o.Name)
	w.TextOrNull("language", o.Attributes["language"])
	w.Open("tariff", '{')
	w.Close('}')
	w.Close('}')
}

// encodeBookmarks answers with all bookmarks; there is a bound to how many one user has.
func encodeBookmarks(c *fiber.Ctx, list directory.Listed[objects.BookmarkDocument]) error {
	w, sectors := &httpx.Writer{}, &httpx.Writer{}
	w.Open("", '{')
	w.Open("observers", '[')
	sectors.Open("", '[')
	for b, err := range list.Items {
		if err != nil {
			return err
		}
		if b.Kind == domain.KindObserver {
			writeObserver(w, "", &b.Object)
		} else {
			writeSector(sectors, "", &b.Object)
		}
	}
	sectors.Close(']')
	w.Close(']')
	w.Raw("sectors", sectors.Bytes())
	w.Close('}')
	return send(c, fiber.StatusOK, w)
}

// offers are offers of copies by what they are of.
type offers struct {
	observers, sectors directory.Listed[domain.CopyRequest]
}

// copyRequests lists the offers of observers and those of sectors.
func copyRequests(b *objects.Objects) directory.Run[httpx.Just, offers] {
	return func(ctx context.Context, caller domain.Principal, _ httpx.Just) (o offers, err error) {
		if o.observers, err = b.CopyRequests(ctx, caller,
			objects.ListKinds{Kinds: []domain.ObjectKind{domain.KindObserver}}); err != nil {
			return o, err
		}
		o.sectors, err = b.CopyRequests(ctx, caller, objects.ListKinds{Kinds: []domain.ObjectKind{domain.KindSector}})
		return o, err
	}
}

// encodeCopyRequests streams the offers of observers, then those of sectors.
func encodeCopyRequests(c *fiber.Ctx, o offers) error {
	sectors := false
	next := func(w *httpx.Writer) {
		if !sectors {
			w.Close(']')
			w.Open("sectorCopyRequests", '[')
			sectors = true
		}
	}
	return stream(c, concat(o.observers.Items, o.sectors.Items),
		func(w *httpx.Writer) {
			w.Open("", '{')
			w.Open("observerCopyRequests", '[')
		},
		func(w *httpx.Writer, r *domain.CopyRequest) {
			if r.Object.Kind != domain.KindObserver {
				next(w)
			}
			w.Open("", '{')
			w.Number("copyRequestId", int64(r.ID))
			if sectors {
				writeSector(w, "sector", &r.Object)
			} else {
				writeObserver(w, "observer", &r.Object)
			}
			w.TextOrNull("fromUserId", r.FromAlias)
			w.TextOrNull("toUserId", r.ToAlias)
			w.Text("timestamp", formatTime(r.Created))
			w.Close('}')
		},
		func(w *httpx.Writer) {
			next(w)
			w.Close(']')
			w.Close('}')
		})
}

func concat[T any](lists ...iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for _, list := range lists {
			for v, err := range list {
				if !yield(v, err) || err != nil {
					return
				}
			}
		}
	}
}

func encodeStatistics(c *fiber.Ctx, r objects.UsageReport) error {
	return stream(c, r.Usage.Items,
		func(w *httpx.Writer) {
			w.Open("", '{')
			w.Text("timestampBegin", formatTime(r.Begin))
			w.Text("timestampEnd", formatTime(r.End))
			w.Open("statistics", '[')
		},
		func(w *httpx.Writer, u *objects.UsageDocument) {
			w.Open("", '{')
			w.Number("observerId", int64(u.Object))
			w.Text("observerName", u.Name)
			w.Text("month", u.Month.String())
			w.Number("documents", u.Count)
			w.Close('}')
		},
		func(w *httpx.Writer) {
			w.Close(']')
			w.Close('}')
		})
}

func stream[T any](c *fiber.Ctx, list iter.Seq2[T, error], open func(*httpx.Writer), each func(*httpx.Writer, *T),
	end func(*httpx.Writer)) error {
	if err := httpx.Stream(c, list, open, each, end); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, mediaType)
	return nil
}
