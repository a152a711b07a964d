package directory_test

import (
	"fmt"
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
)

func TestCreateClosure(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	may1 := calendar.NewDate(2026, 5, 1)
	for _, test := range []struct {
		name  string
		owner directory.OwnerRef
		draft directory.ClosureDraft
		want  directory.Closure
	}{
		{"a holiday of one day", directory.ClinicOwner, directory.ClosureDraft{FromDate: &may1, Reason: new(" 1 May ")},
			directory.Closure{ByDate: true, FromDate: may1, ToDate: may1, Reason: "1 May"}},
		{"a week off", directory.OwnedBy('p', c.Ada.ID), directory.ClosureDraft{FromDate: &may1,
			ToDate: new(may1.AddDays(6))},
			directory.Closure{ByDate: true, FromDate: may1, ToDate: may1.AddDays(6)}},
		{"painters", directory.OwnedBy('l', c.Room1.ID), directory.ClosureDraft{StartsAt: new(int64(1000)),
			EndsAt: new(int64(4600))},
			directory.Closure{Span: calendar.Span{Start: 1000, End: 4600}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := c.Engine.CreateClosure(ctx, c.Caller, test.owner, test.draft)
			enginetest.Must(t, err)
			w := test.want
			w.ID, w.Clinic, w.Owner, w.Change = got.ID, c.Row.N, test.owner, got.Change
			w.Created, w.By = c.Clock.Now().Unix(), "key:live"
			if got.Closure != w || len(got.ID) != 36 || got.Change == 0 || got.Stranded == nil {
				t.Errorf("got  %+v\nwant %+v", got, w)
			}
			list, err := c.Engine.Closures(ctx, c.Caller, test.owner, act.Page{})
			if err != nil || len(list.Items) != 1 || list.Items[0] != w || *list.Total != 1 {
				t.Errorf("listed %+v, %v", list, err)
			}
			c.Left(t, fmt.Sprintf("closure.create ok %s owner:%s", got.ID, test.owner))
		})
	}
}

func TestClosureFaults(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	_, theirs := c.Rival(t)
	day := calendar.NewDate(2026, 5, 1)
	at := func(v int64) *int64 { return &v }
	for _, test := range []struct {
		name   string
		owner  directory.OwnerRef
		draft  directory.ClosureDraft
		kind   fault.Kind
		fields []string
	}{
		{"nothing", "c", directory.ClosureDraft{}, fault.Invalid, []string{"from_date"}},
		{"both", "c", directory.ClosureDraft{StartsAt: at(1), EndsAt: at(2), FromDate: &day,
			Reason: new(strings.Repeat("x", 501))}, fault.Invalid,
			[]string{"from_date", "reason"}},
		{"no end", "c", directory.ClosureDraft{StartsAt: at(1)}, fault.Invalid, []string{"ends_at"}},
		{"no start", "c", directory.ClosureDraft{EndsAt: at(1)}, fault.Invalid, []string{"starts_at"}},
		{"no length", "c", directory.ClosureDraft{StartsAt: at(5), EndsAt: at(5)}, fault.Invalid, []string{"ends_at"}},
		{"backwards", "c", directory.ClosureDraft{StartsAt: at(5), EndsAt: at(4)}, fault.Invalid, []string{"ends_at"}},
		{"for ever", "c", directory.ClosureDraft{StartsAt: at(0), EndsAt: at(1 << 40)}, fault.Invalid, []string{"ends_at"}},
		{"no first day", "c", directory.ClosureDraft{ToDate: &day}, fault.Invalid, []string{"from_date"}},
		{"days backwards", "c", directory.ClosureDraft{FromDate: &day, ToDate: new(day - 1)}, fault.Invalid,
			[]string{"to_date"}},
		{"days for ever", "c", directory.ClosureDraft{FromDate: &day, ToDate: new(day + 3661)}, fault.Invalid,
			[]string{"to_date"}},
		{"no date", "c", directory.ClosureDraft{FromDate: new(calendar.MaxDate + 1)}, fault.Invalid, []string{"from_date"}},
		{"of a service", directory.OwnedBy('s', c.Checkup.ID), directory.ClosureDraft{FromDate: &day}, fault.NotFound, nil},
		{"of another clinic", directory.OwnedBy('p', theirs.ID), directory.ClosureDraft{FromDate: &day}, fault.NotFound, nil},
		{"of nobody", directory.OwnedBy('l', 999), directory.ClosureDraft{FromDate: &day}, fault.NotFound, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c.Unchanged(t, func() {
				_, err := c.Engine.CreateClosure(t.Context(), c.Caller, test.owner, test.draft)
				enginetest.Refused(t, err, test.kind, test.fields...)
			})
			if test.kind == fault.NotFound {
				_, err := c.Engine.Closures(t.Context(), c.Caller, test.owner, act.Page{})
				enginetest.Refused(t, err, fault.NotFound)
				c.Left(t, "closure.create failed error:NOT_FOUND")
			} else {
				c.Left(t)
			}
		})
	}
}

