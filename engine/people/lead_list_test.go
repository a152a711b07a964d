package people_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
)

func TestLeadRead(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	l := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Anna")}).Lead
	c.Since(t)
	got, err := c.Engine.Lead(t.Context(), c.Caller, l.ID)
	enginetest.Must(t, err)
	kept(t, c, c.Caller, got)
	enginetest.Traces(t, c, "", "lead.read ok "+l.ID)
	writer := c.Caller
	writer.Scopes = scope.Of(scope.LeadsWrite)
	_, err = c.Engine.Lead(t.Context(), writer, l.ID) // write does not imply read
	enginetest.Refused(t, err, fault.Forbidden)
	enginetest.Traces(t, c, "", "lead.read denied scope:leads:read")
	for _, id := range []string{"", "7", "0196c1e2-0000-7000-8000-000000000000"} {
		_, err = c.Engine.Lead(t.Context(), c.Caller, id)
		enginetest.Refused(t, err, fault.NotFound)
	}
	enginetest.Traces(t, c, "")
}

// names walks a list to its end and gives the names, page by page.
func names(t *testing.T, c *enginetest.Clinic, q people.LeadQuery, limit int) string {
	t.Helper()
	var pages []string
	page, total := act.Page{Limit: limit}, int64(-1)
	for {
		list, err := c.Engine.Leads(t.Context(), c.Caller, q, page)
		enginetest.Must(t, err)
		if total >= 0 && *list.Total != total {
			t.Errorf("the total changed from %d to %d", total, *list.Total)
		}
		total = *list.Total
		var all []string
		for _, l := range list.Items {
			all = append(all, l.Name)
		}
		pages = append(pages, strings.Join(all, ""))
		if list.More != (list.Next != "") {
			t.Errorf("has_more is %v beside the cursor %q", list.More, list.Next)
		}
		if !list.More {
			return fmt.Sprintf("%s = %d", strings.Join(pages, "|"), total)
		}
		page.Cursor = list.Next
	}
}

func TestLeadsLists(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	lost := people.LeadLost
	for i, name := range []string{"A", "B", "C", "D", "E"} {
		d := people.LeadDraft{Name: &name, Source: new("web")}
		if i%2 == 0 {
			d.Source, d.Status = new("crm"), &lost
		}
		enginetest.PutLead(t, c, c.Caller, d)
		if i != 2 { // two in one second
			c.Clock.Add(time.Second)
		}
	}
	since := func(d time.Duration) *int64 { return new(enginetest.At("2026-04-27 08:00").Add(d).Unix()) }
	for _, x := range []struct {
		q     people.LeadQuery
		limit int
		want  string
	}{
		{people.LeadQuery{}, 0, "EDCBA = 5"},
		{people.LeadQuery{}, 2, "ED|CB|A = 5"},
		{people.LeadQuery{}, 5, "EDCBA = 5"},
		{people.LeadQuery{Status: lost}, 2, "EC|A = 3"},
		{people.LeadQuery{Source: "web"}, 1, "D|B = 2"},
		{people.LeadQuery{Source: "web", Status: lost}, 1, " = 0"},
		{people.LeadQuery{UpdatedSince: since(0)}, 2, "AB|CD|E = 5"},
		{people.LeadQuery{UpdatedSince: since(2 * time.Second)}, 2, "CD|E = 3"},
		{people.LeadQuery{UpdatedSince: since(time.Hour)}, 2, " = 0"},
		{people.LeadQuery{UpdatedSince: since(time.Second), Status: lost}, 1, "C|E = 2"},
	} {
		if got := names(t, c, x.q, x.limit); got != x.want {
			t.Errorf("%+v by %d: %s, want %s", x.q, x.limit, got, x.want)
		}
	}
}

func TestLeadsSearch(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Müller, Zoë"), Email: new("zoe.m@example.org"),
		Phone: new("030 1234567")})
	enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Zora 100%"), Email: new("z_ora@example.org"),
		Phone: new("+43 1 2345678")})
	for q, want := range map[string]int{
		"zo": 2, "ZOË": 1, "zoe müller": 1, "müller": 0, "zoe.m@": 1, "ZOE.M@EXAMPLE.ORG": 1, "030 123": 1, "+49 30": 1,
		"0049301234567": 1,
		"+43":           1, "nobody": 0, "%": 0, "_": 0, "zora 100%": 1, "z_": 1, "z%": 0, "'": 0, `"`: 0,
	} {
		list, err := c.Engine.Leads(t.Context(), c.Caller, people.LeadQuery{Q: q}, act.Page{})
		enginetest.Must(t, err)
		if len(list.Items) != want || *list.Total != int64(want) {
			t.Errorf("%q finds %d, counts %d, want %d", q, len(list.Items), *list.Total, want)
		}
	}
}

