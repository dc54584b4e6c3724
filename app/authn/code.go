package authn

import (
	"context"
	"errors"
	"strconv"
	"time"

	"canopy/domain"
)

// The limits of wrong one-time codes of one account, which only who has its password can try. Each beyond codeFree
// doubles the wait, up to maxWait; the count begins anew codeWindow after its first.
const (
	codeFree   = 5
	codeWindow = 24 * time.Hour
)

// TryCode calls try, which returns domain.ErrBadCode for a wrong code, and counts that for the account. It returns
// domain.ErrTooMany in place of calling it after too many, and otherwise what try returned. wrong is the count of wrong
// ones if this was one.
func (p *Passwords) TryCode(ctx context.Context, a domain.Account, address string,
	try func() error) (wrong int64, err error) {
	subject, count, err := p.throttle.beginCode(ctx, a.UserKey())
	if err != nil {
		return 0, err
	}
	switch err = try(); {
	case err == nil:
		return 0, p.accounts.Forgive(ctx, subject, []string{subject})
	case domain.ErrBadCode.Is(err):
		p.trail.failed(ctx, a.Alias, &a, address)
		return count, err
	}
	return 0, errors.Join(err, p.accounts.Forgive(context.WithoutCancel(ctx), "", []string{subject}))
}

// beginCode lets a code of an account be tried and counts it as wrong until it is known to be otherwise.
func (t *throttle) beginCode(ctx context.Context, u domain.UserKey) (subject string, count int64, err error) {
	subject = "code " + t.mac(strconv.FormatInt(int64(u.Organization), 10), strconv.FormatInt(int64(u.User), 10))
	now := t.now()
	failures, err := t.accounts.Failures(ctx, []string{subject})
	if err != nil {
		return "", 0, err
	}
	since := now.Add(-codeWindow)
	f := counted(failures, subject, since)
	if wait := until(now, f, pause(f.Count, codeFree)); wait > 0 {
		return "", 0, tooMany(wait)
	}
	counts, err := t.accounts.CountFailure(ctx, []string{subject}, now, since)
	if err != nil {
		return "", 0, err
	}
	if counts[subject] > max(f.Count, codeFree)+1 { // others were let through at the same moment
		return "", 0, tooMany(pause(counts[subject], codeFree))
	}
	return subject, counts[subject], nil
}
