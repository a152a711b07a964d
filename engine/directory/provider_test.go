package directory_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"qualifybase/engine/act"
	"qualifybase/engine/booking"
	"qualifybase/engine/calendar"
	"qualifybase/engine/directory"
	"qualifybase/engine/enginetest"
	"qualifybase/engine/fault"
	"qualifybase/engine/scope"
)

func TestCreateProvider(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	got, err := c.Engine.CreateProvider(ctx, c.Caller, directory.ProviderDraft{DisplayName: new("  Dora ")})
	enginetest.Must(t, err)
	now := c.Clock.Now().Unix()
	if got.DisplayName != "Dora" || !got.Active || !got.BookableOnline || got.Weight != 100 || got.Priority != 0 ||
		!slices.Equal(got.LocationIDs, []int64{c.Practice.ID}) || got.Version != 1 || got.CreatedAt != now ||
		got.CreatedBy != "key:live" {
		t.Errorf("the defaults are %+v", got)
	}
	c.Left(t, fmt.Sprintf("provider.create ok %d display_name,location_ids", got.ID))
	same(t, c, got)

	full := directory.ProviderDraft{
		DisplayName: new("Dr. Emil"), Credentials: new("MD"), Specialty: new("Oral surgery"), RegistrationNo: new("B-17"),
		Email: new("Emil@Clinic.example"), Phone: new("030 123456"), Active: new(false), BookableOnline: new(false),
		Colour: new("#AABBCC"),
		Weight: new(50), Priority: new(-3), BufferBefore: new(5), BufferAfter: new(15), DailyCap: new(8),
		LocationIDs: &[]int64{c.Branch.ID, c.Room1.ID}, ServiceIDs: &[]int64{c.Surgery.ID},
	}
	got, err = c.Engine.CreateProvider(ctx, c.Caller, full)
	enginetest.Must(t, err)
	if got.Email != "Emil@Clinic.example" || got.Phone != "030 123456" || got.Active || got.BookableOnline ||
		got.Colour != "#aabbcc" ||
		got.Weight != 50 || got.Priority != -3 || got.BufferBefore != 5 || got.BufferAfter != 15 || got.DailyCap != 8 ||
		!slices.Equal(got.LocationIDs, []int64{c.Branch.ID, c.Room1.ID}) ||
		!slices.Equal(got.ServiceIDs, []int64{c.Surgery.ID}) {
		t.Errorf("the provider is %+v", got)
	}
	same(t, c, got)
	if e := c.Since(t).Events; len(e) != 0 {
		t.Errorf("events %v for a change of the directory", e)
	}
}

// same checks that what was answered is what is kept.
func same(t *testing.T, c *enginetest.Clinic, answered directory.Provider) {
	t.Helper()
	kept, err := c.Engine.Provider(t.Context(), c.Caller, answered.ID)
	enginetest.Must(t, err)
	if fmt.Sprintf("%+v", kept) != fmt.Sprintf("%+v", answered) {
		t.Errorf("answered %+v\nkept     %+v", answered, kept)
	}
}