func TestDeleteClosure(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	ada, ben := directory.OwnedBy('p', c.Ada.ID), directory.OwnedBy('p', c.Ben.ID)
	day := calendar.NewDate(2026, 5, 4)
	made, err := c.Engine.CreateClosure(ctx, c.Caller, ada, directory.ClosureDraft{FromDate: &day})
	enginetest.Must(t, err)
	rival, theirs := c.Rival(t)
	c.Since(t)
	c.Unchanged(t, func() {
		enginetest.Refused(t, c.Engine.DeleteClosure(ctx, c.Caller, ben, made.ID), fault.NotFound)
		enginetest.Refused(t, c.Engine.DeleteClosure(ctx, c.Caller, ada, "none"), fault.NotFound)
		enginetest.Refused(t, c.Engine.DeleteClosure(ctx, rival, ada, made.ID), fault.NotFound)
		enginetest.Refused(t, c.Engine.DeleteClosure(ctx, rival, directory.OwnedBy('p', theirs.ID), made.ID), fault.NotFound)
		enginetest.Refused(t, c.Engine.DeleteClosure(ctx, c.Test, ada, made.ID), fault.Forbidden)
	})
	c.Left(t, "closure.delete failed error:NOT_FOUND", "closure.delete failed error:NOT_FOUND",
		"closure.delete denied scope:providers:write")
	enginetest.Must(t, c.Engine.DeleteClosure(ctx, c.Caller, ada, made.ID))
	c.Left(t, fmt.Sprintf("closure.delete ok %s owner:%s", made.ID, ada))
	enginetest.Refused(t, c.Engine.DeleteClosure(ctx, c.Caller, ada, made.ID), fault.NotFound)
	if list, err := c.Engine.Closures(ctx, c.Caller, ada, act.Page{}); err != nil || len(list.Items) != 0 {
		t.Errorf("left %+v, %v", list, err)
	}
}

func TestListClosures(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	var want []string
	for i := range 5 {
		c.Clock.Add(time.Duration(i%2) * time.Second)
		made, err := c.Engine.CreateClosure(ctx, c.Caller, directory.ClinicOwner,
			directory.ClosureDraft{FromDate: new(calendar.NewDate(2026, 6, i))})
		enginetest.Must(t, err)
		want = append(want, made.ID)
	}
	slices.Reverse(want)
	var got []string
	page := act.Page{Limit: 2}
	for more := true; more; {
		list, err := c.Engine.Closures(ctx, c.Caller, directory.ClinicOwner, page)
		enginetest.Must(t, err)
		for _, x := range list.Items {
			got = append(got, x.ID)
		}
		if *list.Total != 5 {
			t.Errorf("total %d", *list.Total)
		}
		page.Cursor, more = list.Next, list.More
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	page.Cursor = "x"
	_, err := c.Engine.Closures(ctx, c.Caller, directory.ClinicOwner, page)
	enginetest.Refused(t, err, fault.InvalidCursor, "cursor")
}

// A closure says whom it strands, and deleting it opens the time again.
func TestClosureStrandsAndReopens(t *testing.T) {
	t.Parallel()
	c := enginetest.New(t)
	ctx := t.Context()
	tue := c.Book(t, "2026-04-28 09:00", c.Ada, c.Checkup)
	room := c.Book(t, "2026-04-28 10:10", c.Ada, c.Surgery)
	c.Book(t, "2026-04-29 09:00", c.Ada, c.Checkup)
	day := calendar.NewDate(2026, 4, 28)
	for _, test := range []struct {
		owner  directory.OwnerRef
		draft  directory.ClosureDraft
		closes bool // 11:30 with Ada at the practice
		want   []booking.Appointment
	}{
		{directory.OwnedBy('p', c.Ben.ID), directory.ClosureDraft{FromDate: &day}, false, nil},
		{directory.OwnedBy('l', c.Room1.ID), directory.ClosureDraft{FromDate: &day}, false, []booking.Appointment{room}},
		{directory.OwnedBy('l', c.Practice.ID), directory.ClosureDraft{FromDate: &day}, true,
			[]booking.Appointment{tue, room}},
		{directory.OwnedBy('p', c.Ada.ID), directory.ClosureDraft{StartsAt: new(tue.EndsAt), EndsAt: new(room.StartsAt)},
			false, nil},
		{directory.OwnedBy('p', c.Ada.ID), directory.ClosureDraft{StartsAt: new(tue.EndsAt - 1), EndsAt: new(tue.EndsAt)},
			false, []booking.Appointment{tue}},
		{directory.ClinicOwner, directory.ClosureDraft{FromDate: &day}, true, []booking.Appointment{tue, room}},
	} {
		t.Run(string(test.owner), func(t *testing.T) {
			made, err := c.Engine.CreateClosure(ctx, c.Caller, test.owner, test.draft)
			enginetest.Must(t, err)
			told(t, made.Stranded, test.want...)
			probe := func(shut bool) {
				t.Helper()
				a, err := c.TryBook(t, c.Caller, "2026-04-28 11:30", c.Ada, c.Checkup)
				if shut {
					enginetest.Refused(t, err, fault.OutsideHours, "scheduled_at")
					return
				}
				enginetest.Must(t, err)
				c.Cancel(t, a)
			}
			probe(test.closes)
			enginetest.Must(t, c.Engine.DeleteClosure(ctx, c.Caller, test.owner, made.ID))
			probe(false)
		})
	}
}
