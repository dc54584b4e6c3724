package app

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"canopy/domain"
)

// writes bounds how often one user changes something, whichever surface they ask and however many
// credentials they have: others wait for the same database. It is safe for concurrent use.
type writes struct {
	rate    int // a second; ten times as many at once
	buckets *lru.Cache[domain.UserKey, *rate.Limiter]
}

// writers is how many users' buckets are remembered, at about 200 bytes. One who is forgotten begins
// anew with a full one, which takes that many others.
const writers = 32 << 10

func newWrites(perSecond int) *writes {
	w := &writes{rate: perSecond}
	w.buckets, _ = lru.New[domain.UserKey, *rate.Limiter](writers) // fails for sizes below 1 only
	return w
}

// take returns nil if the user may change something now, else domain.ErrTooMany.
func (w *writes) take(u domain.UserKey) error {
	bucket, ok := w.buckets.Get(u)
	if !ok {
		bucket = rate.NewLimiter(rate.Limit(w.rate), 10*w.rate)
		if before, there, _ := w.buckets.PeekOrAdd(u, bucket); there {
			bucket = before
		}
	}
	// Real time: what is bounded is work, whatever the directory's clock says.
	if !bucket.AllowN(time.Now(), 1) {
		return domain.ErrTooMany.Saying("Too many changes; a user may make %d a second.", w.rate).After(1)
	}
	return nil
}
