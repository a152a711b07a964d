package people_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"qualifybase/engine"
	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/people"
	"qualifybase/engine/scope"
	"qualifybase/engine/text"
	"qualifybase/engine/uuid"
)

// kept checks that the lead is stored as it was answered.
func kept(t *testing.T, c *enginetest.Clinic, by act.Caller, answered people.Lead) {
	t.Helper()
	c.Read(t, func(r engine.Reader) error {
		l, err := r.Lead(by.Clinic, by.Test, answered.ID)
		if a, b := fmt.Sprintf("%+v", answered), fmt.Sprintf("%+v", l); err == nil && a != b {
			t.Errorf("answered %s\nkept     %s", a, b)
		}
		return err
	})
}

func TestPutLeadCreates(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	c.Hook(t, c.Caller)
	before := c.Nudges.Load()
	p := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new(" Anna Schmidt "), Email: new("Anna@Example.org"),
		Phone: new("030 1234567")})
	l, now := p.Lead, c.Clock.Now().Unix()
	if !p.Created || l.Name != "Anna Schmidt" || l.FirstName != "Anna" || l.LastName != "Schmidt" || l.Source != "api" ||
		l.Status != people.LeadNew ||
		l.Email != "Anna@Example.org" || l.EmailKey != "anna@example.org" || l.Phone != "030 1234567" ||
		l.PhoneKey != "+49301234567" ||
		l.Version != 1 || l.CreatedAt != now || l.UpdatedAt != now || l.CreatedBy != "key:live" || !uuid.Valid(l.ID) ||
		l.Test || l.PatientID != 0 {
		t.Errorf("the lead is %+v", p)
	}
	kept(t, c, c.Caller, l)
	enginetest.Traces(t, c, "lead.created", "lead.put ok "+l.ID+" source,name,first_name,last_name,email,phone,status")
	if c.Nudges.Load() != before+1 {
		t.Error("the webhook sender was not woken")
	}
	status := people.LeadQualified
	p = enginetest.PutLead(t, c, c.Caller, people.LeadDraft{ExternalID: new("c-7"), Source: new("crm"),
		FirstName: new("Zoë"), Status: &status, Notes: new("two\nlines"),
		Tags: &[]string{"b", "a", "B"}, Metadata: &map[string]any{"k": []any{1.5, nil}},
		Consent: &map[string]any{"email": true}})
	if l = p.Lead; l.Source != "crm" || l.ExternalID != "c-7" || l.Name != "Zoë" ||
		l.Status != status || strings.Join(l.Tags, "") != "ba" || l.Notes != "two\nlines" {
		t.Errorf("the lead is %+v", l)
	}
	kept(t, c, c.Caller, l)
}

func TestPutLeadRefuses(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	many, hot := make([]string, text.MaxTags+1), people.LeadStatus("hot")
	for _, x := range []struct {
		draft  people.LeadDraft
		fields []string
	}{
		{people.LeadDraft{}, []string{"name"}},
		{people.LeadDraft{Notes: new("who?"), Source: new("web"), Name: new("  "), Email: new("")}, []string{"name"}},
		{people.LeadDraft{Name: new("A"), Email: new("a@"), Phone: new("12"), Status: &hot, Tags: &many},
			[]string{"email", "phone", "status", "tags"}},
		{people.LeadDraft{FirstName: new(strings.Repeat("x", 60)), LastName: new(strings.Repeat("y", 60))},
			[]string{"last_name"}},
	} {
		_, err := c.Engine.PutLead(t.Context(), c.Caller, x.draft)
		enginetest.Refused(t, err, fault.Invalid, x.fields...)
	}
	enginetest.Traces(t, c, "")
	reader := c.Caller
	reader.Scopes = scope.Of(scope.LeadsRead)
	_, err := c.Engine.PutLead(t.Context(), reader, people.LeadDraft{Name: new("A")})
	if e := enginetest.Refused(t, err, fault.Forbidden); e.Missing != scope.LeadsWrite {
		t.Errorf("missing is %s", e.Missing)
	}
	enginetest.Traces(t, c, "", "lead.put denied scope:leads:write")
	c.Read(t, func(r engine.Reader) error {
		n, err := r.CountLeads(people.LeadQuery{Clinic: c.Row.N})
		if n != 0 {
			t.Errorf("%d leads are left of refusals", n)
		}
		return err
	})
}

