package rest

import (
	"time"

	"canopy/app/directory"
	"canopy/app/httpx"
	"canopy/domain"
)

// writeOverview writes how things stand in a place. What the reader may not see of it is null.
func writeOverview(w *httpx.Writer, key string, o *directory.OverviewDocument) {
	w.Open(key, '{')
	writePlace(w, "environment", &o.Environment)
	writePeopleOverview(w, o)
	w.Open("environments", '{')
	w.Number("here", o.Here)
	writePeopled(w, "largest", "people", o.Largest)
	w.Number("others", o.Others)
	w.Close('}')
	w.Open("organizations", '{')
	w.Number("count", o.Lonely)
	writePeopled(w, "first", "admins", o.FirstLonely)
	w.Close('}')
	writeIdleGroups(w, o)
	writeDays(w, o)
	w.Close('}')
}

func writePeopleOverview(w *httpx.Writer, o *directory.OverviewDocument) {
	p := &o.People
	w.Open("people", '{')
	w.Number("total", o.Below)
	w.Number("counted", p.Looked)
	w.Flag("complete", p.Complete)
	w.Open("states", '{')
	for _, state := range domain.UserStates {
		w.Open(state.String(), '{')
		w.Number("active", p.Active[state])
		w.Number("inactive", p.Inactive[state])
		w.Close('}')
	}
	w.Close('}')
	w.Open("roles", '{')
	for _, role := range domain.Roles {
		w.Number(role.String(), p.Roles[role])
	}
	w.Close('}')
	w.Number("notConnected", p.NotConnected.N)
	w.Number("notConnectedSince", o.NotConnectedSince.UnixMilli())
	writeMillis(w, "oldestInvitation", p.OldestInvitation)
	w.Number("blockedHome", p.BlockedHome.N)
	w.Number("allowedOutside", p.AllowedOutside.N)
	var more []string
	for _, t := range []struct {
		name string
		is   domain.Tally
	}{{"notConnected", p.NotConnected}, {"blockedHome", p.BlockedHome}, {"allowedOutside", p.AllowedOutside}} {
		if t.is.More {
			more = append(more, t.name)
		}
	}
	writeTexts(w, "more", more)
	w.Close('}')
}

func writePeopled(w *httpx.Writer, key, number string, all []directory.PeopledDocument) {
	w.Open(key, '[')
	for i := range all {
		w.Open("", '{')
		w.Number("envid", int64(all[i].ID))
		w.Text("path", all[i].ShownPath)
		w.Number(number, all[i].People)
		w.Close('}')
	}
	w.Close(']')
}

func writeIdleGroups(w *httpx.Writer, o *directory.OverviewDocument) {
	if o.Groups == nil {
		w.Null("groups")
		return
	}
	w.Open("groups", '{')
	w.Flag("complete", o.AllGroups)
	w.Number("count", int64(len(o.Groups)))
	w.Open("first", '[')
	for i := range o.Groups[:min(len(o.Groups), domain.MaxFirst)] {
		w.Open("", '{')
		w.Number("id", int64(o.Groups[i].ID))
		w.Text("alias", o.Groups[i].Alias)
		w.Close('}')
	}
	w.Close(']')
	w.Close('}')
}

func writeDays(w *httpx.Writer, o *directory.OverviewDocument) {
	if o.SignIns == nil {
		w.Null("signIns")
		return
	}
	w.Open("signIns", '{')
	w.Flag("complete", o.AllSignIns)
	w.Open("days", '[')
	for _, d := range o.SignIns {
		w.Open("", '{')
		w.Text("day", d.Day.Format(time.DateOnly))
		w.Number("count", d.N)
		w.Close('}')
	}
	w.Close(']')
	w.Close('}')
}
