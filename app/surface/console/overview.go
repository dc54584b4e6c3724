package console

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"canopy/app/directory"
	"canopy/domain"
)

// home is the overview of a place. Who manages nobody begins at their own account.
func (s *Surface) home(ctx context.Context, v *visit) (answer, error) {
	if !v.can(domain.UserRead) || !v.can(domain.EnvironmentRead) {
		return answer{to: "me"}, nil
	}
	d, err := s.uses.Overviews.Get(ctx, v.caller, domain.EnvironmentRef(v.query("env")))
	if err != nil {
		return answer{}, err
	}
	return shown(homePageOf(v, &d))
}

// A tally is how many people of some kind there are, and where they are listed.
type tally struct {
	label string
	n     int64
	more  bool // than n
	page  string
	note  string
}

// listed returns the tally of the people whom the list keeps with these filters.
func listed(d *directory.OverviewDocument, label string, n int64, filters ...string) tally {
	filters = append([]string{"env", numberOf(d.Environment.ID)}, filters...)
	return tally{label: label, n: n, page: at("people", filters...)}
}

// told is listed for people who were counted up to a bound.
func told(d *directory.OverviewDocument, label string, n domain.Tally, filters ...string) tally {
	t := listed(d, label, n.N, filters...)
	t.more = n.More
	return t
}

// states are the people by what has become of their account.
func (v *visit) states(d *directory.OverviewDocument) []tally {
	w := &v.words.Overview
	var all []tally
	for _, state := range []struct {
		is   domain.UserState
		text string
	}{{domain.Approved, w.Approved}, {domain.Invited, w.Invited}, {domain.Pending, w.Pending},
		{domain.Unverified, w.Unverified}} {
		t := listed(d, state.text, d.People.Active[state.is], "state", state.is.String(), "active", "true")
		if state.is == domain.Invited && !d.People.OldestInvitation.IsZero() {
			t.note = fill(w.Oldest, "day", v.day(d.People.OldestInvitation))
		}
		all = append(all, t)
	}
	var inactive int64
	for _, n := range d.People.Inactive {
		inactive += n
	}
	return append(all, listed(d, w.Inactive, inactive, "active", "false"),
		told(d, fill(w.NotConnected, "day", v.dayOf(d.NotConnectedSince)), d.People.NotConnected,
			"notConnectedSince", d.NotConnectedSince.Format(time.DateOnly)))
}

// admins are the people who manage others, by role.
func (v *visit) admins(d *directory.OverviewDocument) []tally {
	var all []tally
	for _, role := range []domain.Role{domain.RoleSuperUser, domain.RoleOAdmin, domain.RolePower} {
		if n := d.People.Roles[role]; n > 0 || role != domain.RoleSuperUser {
			all = append(all, listed(d, v.role(role), n, "role", role.String()))
		}
	}
	return all
}

// odd are the people whose access looks wrong.
func (v *visit) odd(d *directory.OverviewDocument) []tally {
	w := &v.words.Overview
	var all []tally
	if t := d.People.BlockedHome; t != (domain.Tally{}) {
		all = append(all, told(d, v.words.People.BlockedHome, t, "blockedHome", "true"))
	}
	if t := d.People.AllowedOutside; t != (domain.Tally{}) {
		all = append(all, told(d, w.AllowedOutside, t, "allowedOutside", "true"))
	}
	return all
}

// dayOf writes a day that is one in UTC, whatever the reader's zone.
func (v *visit) dayOf(t time.Time) string {
	t = t.UTC()
	return strconv.Itoa(t.Day()) + " " + v.words.Months[t.Month()-1] + " " + strconv.Itoa(t.Year())
}

// The size of the picture of sign-ins, and what is free beside each of its bars.
const (
	chartWidth, chartHeight = 600, 120
	barGap                  = 4
)

// A bar is one of a picture, in its coordinates.
type bar struct{ x, y, width, height, title string }

// signInBars are the sign-ins by day.
func (v *visit) signInBars(days []directory.DaySignIns) []bar {
	most := int64(1)
	for _, d := range days {
		most = max(most, d.N)
	}
	step := float64(chartWidth) / float64(max(len(days), 1))
	bars := make([]bar, len(days))
	for i, d := range days {
		height := float64(d.N) / float64(most) * chartHeight
		bars[i] = bar{x: coordinate(float64(i)*step + barGap/2), y: coordinate(chartHeight - height),
			width: coordinate(step - barGap), height: coordinate(height),
			title: fill(v.counted(v.words.Overview.SignInsOn, d.N), "day", v.dayOf(d.Day))}
	}
	return bars
}

func coordinate(x float64) string { return fmt.Sprintf("%.1f", x) }

// signInsOf returns how many sign-ins there were, and on how many days.
func signInsOf(days []directory.DaySignIns) (n int64) {
	for _, d := range days {
		n += d.N
	}
	return n
}

// A share is a part of the people of a place.
type share struct {
	label, page string
	n           int64
	width       string // of its bar, in hundredths
}

// shares are the people of a place by the places directly below it, the largest first.
func (v *visit) shares(d *directory.OverviewDocument) []share {
	w := &v.words.Overview
	env := numberOf(d.Environment.ID)
	all := []share{{label: w.Here, n: d.Here, page: at("people", "env", env, "children", "false")}}
	for i := range d.Largest {
		e := &d.Largest[i]
		all = append(all, share{label: e.Alias, n: e.People, page: at(homePage, "env", numberOf(e.ID))})
	}
	if d.Others > 0 {
		all = append(all, share{label: w.Others, n: d.Others, page: placeAddress(d.Environment.ID, "")})
	}
	most := int64(1)
	for i := range all {
		most = max(most, all[i].n)
	}
	for i := range all {
		all[i].width = coordinate(float64(all[i].n) * 100 / float64(most))
	}
	return all
}