// contract.md §9: (source, external_id), else e-mail, else phone with the folded name.
func TestPutLeadMatches(t *testing.T) {
	t.Parallel()
	anna := people.LeadDraft{Name: new("Anna Schmidt"), Email: new("anna@example.org"), Phone: new("030 1234567"),
		ExternalID: new("1"), Source: new("crm")}
	for _, x := range []struct {
		name    string
		draft   people.LeadDraft
		created bool
		changes string // fields in the audit; "" with created false = nothing changed
		check   func(l people.Lead) bool
	}{
		{"the same again", anna, false, "", nil},
		{"by external id, everything may change", people.LeadDraft{ExternalID: new("1"), Source: new("crm"),
			Name: new("Ann Smith"), Email: new("ann@example.org")},
			false, "name,first_name,last_name,email", func(l people.Lead) bool {
				return l.EmailKey == "ann@example.org" &&
					l.NameKey == "ann smith"
			}},
		{"by external id, taken away", people.LeadDraft{ExternalID: new("1"), Source: new("crm"), Phone: new("")}, false,
			"phone",
			func(l people.Lead) bool { return l.Phone == "" && l.PhoneKey == "" }},
		{"the same id of another source", people.LeadDraft{ExternalID: new("1"), Source: new("web"),
			Name: new("Anna Schmidt")}, true, "", nil},
		{"the same id of the usual source", people.LeadDraft{ExternalID: new("1"), Name: new("Anna Schmidt")}, true, "", nil},
		{"by e-mail, in any case", people.LeadDraft{Email: new("ANNA@Example.org"), Notes: new("called")}, false, "notes",
			func(l people.Lead) bool { return l.Email == "anna@example.org" }},
		{"by e-mail: name, source and id stay", people.LeadDraft{Email: new("anna@example.org"), Name: new("Ben Weiß"),
			Source: new("web"), ExternalID: new("9"), Phone: new("030 7654321")},
			false, "phone", func(l people.Lead) bool {
				return l.Name == "Anna Schmidt" && l.Source == "crm" && l.ExternalID == "1" && l.PhoneKey == "+49307654321"
			}},
		{"by phone and name, folded", people.LeadDraft{Phone: new("+49 (0)30 123-4567"), Name: new("ANNA  SCHMIDT"),
			Notes: new("x")}, false, "phone,notes",
			func(l people.Lead) bool { return l.Name == "Anna Schmidt" }},
		{"by phone and name: the e-mail stays", people.LeadDraft{Phone: new("030 1234567"), FirstName: new("Anna"),
			LastName: new("Schmidt"), Email: new("other@example.org")},
			false, "", func(l people.Lead) bool { return l.Email == "anna@example.org" }},
		{"the phone of a family", people.LeadDraft{Phone: new("030 1234567"), Name: new("Ben Schmidt")}, true, "", nil},
		{"the phone alone", people.LeadDraft{Phone: new("030 1234567")}, true, "", nil},
		{"the name alone", people.LeadDraft{Name: new("Anna Schmidt")}, true, "", nil},
		{"a form's empty fields take nothing away", people.LeadDraft{Email: new("anna@example.org"), Name: new(""),
			Phone: new(""), Notes: new(""), ExternalID: new("")}, false, "", nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := enginetest.New(t)
			c.Hook(t, c.Caller)
			first := enginetest.PutLead(t, c, c.Caller, anna).Lead
			c.Since(t)
			c.Clock.Add(time.Minute)
			nudges := c.Nudges.Load()
			got := enginetest.PutLead(t, c, c.Caller, x.draft)
			kept(t, c, c.Caller, got.Lead)
			switch {
			case got.Created != x.created || x.created == (got.Lead.ID == first.ID):
				t.Fatalf("%+v beside %s", got, first.ID)
			case x.created:
				if tr := c.Since(t); strings.Join(tr.Events, " ") != "lead.created" || len(tr.Audit) != 1 {
					t.Errorf("left %+v", tr)
				}
			case x.changes == "":
				if fmt.Sprintf("%+v", got.Lead) != fmt.Sprintf("%+v", first) {
					t.Errorf("nothing changed, but %+v\nbecame %+v", first, got.Lead)
				}
				enginetest.Traces(t, c, "")
				if c.Nudges.Load() != nudges {
					t.Error("nothing happened, but the sender was woken")
				}
			default:
				enginetest.Traces(t, c, "lead.updated", "lead.put ok "+first.ID+" "+x.changes)
				if l := got.Lead; l.Version != 2 || l.Change <= first.Change ||
					l.UpdatedAt != first.UpdatedAt+60 || l.CreatedAt != first.CreatedAt {
					t.Errorf("stamped %+v", l.Meta)
				}
			}
			if x.check != nil && !x.check(got.Lead) {
				t.Errorf("the lead is %+v", got.Lead)
			}
		})
	}
}