func TestLeadsRefusesAndAudits(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	var ids []string
	for _, name := range []string{"A", "B", "C"} {
		ids = append(ids, enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: &name}).Lead.ID)
	}
	c.Since(t)
	list, err := c.Engine.Leads(ctx, c.Caller, people.LeadQuery{Status: people.LeadNew}, act.Page{Limit: 2})
	enginetest.Must(t, err)
	enginetest.Traces(t, c, "", "lead.list ok filter:status,id:"+ids[2]+",id:"+ids[1])
	_, err = c.Engine.Leads(ctx, c.Caller, people.LeadQuery{}, act.Page{Limit: 2, Cursor: list.Next})
	enginetest.Refused(t, err, fault.InvalidCursor, "cursor") // another filter
	_, err = c.Engine.Leads(ctx, c.Test, people.LeadQuery{Status: people.LeadNew}, act.Page{Cursor: list.Next})
	enginetest.Refused(t, err, fault.InvalidCursor, "cursor") // another caller's side
	_, err = c.Engine.Leads(ctx, c.Caller, people.LeadQuery{Status: "hot", Source: "a\nb", Q: strings.Repeat("x", 501)},
		act.Page{})
	enginetest.Refused(t, err, fault.Invalid, "status", "source", "q")
	for _, limit := range []int{-1, 201} {
		_, err = c.Engine.Leads(ctx, c.Caller, people.LeadQuery{}, act.Page{Limit: limit})
		enginetest.Refused(t, err, fault.Invalid, "limit")
	}
	enginetest.Traces(t, c, "")
	_, err = c.Engine.Leads(ctx, act.Caller{}, people.LeadQuery{Clinic: c.Row.N}, act.Page{})
	enginetest.Refused(t, err, fault.Forbidden)
	if _, err = c.Engine.Leads(ctx, c.Caller, people.LeadQuery{Q: "Anna Schmidt"}, act.Page{}); err != nil {
		t.Fatal(err)
	}
	enginetest.Traces(t, c, "", "lead.list ok filter:q") // the name looked for is in no row
}

// A sync by updated_since skips no change and repeats none that was not made
// again, whatever is written between its pages.
func TestLeadSyncSkipsNothing(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	var all []people.Lead
	for i := range 20 {
		all = append(all, enginetest.PutLead(t, c, c.Caller,
			people.LeadDraft{Name: new(fmt.Sprint("L", i)), ExternalID: new(fmt.Sprint(i))}).Lead)
	}
	q := people.LeadQuery{UpdatedSince: new(c.Clock.Now().Unix())}
	seen := map[string]int64{}
	page := act.Page{Limit: 3}
	for round := 0; ; round++ {
		list, err := c.Engine.Leads(ctx, c.Caller, q, page)
		enginetest.Must(t, err)
		for _, l := range list.Items {
			if l.Version <= seen[l.ID] {
				t.Errorf("%s is repeated at version %d", l.Name, l.Version)
			}
			seen[l.ID] = l.Version
		}
		if !list.More {
			break
		}
		page.Cursor = list.Next
		c.Clock.Set(c.Clock.Now().Add(-time.Minute)) // a clock that goes back
		if round < 5 {
			i := (round * 7) % 20
			all[i], err = c.Engine.UpdateLead(ctx, c.Caller, all[i].ID, nil, people.LeadDraft{Notes: new(fmt.Sprint(round))})
			enginetest.Must(t, err)
		}
	}
	for _, l := range all {
		if seen[l.ID] != l.Version {
			t.Errorf("%s was seen at version %d, it is at %d", l.Name, seen[l.ID], l.Version)
		}
	}
}

// Paging newest first repeats and skips no row while others are written.
func TestLeadPagesHoldStill(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	var want, got []string
	for i := range 10 {
		want = append(want, enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new(fmt.Sprint(i))}).Lead.ID)
	}
	slices.Reverse(want)
	page := act.Page{Limit: 3}
	for {
		list, err := c.Engine.Leads(ctx, c.Caller, people.LeadQuery{}, page)
		enginetest.Must(t, err)
		for _, l := range list.Items {
			got = append(got, l.ID)
		}
		if *list.Total != 10 {
			t.Errorf("the total is %d", *list.Total)
		}
		if !list.More {
			break
		}
		page.Cursor = list.Next
		enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("later")})
	}
	if !slices.Equal(got, want) {
		t.Errorf("saw %d rows %v, want %v", len(got), got, want)
	}
}