func TestProviderFaults(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	rival, theirs := c.Rival(t)
	long := strings.Repeat("x", 101)
	place := []int64{c.Practice.ID}
	name := func(d directory.ProviderDraft) directory.ProviderDraft { d.DisplayName = new("Dora"); return d }
	for _, test := range []struct {
		name   string
		draft  directory.ProviderDraft
		fields []string
	}{
		{"nothing", directory.ProviderDraft{}, []string{"display_name"}},
		{"blank", directory.ProviderDraft{DisplayName: new(" \t")}, []string{"display_name"}},
		{"all at once", directory.ProviderDraft{DisplayName: &long, Credentials: &long, Specialty: new("a\nb"),
			RegistrationNo: &long,
			Email:          new("no address"), Phone: new("call me"), Colour: new("red"), Weight: new(0), Priority: new(1001),
			BufferBefore: new(-1), BufferAfter: new(721), DailyCap: new(-1), LocationIDs: &[]int64{999},
			ServiceIDs: &[]int64{998, 997}},
			[]string{"display_name", "credentials", "specialty", "registration_no", "email", "phone", "colour", "weight",
				"priority",
				"buffer_before", "buffer_after", "daily_cap", "location_ids[0]", "service_ids[0]", "service_ids[1]"}},
		{"nowhere", name(directory.ProviderDraft{LocationIDs: &[]int64{}}), []string{"location_ids"}},
		{"twice", name(directory.ProviderDraft{LocationIDs: &[]int64{place[0], place[0]}}), []string{"location_ids[1]"}},
		{"another clinic's place", name(directory.ProviderDraft{LocationIDs: &[]int64{theirs.LocationIDs[0]}}),
			[]string{"location_ids[0]"}},
		{"too many", name(directory.ProviderDraft{ServiceIDs: new(make([]int64, 201))}), []string{"service_ids"}},
		{"no hex", name(directory.ProviderDraft{Colour: new("#12345g")}), []string{"colour"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.Unchanged(t, func() {
				_, err := c.Engine.CreateProvider(t.Context(), c.Caller, test.draft)
				enginetest.Refused(t, err, fault.Invalid, test.fields...)
				if test.name == "nothing" {
					return // which changes nothing
				}
				_, err = c.Engine.UpdateProvider(t.Context(), c.Caller, c.Ada.ID, nil, test.draft)
				enginetest.Refused(t, err, fault.Invalid, test.fields...)
			})
			c.Left(t) // malformed requests are no acts
		})
	}
	t.Run("another clinic's id reads like one that does not exist", func(t *testing.T) {
		message := func(id int64) string {
			_, err := c.Engine.CreateProvider(t.Context(), c.Caller, name(directory.ProviderDraft{LocationIDs: &[]int64{id}}))
			return enginetest.Refused(t, err, fault.Invalid, "location_ids[0]").Error()
		}
		if a, b := message(theirs.LocationIDs[0]), message(1<<40); a != b {
			t.Errorf("%q against %q", a, b)
		}
		_, err := c.Engine.Provider(t.Context(), rival, c.Ada.ID)
		enginetest.Refused(t, err, fault.NotFound)
		_, err = c.Engine.UpdateProvider(t.Context(), rival, c.Ada.ID, nil, directory.ProviderDraft{DisplayName: new("Mine")})
		enginetest.Refused(t, err, fault.NotFound)
		enginetest.Refused(t, c.Engine.DeleteProvider(t.Context(), rival, c.Ada.ID), fault.NotFound)
	})
}

func TestProviderWithoutAPlaceToWork(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	enginetest.Must(t, c.Engine.DeleteLocation(t.Context(), c.Caller, c.Practice.ID))
	got := c.AddProvider(t, directory.ProviderDraft{DisplayName: new("Dora")})
	if !slices.Equal(got.LocationIDs, []int64{c.Branch.ID}) {
		t.Errorf("works at %v, want the oldest active clinic %d", got.LocationIDs, c.Branch.ID)
	}
	enginetest.Must(t, c.Engine.DeleteLocation(t.Context(), c.Caller, c.Branch.ID))
	_, err := c.Engine.CreateProvider(t.Context(), c.Caller, directory.ProviderDraft{DisplayName: new("Emil")})
	enginetest.Refused(t, err, fault.Invalid, "location_ids")
}