// A lead without an external id takes that of the sender who found it otherwise,
// and is found by it from then on.
func TestPutLeadAdoptsAnID(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	first := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Email: new("anna@example.org"), Source: new("web")}).Lead
	got := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Email: new("anna@example.org"), Source: new("crm"),
		ExternalID: new("7"), Name: new("Anna")})
	if l := got.Lead; got.Created || l.ID != first.ID || l.Source != "crm" || l.ExternalID != "7" || l.Name != "Anna" {
		t.Errorf("the lead is %+v", got)
	}
	got = enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Email: new("new@example.org"), Source: new("crm"),
		ExternalID: new("7")})
	if l := got.Lead; got.Created || l.ID != first.ID || l.Email != "new@example.org" {
		t.Errorf("the lead is %+v", got)
	}
	if got = enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Email: new("anna@example.org")}); !got.Created {
		t.Error("matched by an e-mail that the lead no longer has")
	}
}

// Of several with one e-mail, the oldest.
func TestPutLeadTakesTheOldest(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	a := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("A"), ExternalID: new("1")}).Lead
	c.Clock.Add(time.Second)
	b := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Email: new("x@example.org")}).Lead
	_, err := c.Engine.UpdateLead(t.Context(), c.Caller, a.ID, nil, people.LeadDraft{Email: new("x@example.org")})
	enginetest.Must(t, err)
	if got := enginetest.PutLead(t, c, c.Caller,
		people.LeadDraft{Email: new("x@example.org")}); got.Lead.ID != a.ID || got.Lead.ID == b.ID {
		t.Errorf("took %s, want the oldest, %s", got.Lead.ID, a.ID)
	}
}

// No lead leaks to another clinic, nor across the test flag.
func TestLeadsAreApart(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	rival, _ := c.Rival(t)
	draft := people.LeadDraft{Name: new("Anna Schmidt"), Email: new("anna@example.org"), Phone: new("030 1234567"),
		ExternalID: new("1")}
	mine := enginetest.PutLead(t, c, c.Caller, draft).Lead
	for name, other := range map[string]act.Caller{"rival": rival, "test": c.Test} {
		for what, err := range map[string]error{
			"read":   second(c.Engine.Lead(t.Context(), other, mine.ID)),
			"update": second(c.Engine.UpdateLead(t.Context(), other, mine.ID, nil, people.LeadDraft{Notes: new("x")})),
			"delete": second(c.Engine.DeleteLead(t.Context(), other, mine.ID, nil)),
		} {
			if e := enginetest.Refused(t, err, fault.NotFound); e.Message != "No such lead" {
				t.Errorf("%s of the %s: %v", what, name, err)
			}
		}
		list, err := c.Engine.Leads(t.Context(), other, people.LeadQuery{Clinic: c.Row.N, Test: false, Q: "anna"}, act.Page{})
		if err != nil || len(list.Items) != 0 || *list.Total != 0 {
			t.Errorf("the %s sees %d leads, %v", name, len(list.Items), err)
		}
		if p := enginetest.PutLead(t, c, other, draft); !p.Created || p.Lead.ID == mine.ID || p.Lead.Test != other.Test {
			t.Errorf("the %s's lead is %+v", name, p)
		}
	}
	kept(t, c, c.Caller, mine)
	if live := enginetest.PutLead(t, c, c.Caller, draft); live.Created || live.Lead.ID != mine.ID {
		t.Errorf("the live lead is no longer found: %+v", live)
	}
}

func second[T any](_ T, err error) error { return err }

func TestUpdateLead(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	a := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Anna"), ExternalID: new("1"),
		Source: new("crm")}).Lead
	b := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Ben"), Email: new("ben@example.org"),
		Tags: &[]string{"x"}}).Lead
	c.Since(t)
	update := func(d people.LeadDraft, version *int64) (people.Lead, error) {
		return c.Engine.UpdateLead(ctx, c.Caller, b.ID, version, d)
	}
	got, err := update(people.LeadDraft{Name: new("Benno Weiß"), Email: new("benno@example.org"), Tags: &[]string{}},
		new(b.Version))
	enginetest.Must(t, err)
	if got.Name != "Benno Weiß" || got.FirstName != "Benno" || got.Email != "benno@example.org" || len(got.Tags) != 0 ||
		got.Version != 2 {
		t.Errorf("the lead is %+v", got)
	}
	kept(t, c, c.Caller, got)
	enginetest.Traces(t, c, "lead.updated", "lead.update ok "+b.ID+" name,first_name,last_name,email,tags")

	_, err = update(people.LeadDraft{Notes: new("x")}, new(b.Version))
	enginetest.Refused(t, err, fault.PreconditionFailed)
	enginetest.Traces(t, c, "")
	_, err = update(people.LeadDraft{ExternalID: new("1"), Source: new("crm")}, nil)
	enginetest.Refused(t, err, fault.Conflict, "external_id")
	enginetest.Traces(t, c, "", "lead.update failed "+b.ID+" error:CONFLICT")
	_, err = update(people.LeadDraft{Name: new(""), Email: new("")}, nil)
	enginetest.Refused(t, err, fault.Invalid, "name")
	_, err = update(people.LeadDraft{Phone: new("x")}, nil)
	enginetest.Refused(t, err, fault.Invalid, "phone")
	again, err := update(people.LeadDraft{Name: new("Benno Weiß")}, new(int64(2)))
	enginetest.Must(t, err)
	kept(t, c, c.Caller, again)
	if again.Version != 2 {
		t.Error("a change of nothing is a version")
	}
	enginetest.Traces(t, c, "")
	for _, id := range []string{"", "x", strings.ToUpper(a.ID), "0196c1e2-0000-7000-8000-000000000000"} {
		_, err = c.Engine.UpdateLead(ctx, c.Caller, id, nil, people.LeadDraft{Notes: new("x")})
		enginetest.Refused(t, err, fault.NotFound)
	}
}