func TestUpdateProvider(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	c.Clock.Add(time.Hour)
	got, err := c.Engine.UpdateProvider(ctx, c.Caller, c.Ada.ID, &c.Ada.Version,
		directory.ProviderDraft{Specialty: new("Dentist"), Weight: new(60)})
	enginetest.Must(t, err)
	want := c.Ada
	want.Specialty, want.Weight, want.Version, want.Change = "Dentist", 60, c.Ada.Version+1, got.Change
	want.UpdatedAt, want.UpdatedBy = c.Clock.Now().Unix(), "key:live"
	if !reflect.DeepEqual(got, want) || got.Change <= c.Cleo.Change {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	same(t, c, got)
	c.Left(t, fmt.Sprintf("provider.update ok %d specialty,weight", c.Ada.ID))

	c.Unchanged(t, func() {
		again, err := c.Engine.UpdateProvider(ctx, c.Caller, c.Ada.ID, &got.Version,
			directory.ProviderDraft{Specialty: new("Dentist"),
				LocationIDs: &got.LocationIDs, ServiceIDs: &got.ServiceIDs})
		if err != nil || again.Version != got.Version {
			t.Errorf("the same again: version %d, %v", again.Version, err)
		}
		_, err = c.Engine.UpdateProvider(ctx, c.Caller, c.Ada.ID, &c.Ada.Version, directory.ProviderDraft{Weight: new(1)})
		e := enginetest.Refused(t, err, fault.PreconditionFailed)
		if !strings.Contains(e.Message, fmt.Sprintf("version is %d", got.Version)) {
			t.Errorf("the message does not name the version: %s", e.Message)
		}
	})
	c.Left(t)
	c.Unchanged(t, func() {
		_, err = c.Engine.UpdateProvider(ctx, c.Caller, 999, nil, directory.ProviderDraft{Weight: new(1)})
		enginetest.Refused(t, err, fault.NotFound)
		_, err = c.Engine.UpdateProvider(ctx, c.Test, c.Ada.ID, nil, directory.ProviderDraft{Weight: new(1)})
		enginetest.Refused(t, err, fault.Forbidden)
		reader := c.Caller
		reader.Scopes = scope.Of(scope.ProvidersRead)
		_, err = c.Engine.UpdateProvider(ctx, reader, c.Ada.ID, nil, directory.ProviderDraft{Weight: new(1)})
		if e := enginetest.Refused(t, err, fault.Forbidden); e.Missing != scope.ProvidersWrite {
			t.Errorf("the missing scope is %v", e.Missing)
		}
	})
	c.Left(t, "provider.update failed 999 error:NOT_FOUND", "provider.update denied scope:providers:write",
		"provider.update denied scope:providers:write")
}

func TestDeleteProviderDeactivates(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	enginetest.Must(t, c.Engine.DeleteProvider(ctx, c.Caller, c.Ben.ID))
	got, err := c.Engine.Provider(ctx, c.Caller, c.Ben.ID)
	enginetest.Must(t, err)
	if got.Active || got.Version != c.Ben.Version+1 || got.DisplayName != "Ben" ||
		!slices.Equal(got.ServiceIDs, c.Ben.ServiceIDs) {
		t.Errorf("deleted: %+v", got)
	}
	c.Left(t, fmt.Sprintf("provider.delete ok %d active", c.Ben.ID))
	enginetest.Must(t, c.Engine.DeleteProvider(ctx, c.Caller, c.Ben.ID))
	same(t, c, got)
	c.Left(t)
	enginetest.Refused(t, c.Engine.DeleteProvider(ctx, c.Caller, 999), fault.NotFound)
	c.Left(t, "provider.delete failed 999 error:NOT_FOUND")
	if _, err := c.Engine.UpdateProvider(ctx, c.Caller, c.Ben.ID, nil,
		directory.ProviderDraft{Active: new(true)}); err != nil {
		t.Errorf("cannot be active again: %v", err)
	}
}

// Deactivating leaves the calendar alone; nobody new is booked.
func TestDeletedProviderKeepsAppointments(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	booked := c.Book(t, "2026-04-28 09:00", c.Ada, c.Checkup)
	enginetest.Must(t, c.Engine.DeleteProvider(t.Context(), c.Caller, c.Ada.ID))
	kept, err := c.Engine.Appointment(t.Context(), c.Caller, booked.ID)
	if err != nil || kept.Status != booking.Scheduled || kept.ProviderID != c.Ada.ID || kept.Version != booked.Version {
		t.Errorf("the appointment is %+v, %v", kept, err)
	}
	_, err = c.TryBook(t, c.Caller, "2026-04-28 10:00", c.Ada, c.Checkup)
	if kind := fault.KindOf(err); kind != fault.ProviderInactive {
		t.Errorf("booking says %v, want %s", err, fault.ProviderInactive)
	}
}

// Explain says of an inactive provider what booking him says: every other reason
// first, and where nobody is left, that (booking.md §1.7, §10).
func TestExplainInactiveProvider(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	q := booking.AvailabilityQuery{ProviderID: c.Ada.ID, ServiceID: c.Checkup.ID,
		From: calendar.At(enginetest.Unix("2026-04-28 00:00")),
		To:   calendar.At(enginetest.Unix("2026-04-29 00:00"))}
	before, err := c.Engine.Explain(t.Context(), c.Caller, q, 0)
	enginetest.Must(t, err)
	enginetest.Must(t, c.Engine.DeleteProvider(t.Context(), c.Caller, c.Ada.ID))
	after, err := c.Engine.Explain(t.Context(), c.Caller, q, 0)
	enginetest.Must(t, err)
	inactive := 0
	for i, was := range before {
		want := was.Verdict
		if want == booking.Offered {
			want = booking.RefusedInactive
			inactive++
		}
		if after[i].Verdict != want {
			t.Errorf("%d: %s, want %s", was.StartsAt, after[i].Verdict, want)
		}
	}
	if inactive == 0 || len(after) != len(before) {
		t.Errorf("%d starts were offered; %d candidates became %d", inactive, len(before), len(after))
	}
	if kind := booking.RefusedInactive.Kind(); kind != fault.ProviderInactive {
		t.Errorf("the verdict is %s", kind)
	}
	enginetest.Must(t, c.Engine.DeleteProvider(t.Context(), c.Caller, c.Ben.ID))
	enginetest.Must(t, c.Engine.DeleteProvider(t.Context(), c.Caller, c.Cleo.ID))
	q.ProviderID = 0
	_, err = c.Engine.Explain(t.Context(), c.Caller, q, 0)
	enginetest.Refused(t, err, fault.ProviderInactive, "provider_id")
}

func TestListProviders(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	var want []int64 // newest first
	for i := range 7 {
		c.Clock.Add(time.Duration(i%2) * time.Second) // some in one second
		want = append(want, c.AddProvider(t, directory.ProviderDraft{DisplayName: new(fmt.Sprint("P", i))}).ID)
	}
	slices.Reverse(want)
	want = append(want, c.Cleo.ID, c.Ben.ID, c.Ada.ID)
	var got []int64
	page := act.Page{Limit: 3}
	for {
		list, err := c.Engine.Providers(ctx, c.Caller, page)
		enginetest.Must(t, err)
		for _, p := range list.Items {
			got = append(got, p.ID)
		}
		if list.Total == nil || *list.Total != 10 {
			t.Errorf("total %v after %d rows", list.Total, len(got))
		}
		if len(got) == 3 { // one more, while we page: it belongs before what we saw
			c.AddProvider(t, directory.ProviderDraft{DisplayName: new("late")})
		}
		if !list.More {
			break
		}
		page.Cursor = list.Next
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	rival, _ := c.Rival(t)
	_, err := c.Engine.Providers(ctx, rival, page)
	enginetest.Refused(t, err, fault.InvalidCursor, "cursor")
	_, err = c.Engine.Locations(ctx, c.Caller, page)
	enginetest.Refused(t, err, fault.InvalidCursor, "cursor")
	_, err = c.Engine.Providers(ctx, c.Caller, act.Page{Limit: 201})
	enginetest.Refused(t, err, fault.Invalid, "limit")
	if list, err := c.Engine.Providers(ctx, c.Test, act.Page{}); err != nil || len(list.Items) != 11 {
		t.Errorf("a test key sees %d providers, %v", len(list.Items), err)
	}
}

// A service that names nobody is offered by everybody; naming and un-naming must
// not take it from, or give it to, anybody else.
func TestProvidersServices(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	offers := func(service int64) []int64 {
		s, err := c.Engine.Service(ctx, c.Caller, service)
		enginetest.Must(t, err)
		return s.ProviderIDs
	}
	dora := c.AddProvider(t, directory.ProviderDraft{DisplayName: new("Dora"), ServiceIDs: &[]int64{c.Checkup.ID}})
	if got, want := offers(c.Checkup.ID), []int64{c.Ada.ID, c.Ben.ID, c.Cleo.ID, dora.ID}; !slices.Equal(got, want) {
		t.Errorf("the check-up is offered by %v, want %v", got, want)
	}
	ada, err := c.Engine.Provider(ctx, c.Caller, c.Ada.ID)
	enginetest.Must(t, err)
	if ada.Version != c.Ada.Version+1 || !slices.Contains(ada.ServiceIDs, c.Checkup.ID) {
		t.Errorf("Ada, who is named with her, is %+v", ada)
	}
	_, err = c.Engine.UpdateProvider(ctx, c.Caller, c.Ben.ID, nil, directory.ProviderDraft{ServiceIDs: &[]int64{}})
	enginetest.Must(t, err)
	if got := offers(c.Surgery.ID); !slices.Equal(got, []int64{c.Ada.ID}) {
		t.Errorf("surgery without Ben is offered by %v", got)
	}
	c.Since(t)
	c.Unchanged(t, func() {
		_, err = c.Engine.UpdateProvider(ctx, c.Caller, c.Ada.ID, nil,
			directory.ProviderDraft{ServiceIDs: &[]int64{c.Checkup.ID}})
		enginetest.Refused(t, err, fault.Conflict, "service_ids")
	})
	c.Left(t, fmt.Sprintf("provider.update failed %d error:CONFLICT", c.Ada.ID))
}

// A repeated POST makes one provider; a decided refusal is heard again.
func TestProviderIdempotency(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	caller := c.Caller
	caller.Encode = func(result any, err error) act.Reply {
		if err != nil {
			return act.Reply{Status: 409, Body: []byte(fault.KindOf(err))}
		}
		return act.Reply{Status: 201, Body: fmt.Append(nil, result.(directory.Provider).ID)}
	}
	replayed := func(err error) act.Reply {
		t.Helper()
		r, ok := errors.AsType[*act.Replay](err)
		if !ok {
			t.Fatalf("got %v, want a replay", err)
		}
		return r.Reply
	}
	caller.Idempotency = &act.Idempotency{Key: "make", Fingerprint: "f1"}
	made, err := c.Engine.CreateProvider(ctx, caller, directory.ProviderDraft{DisplayName: new("Dora")})
	enginetest.Must(t, err)
	c.Since(t)
	c.Unchanged(t, func() {
		_, err = c.Engine.CreateProvider(ctx, caller, directory.ProviderDraft{DisplayName: new("Dora")})
		if r := replayed(err); r.Status != 201 || string(r.Body) != fmt.Sprint(made.ID) {
			t.Errorf("replayed %d %s", r.Status, r.Body)
		}
		caller.Idempotency.Fingerprint = "f2"
		_, err = c.Engine.CreateProvider(ctx, caller, directory.ProviderDraft{DisplayName: new("Emil")})
		enginetest.Refused(t, err, fault.KeyReused)
	})
	c.Left(t)

	caller.Idempotency = &act.Idempotency{Key: "take", Fingerprint: "f1"}
	take := directory.ProviderDraft{ServiceIDs: &[]int64{}}
	_, err = c.Engine.UpdateProvider(ctx, c.Caller, c.Ben.ID, nil, take)
	enginetest.Must(t, err)
	_, err = c.Engine.UpdateProvider(ctx, caller, c.Ada.ID, nil, take)
	enginetest.Refused(t, err, fault.Conflict, "service_ids")
	_, err = c.Engine.UpdateProvider(ctx, c.Caller, c.Ben.ID, nil,
		directory.ProviderDraft{ServiceIDs: &[]int64{c.Surgery.ID}})
	enginetest.Must(t, err) // now it could be done, yet the answer stands
	c.Unchanged(t, func() {
		_, err = c.Engine.UpdateProvider(ctx, caller, c.Ada.ID, nil, take)
		if r := replayed(err); r.Status != 409 || string(r.Body) != "CONFLICT" {
			t.Errorf("replayed %d %s", r.Status, r.Body)
		}
	})
}