func TestDeleteLead(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	l := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Anna"), Email: new("anna@example.org")}).Lead
	start := enginetest.Unix("2026-04-28 09:00")
	visit, err := c.Engine.Book(ctx, c.Caller, booking.Booking{LeadID: l.ID, StartsAt: start, EndsAt: start + 1800,
		ProviderID: c.Ada.ID, Title: "Consultation"})
	enginetest.Must(t, err)
	l, err = c.Engine.Lead(ctx, c.Caller, l.ID) // booking may have moved its status
	enginetest.Must(t, err)
	c.Since(t)

	_, err = c.Engine.DeleteLead(ctx, c.Caller, l.ID, new(l.Version+1))
	enginetest.Refused(t, err, fault.PreconditionFailed)
	_, err = c.Engine.DeleteLead(ctx, c.Caller, l.ID, nil)
	if e := enginetest.Refused(t, err, fault.Conflict, "id"); !strings.Contains(e.Details[0].Message, visit.ID) {
		t.Errorf("%v does not name the appointment", e)
	}
	enginetest.Traces(t, c, "", "lead.delete failed "+l.ID+" error:CONFLICT")
	c.Clock.Set(enginetest.At("2026-04-28 09:15")) // while it lasts
	_, err = c.Engine.DeleteLead(ctx, c.Caller, l.ID, nil)
	enginetest.Refused(t, err, fault.Conflict, "id")
	kept(t, c, c.Caller, l)
	c.Since(t)

	c.Clock.Set(enginetest.At("2026-04-28 09:30"))
	_, err = c.Engine.DeleteLead(ctx, c.Caller, l.ID, new(l.Version))
	enginetest.Must(t, err)
	enginetest.Traces(t, c, "lead.deleted", "lead.delete ok "+l.ID)
	_, err = c.Engine.Lead(ctx, c.Caller, l.ID)
	enginetest.Refused(t, err, fault.NotFound)
	c.Read(t, func(r engine.Reader) error {
		a, err := r.Appointment(c.Row.N, false, visit.ID)
		if a.LeadID != "" {
			t.Errorf("the past appointment still names the lead")
		}
		return err
	})
	_, err = c.Engine.DeleteLead(ctx, c.Caller, l.ID, nil)
	enginetest.Refused(t, err, fault.NotFound)
}

func TestDeleteLeadAfterCancelling(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	l := enginetest.PutLead(t, c, c.Caller, people.LeadDraft{Name: new("Anna")}).Lead
	start := enginetest.Unix("2026-04-28 09:00")
	visit, err := c.Engine.Book(ctx, c.Caller, booking.Booking{LeadID: l.ID, StartsAt: start, EndsAt: start + 1800,
		ProviderID: c.Ada.ID})
	enginetest.Must(t, err)
	_, err = c.Engine.Cancel(ctx, c.Caller, visit.ID, "")
	enginetest.Must(t, err)
	_, err = c.Engine.DeleteLead(ctx, c.Caller, l.ID, nil)
	enginetest.Must(t, err)
}

// A retry with the same idempotency key hears the first answer; nothing is done twice.
func TestPutLeadOnce(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	by := c.Caller
	by.Idempotency = &act.Idempotency{Key: "k", Fingerprint: "f"}
	by.Encode = func(result any, err error) act.Reply {
		return act.Reply{Status: 201, Body: []byte(result.(people.LeadPut).Lead.ID)}
	}
	first, err := c.Engine.PutLead(context.Background(), by, people.LeadDraft{Name: new("Anna")})
	enginetest.Must(t, err)
	_, err = c.Engine.PutLead(context.Background(), by, people.LeadDraft{Name: new("Anna")})
	replay, ok := err.(*act.Replay)
	if !ok || string(replay.Reply.Body) != first.Lead.ID || replay.Reply.Status != 201 {
		t.Errorf("the retry heard %v", err)
	}
	list, err := c.Engine.Leads(t.Context(), c.Caller, people.LeadQuery{}, act.Page{})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("%d leads, %v", len(list.Items), err)
	}
}
